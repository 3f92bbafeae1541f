// nopad tag: what it writes, and what it refuses.
#include <gtest/gtest.h>

#include "apps/json_lines.h"
#include "apps/run_command.h"
#include "nopad/runtime/token_tagger.h"

namespace nopad::test {
namespace {

std::string model() { return NOPAD_TEST_DATA "/pipelines/bert-tag"; }

CommandResult tag(std::vector<std::string> options, const std::string& input) {
  options.insert(options.begin(), {"tag", "--model", model(), "--dtype", "f32"});
  return run_command(options, {.input = input});
}

const std::vector<std::string> kTexts = {"Zo\u00eb moved to S\u00e3o Paulo.", "", "The ferry."};

std::string lines_of(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += text + "\n";
  return out;
}

void expect_entities(const std::string& out, const std::vector<std::vector<TaggedSpan>>& expected) {
  const auto lines = json_lines(out);
  ASSERT_EQ(lines.size(), expected.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i].at("index"), i);
    const auto& entities = lines[i].at("entities");
    ASSERT_EQ(entities.size(), expected[i].size());
    for (size_t k = 0; k < expected[i].size(); ++k) {
      const TaggedSpan& entity = expected[i][k];
      EXPECT_EQ(entities[k].at("label"), entity.label);
      EXPECT_EQ(entities[k].at("score").get<float>(), entity.score);
      EXPECT_EQ(entities[k].at("start"), entity.span.begin);
      EXPECT_EQ(entities[k].at("end"), entity.span.end);
      EXPECT_EQ(entities[k].at("text").get<std::string>(), text::slice(kTexts[i], entity.span));
    }
  }
}

TEST(Tag, EachLineHasItsEntitiesUnderEveryAggregation) {
  const TokenTagger tagger = TokenTagger::load(model(), {.dtype = ComputeType::f32});
  for (const char* name : {"none", "simple", "first", "max", "average"}) {
    SCOPED_TRACE(name);
    const auto expected = tagger.tag(kTexts, {.aggregation = aggregation_from_string(name)});
    EXPECT_FALSE(expected[0].empty());
    const CommandResult result = tag({"-q", "--aggregation", name}, lines_of(kTexts));
    ASSERT_EQ(result.exit_code, 0) << result.err;
    expect_entities(result.out, expected);
  }
}

TEST(Tag, BatchesChangeNothing) {
  const CommandResult whole = tag({"-q"}, lines_of(kTexts));
  EXPECT_EQ(tag({"-q", "--batch-tokens", "1", "--threads", "1"}, lines_of(kTexts)).out, whole.out);
}

TEST(Tag, ALongTextIsCutAndCountedOrReadInWindows) {
  const CommandResult cut = tag({"--max-length", "8"}, kTexts[0] + "\n");
  EXPECT_NE(cut.err.find("1 truncated"), std::string::npos) << cut.err;
  const CommandResult windows = tag({"--max-length", "8", "--stride", "2"}, kTexts[0] + "\n");
  EXPECT_NE(windows.err.find("0 truncated"), std::string::npos) << windows.err;
  const auto last_end = [](const CommandResult& result) {
    return json_lines(result.out).at(0).at("entities").back().at("end").get<int64_t>();
  };
  EXPECT_GT(last_end(windows), last_end(cut));
}

TEST(Tag, RefusesWrongUsage) {
  EXPECT_EQ(tag({"--aggregation", "mean"}, "a\n").exit_code, 2);
  const CommandResult result = tag({"--aggregation", "none", "--stride", "1"}, "a\n");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, "nopad tag: --stride: expected another --aggregation than none with it\n");
}

TEST(Tag, RefusesAnotherHead) {
  const std::string classifier = NOPAD_TEST_DATA "/pipelines/bert-classify";
  const CommandResult result = run_command({"tag", "--model", classifier}, {.input = "a\n"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(result.err,
            "nopad tag: " + classifier +
                ": expected a head for token classification, got BertForSequenceClassification\n");
}

TEST(Tag, TextThatIsNotUtf8NamesItsLine) {
  const CommandResult result = tag({"-q"}, "a\n\xff\n");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_TRUE(result.err.starts_with("nopad tag: <stdin>:2: ")) << result.err;
}

}  // namespace
}  // namespace nopad::test
