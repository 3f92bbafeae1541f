#include "nopad/runtime/sparse_encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "expect_error.h"
#include "io/scratch_directory.h"
#include "nopad/core/error.h"
#include "nopad/runtime/text_encoder.h"
#include "runtime/recorded_pipeline.h"
#include "tolerance.h"

namespace nopad {
namespace {

using test::pipeline_directory;

SparseEncoder load(const std::string& name, ModelOptions options = {}) {
  options.dtype = ComputeType::f32;
  return SparseEncoder::load(pipeline_directory(name), options);
}

std::vector<std::string> recorded_texts(const std::string& name) {
  return test::load_pipeline(name, "sparse-embed")
      .at(0)
      .at("inputs")
      .get<std::vector<std::string>>();
}

std::vector<float> dense(const std::vector<int32_t>& ids, const std::vector<float>& weights,
                         int64_t dim) {
  std::vector<float> out(static_cast<size_t>(dim));
  for (size_t i = 0; i < ids.size(); ++i) out.at(static_cast<size_t>(ids[i])) = weights.at(i);
  return out;
}

class RecordedSparse : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Directories, RecordedSparse,
                         testing::Values("bert-splade", "bert-splade-plain"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(RecordedSparse, EqualsSentenceTransformers) {
  const SparseEncoder encoder = load(GetParam());
  const auto record = test::load_pipeline(GetParam(), "sparse-embed").at(0);
  EXPECT_EQ(encoder.dim(), record.at("options").at("dim"));
  const auto vectors = encoder.embed(recorded_texts(GetParam()));
  ASSERT_EQ(vectors.size(), record.at("outputs").size());
  for (size_t i = 0; i < vectors.size(); ++i) {
    const auto& expected = record.at("outputs").at(i);
    test::expect_close(dense(vectors[i].ids, vectors[i].weights, encoder.dim()),
                       dense(expected.at("ids").get<std::vector<int32_t>>(),
                             expected.at("weights").get<std::vector<float>>(), encoder.dim()),
                       test::kF32Model);
    EXPECT_TRUE(std::ranges::is_sorted(vectors[i].ids));
    EXPECT_LT(std::ssize(vectors[i].ids), encoder.dim());
  }
}

TEST_P(RecordedSparse, ATextHasTheSameBitsInAnyCompany) {
  const SparseEncoder one = load(GetParam(), {.num_threads = 1});
  const SparseEncoder two = load(GetParam(), {.num_threads = 2, .batch_tokens = 30});
  const auto texts = recorded_texts(GetParam());
  const auto vectors = one.embed(texts);
  const auto others = two.embed(texts);
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto alone = two.embed(std::span(texts).subspan(i, 1));
    for (const SparseVector* vector : {&others.at(i), alone.data()}) {
      EXPECT_EQ(vector->ids, vectors[i].ids);
      EXPECT_EQ(vector->weights, vectors[i].weights);
    }
  }
}

// A copy of the SPLADE directory in which one file is another.
void expect_refused(const std::string& file, const std::string& content,
                    const std::string& message) {
  const test::ScratchDirectory folder;
  const auto model = folder / "model";
  std::filesystem::copy(pipeline_directory("bert-splade"), model,
                        std::filesystem::copy_options::recursive);
  folder.write("model/" + file, content);
  test::expect_error<FormatError>([&] { SparseEncoder::load(model); },
                                  concat((model / file).string(), ": ", message));
}

TEST(SparseEncoder, SettingsOfThePoolingThatAreUnknownAreRefused) {
  const std::string file = "1_SpladePooling/config.json";
  expect_refused(file, R"({"pooling_strategy": "mean"})",
                 "pooling_strategy: expected max or sum, got \"mean\"");
  expect_refused(file, R"({"activation_function": "gelu"})",
                 "activation_function: expected relu or log1p_relu, got \"gelu\"");
  expect_refused(file, R"({"pooling_strategy": 1})", "pooling_strategy: expected a string, got 1");
}

TEST(SparseEncoder, SumsAndSecondLogarithmsAreAsTheDirectorySays) {
  const test::ScratchDirectory folder;
  const auto model = folder / "model";
  std::filesystem::copy(pipeline_directory("bert-splade"), model,
                        std::filesystem::copy_options::recursive);
  folder.write("model/1_SpladePooling/config.json", R"({"pooling_strategy": "sum"})");
  const std::vector<std::string> texts = {"The ferry leaves at noon."};
  const SparseVector sum = SparseEncoder::load(model).embed(texts).at(0);
  const SparseVector largest = load("bert-splade").embed(texts).at(0);
  ASSERT_EQ(sum.ids, largest.ids);
  EXPECT_GT(sum.weights, largest.weights);
}

TEST(SparseEncoder, DirectoriesOfAnotherKindAreRefused) {
  const auto classify = pipeline_directory("bert-classify");
  test::expect_error<FormatError>(
      [&] { SparseEncoder::load(classify); },
      concat(classify.string(),
             ": expected a head for masked words, got BertForSequenceClassification"));
  test::expect_error<FormatError>(
      [&] { TextEncoder::load(pipeline_directory("bert-splade")); },
      "modules.json: expected a Pooling, got a SpladePooling, whose vectors are sparse");
}

}  // namespace
}  // namespace nopad
