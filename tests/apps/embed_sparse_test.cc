// nopad embed --sparse: a weight for each word of the vocabulary.
#include <gtest/gtest.h>

#include "apps/json_lines.h"
#include "apps/run_command.h"
#include "nopad/runtime/sparse_encoder.h"

namespace nopad::test {
namespace {

std::string model() { return NOPAD_TEST_DATA "/pipelines/bert-splade"; }

CommandResult embed(std::vector<std::string> options, const std::string& input) {
  options.insert(options.begin(), {"embed", "--model", model(), "--dtype", "f32"});
  return run_command(options, {.input = input});
}

void expect_failure(const CommandResult& result, int exit_code, const std::string& message) {
  EXPECT_EQ(result.exit_code, exit_code);
  EXPECT_EQ(result.err, "nopad embed: " + message + "\n");
}

TEST(EmbedSparse, EachTextGetsTheWordsThatWeighSomething) {
  const std::vector<std::string> texts = {"The ferry leaves at noon.", ""};
  const auto encoder = SparseEncoder::load(model(), {.dtype = ComputeType::f32});
  const auto vectors = encoder.embed(texts);
  const CommandResult result = embed({"--sparse"}, texts[0] + "\n\n");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto lines = json_lines(result.out);
  ASSERT_EQ(lines.size(), 2u);
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i].at("index"), i);
    EXPECT_EQ(lines[i].at("line"), i + 1);
    EXPECT_EQ(lines[i].at("ids").get<std::vector<int32_t>>(), vectors[i].ids);
    EXPECT_EQ(lines[i].at("weights").get<std::vector<float>>(), vectors[i].weights);
    EXPECT_FALSE(lines[i].contains("tokens"));
  }
}

TEST(EmbedSparse, TheWordsCanBeNamed) {
  const auto encoder = SparseEncoder::load(model());
  const auto line = json_lines(embed({"--sparse", "--with-tokens"}, "The ferry\n").out).at(0);
  ASSERT_EQ(line.at("tokens").size(), line.at("ids").size());
  ASSERT_FALSE(line.at("ids").empty());
  EXPECT_EQ(line.at("tokens")[0], encoder.tokenizer().token(line.at("ids")[0].get<int32_t>()));
}

TEST(EmbedSparse, OptionsOfDenseVectorsAreRefused) {
  const std::string message =
      "--sparse: expected none of --pooling, --normalize and --prompt-name with it";
  expect_failure(embed({"--sparse", "--pooling", "mean"}, ""), 2, message);
  expect_failure(embed({"--sparse", "--no-normalize"}, ""), 2, message);
  expect_failure(embed({"--sparse", "--format", "npy"}, ""), 2,
                 "--format: expected jsonl with --sparse, got npy");
  expect_failure(embed({"--with-tokens"}, ""), 2,
                 "--with-tokens: expected --sparse with it, got none");
}

TEST(EmbedSparse, ADirectoryOfSparseVectorsHasNoDenseOnes) {
  expect_failure(embed({}, "a\n"), 4,
                 "modules.json: expected a Pooling, got a SpladePooling, whose vectors are sparse");
}

}  // namespace
}  // namespace nopad::test
