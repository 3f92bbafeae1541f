// nopad fill-mask: what it writes, and what it refuses.
#include <gtest/gtest.h>

#include "apps/json_lines.h"
#include "apps/run_command.h"
#include "io/scratch_directory.h"
#include "nopad/runtime/mask_filler.h"

namespace nopad::test {
namespace {

std::string model() { return NOPAD_TEST_DATA "/pipelines/bert-fill-mask"; }

CommandResult fill_mask(std::vector<std::string> options, const std::string& input) {
  options.insert(options.begin(), {"fill-mask", "--model", model(), "--dtype", "f32"});
  return run_command(options, {.input = input});
}

TEST(FillMask, EachLineHasItsMasksWithTheBitsOfTheLibrary) {
  const std::vector<std::string> texts = {"The [MASK] leaves.", "[MASK] and [MASK]"};
  const auto expected = MaskFiller::load(model(), {.dtype = ComputeType::f32}).fill(texts, 2);
  const CommandResult result = fill_mask({"--top", "2"}, texts[0] + "\n" + texts[1] + "\n");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto lines = json_lines(result.out);
  ASSERT_EQ(lines.size(), texts.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i].at("index"), i);
    EXPECT_EQ(lines[i].at("line"), i + 1);
    EXPECT_EQ(lines[i].at("text"), texts[i]);
    ASSERT_EQ(lines[i].at("masks").size(), expected[i].size());
    for (size_t m = 0; m < expected[i].size(); ++m) {
      const auto& mask = lines[i].at("masks")[m];
      EXPECT_EQ(mask.at("start"), expected[i][m].span.begin);
      EXPECT_EQ(mask.at("end"), expected[i][m].span.end);
      ASSERT_EQ(mask.at("candidates").size(), 2u);
      const auto& best = mask.at("candidates")[0];
      EXPECT_EQ(best.at("id"), expected[i][m].candidates[0].id);
      EXPECT_EQ(best.at("token"), expected[i][m].candidates[0].token);
      EXPECT_EQ(best.at("score").get<float>(), expected[i][m].candidates[0].score);
      EXPECT_EQ(best.at("text"), expected[i][m].candidates[0].text);
    }
  }
}

TEST(FillMask, BatchesChangeNothing) {
  const std::string input = "a [MASK] b\n[MASK]\nThe [MASK] and the [MASK]!\n";
  const CommandResult whole = fill_mask({"-q"}, input);
  EXPECT_EQ(whole.err, "");
  EXPECT_EQ(fill_mask({"-q", "--batch-tokens", "1", "--threads", "1"}, input).out, whole.out);
}

TEST(FillMask, TakesAFieldOfJsonLinesAndWritesAFile) {
  const ScratchDirectory folder;
  const auto input = folder.write("posts.jsonl", "{\"body\": \"a [MASK] b\"}\n");
  const std::string output = (folder / "filled.jsonl").string();
  const CommandResult result =
      fill_mask({"--field", "body", "--output", output, input.string()}, "");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "");
  const auto lines = json_lines(content_of(output));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].at("text"), "a [MASK] b");
  EXPECT_EQ(lines[0].at("file"), input.string());
  EXPECT_NE(result.err.find("nopad fill-mask: 1 line, 5 tokens"), std::string::npos) << result.err;
}

TEST(FillMask, ATextWithoutAMaskNamesItsLine) {
  const CommandResult result = fill_mask({"-q"}, "a [MASK]\nno mask\n");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.err, "nopad fill-mask: <stdin>:2: MaskFiller: expected a text with [MASK]\n");
}

TEST(FillMask, RefusesAnotherHeadAndAnotherTop) {
  const std::string tagger = NOPAD_TEST_DATA "/pipelines/bert-tag";
  const CommandResult result = run_command({"fill-mask", "--model", tagger}, {.input = "[MASK]\n"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(result.err, "nopad fill-mask: " + tagger +
                            ": expected a head for masked words, got BertForTokenClassification\n");
  EXPECT_EQ(fill_mask({"--top", "0"}, "[MASK]\n").exit_code, 2);
}

}  // namespace
}  // namespace nopad::test
