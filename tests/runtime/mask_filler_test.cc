#include "nopad/runtime/mask_filler.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "expect_error.h"
#include "io/scratch_directory.h"
#include "nopad/core/error.h"
#include "runtime/recorded_pipeline.h"

namespace nopad {
namespace {

using test::pipeline_directory;

MaskFiller load(const std::string& name, ModelOptions options = {}) {
  options.dtype = ComputeType::f32;
  return MaskFiller::load(pipeline_directory(name), options);
}

std::vector<std::string> recorded_texts(const std::string& name) {
  return test::load_pipeline(name, "fill-mask").at(0).at("inputs").get<std::vector<std::string>>();
}

class RecordedMaskFiller : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Families, RecordedMaskFiller,
                         testing::Values("bert-fill-mask", "roberta-fill-mask", "albert-fill-mask",
                                         "distilbert-fill-mask", "modernbert-fill-mask"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

void expect_candidates(const FilledMask& mask, const nlohmann::json& expected) {
  ASSERT_EQ(mask.candidates.size(), expected.size());
  for (size_t k = 0; k < expected.size(); ++k) {
    EXPECT_EQ(mask.candidates[k].id, expected[k].at("token"));
    EXPECT_EQ(mask.candidates[k].token, expected[k].at("token_str").get<std::string>());
    EXPECT_NEAR(mask.candidates[k].score, expected[k].at("score").get<float>(),
                test::kPipelineScore);
  }
}

TEST_P(RecordedMaskFiller, EqualsThePipeline) {
  const MaskFiller filler = load(GetParam());
  const auto record = test::load_pipeline(GetParam(), "fill-mask").at(0);
  const auto texts = record.at("inputs").get<std::vector<std::string>>();
  const auto filled = filler.fill(texts, record.at("options").at("top_k"));
  ASSERT_EQ(filled.size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    SCOPED_TRACE(texts[i]);
    const auto& masks = record.at("outputs")[i];
    ASSERT_EQ(filled[i].size(), masks.size());
    for (size_t m = 0; m < masks.size(); ++m) expect_candidates(filled[i][m], masks[m]);
  }
}

TEST_P(RecordedMaskFiller, SpansAreThoseOfTheMasks) {
  const MaskFiller filler = load(GetParam());
  const auto texts = recorded_texts(GetParam());
  const auto filled = filler.fill(texts, 1);
  for (size_t i = 0; i < texts.size(); ++i) {
    for (const FilledMask& mask : filled[i]) {
      EXPECT_TRUE(text::slice(texts[i], mask.span).ends_with(filler.mask_token())) << texts[i];
    }
  }
}

TEST_P(RecordedMaskFiller, ATextHasTheSameBitsInAnyCompany) {
  const auto texts = recorded_texts(GetParam());
  const MaskFiller one = load(GetParam(), {.num_threads = 1});
  const MaskFiller two = load(GetParam(), {.num_threads = 2, .batch_tokens = 10});
  const auto together = one.fill(texts);
  const auto apart = two.fill(texts);
  for (size_t i = 0; i < texts.size(); ++i) {
    SCOPED_TRACE(texts[i]);
    EXPECT_EQ(apart[i], together[i]);
    EXPECT_EQ(one.fill(std::span(&texts[i], 1)).at(0), together[i]);
  }
}

// The texts are the "sequence" of the pipeline of transformers 5.23. ALBERT's first candidate is [CLS].
TEST(MaskFiller, ReadsTheWholeTextWithACandidate) {
  const auto best = [](const std::string& name, const std::string& text) {
    const std::vector<std::string> texts = {text};
    return load(name).fill(texts, 1).at(0).at(0).candidates.at(0).text;
  };
  EXPECT_EQ(best("bert-fill-mask", "Unfriend[MASK]ness is a long word."),
            "unfriend in ness is a long word.");
  EXPECT_EQ(best("roberta-fill-mask", "The <mask> leaves at noon."), "Theondon leaves at noon.");
  EXPECT_EQ(best("albert-fill-mask", "The [MASK] leaves at noon."), "the leaves at noon.");
}

TEST(MaskFiller, OtherMasksStayInTheText) {
  const std::vector<std::string> texts = {"a [MASK] b [MASK]"};
  const auto masks = load("bert-fill-mask").fill(texts, 1).at(0);
  ASSERT_EQ(masks.size(), 2u);
  EXPECT_TRUE(masks[0].candidates[0].text.ends_with(" b [MASK]")) << masks[0].candidates[0].text;
  EXPECT_TRUE(masks[1].candidates[0].text.starts_with("a [MASK] b"));
}

TEST(MaskFiller, ManyMasksInOneTextAreAllFilled) {
  std::string text;
  for (int i = 0; i < 90; ++i) text += "[MASK] ";
  const std::vector<std::string> texts = {text, "a [MASK]"};
  const MaskFiller filler = load("bert-fill-mask");
  const auto filled = filler.fill(texts, 2);
  EXPECT_EQ(filled[0].size(), 90u);
  EXPECT_EQ(filled[1], filler.fill(std::span(texts).subspan(1), 2).at(0));
}

TEST(MaskFiller, TopStopsAtTheVocabulary) {
  const std::vector<std::string> texts = {"[MASK]"};
  const auto candidates = load("bert-fill-mask").fill(texts, 100000).at(0).at(0).candidates;
  ASSERT_EQ(candidates.size(), 360u);
  float sum = 0;
  for (const MaskCandidate& candidate : candidates) sum += candidate.score;
  EXPECT_NEAR(sum, 1, 1e-4);
  EXPECT_TRUE(std::ranges::is_sorted(candidates, std::greater(), &MaskCandidate::score));
}

TEST(MaskFiller, NoTextsGiveNothing) {
  EXPECT_TRUE(load("bert-fill-mask").fill(std::span<const std::string>{}).empty());
}

TEST(MaskFiller, RefusesATextWithoutAMask) {
  const MaskFiller filler = load("bert-fill-mask");
  const std::vector<std::string> texts = {"a [MASK]", "no mask"};
  test::expect_error<InputError>([&] { filler.fill(texts); },
                                 "text 1: MaskFiller: expected a text with [MASK]");
  const MaskFiller plain = load("bert-fill-mask", {.match_special_tokens = false});
  test::expect_error<InputError>([&] { plain.tokenize("a [MASK]"); },
                                 "MaskFiller: expected a text with [MASK]");
}

TEST(MaskFiller, RefusesAMaskThatWasCutOff) {
  const MaskFiller filler = load("bert-fill-mask", {.max_length = 4});
  test::expect_error<LimitError>([&] { filler.tokenize("a [MASK] b [MASK]"); },
                                 "MaskFiller: expected every [MASK] within 4 tokens, got 1 of 2");
  EXPECT_EQ(filler.tokenize("a [MASK] b").num_truncated, 1);
}

TEST(MaskFiller, RefusesATopBelowOne) {
  const std::vector<std::string> texts = {"[MASK]"};
  test::expect_error<OptionError>([&] { load("bert-fill-mask").fill(texts, 0); },
                                  "MaskFiller: top: expected 1 or more, got 0");
}

TEST(MaskFiller, RefusesDirectoriesWithoutItsHead) {
  const auto tagger = pipeline_directory("bert-tag");
  test::expect_error<FormatError>(
      [&] { MaskFiller::load(tagger); },
      tagger.string() + ": expected a head for masked words, got BertForTokenClassification");
  const auto plain = pipeline_directory("bert-embed");
  test::expect_error<FormatError>(
      [&] { MaskFiller::load(plain); },
      plain.string() + ": expected a head for masked words, got BertModel");
}

TEST(MaskFiller, RefusesATokenizerWithoutAMask) {
  const test::ScratchDirectory folder;
  const auto copied = folder / "model";
  std::filesystem::copy(pipeline_directory("bert-fill-mask"), copied);
  std::string vocab = test::content_of(copied / "vocab.txt");
  vocab.replace(vocab.find("[MASK]"), 6, "[mask]");
  folder.write("model/vocab.txt", vocab);
  test::expect_error<FormatError>([&] { MaskFiller::load(copied); },
                                  copied.string() + ": tokenizer: expected a mask token, got none");
}

}  // namespace
}  // namespace nopad
