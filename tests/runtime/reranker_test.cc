#include "nopad/runtime/reranker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "runtime/recorded_pipeline.h"
#include "tolerance.h"

namespace nopad {
namespace {

using test::pipeline_directory;

Reranker load(const std::string& name, ModelOptions options = {}) {
  options.dtype = ComputeType::f32;
  return Reranker::load(pipeline_directory(name), options);
}

std::vector<text::Encoding> tokenize(const Reranker& reranker, const nlohmann::json& input) {
  std::vector<text::Encoding> out;
  for (const auto& document : input.at("documents")) {
    out.push_back(
        reranker.tokenize(input.at("query").get<std::string>(), document.get<std::string>()));
  }
  return out;
}

class RecordedReranker : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Directories, RecordedReranker,
                         testing::Values("bert-rerank", "bert-rerank-identity", "roberta-rerank",
                                         "roberta-rerank-identity"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(RecordedReranker, EqualsCrossEncoder) {
  const Reranker reranker = load(GetParam());
  for (const auto& record : test::load_pipeline(GetParam(), "rerank")) {
    const bool is_ranking = record.at("options").at("method") == "rank";
    for (size_t i = 0; i < record.at("inputs").size(); ++i) {
      const auto& input = record.at("inputs").at(i);
      const auto& output = record.at("outputs").at(i);
      if (!is_ranking) {
        test::expect_close(reranker.scores(tokenize(reranker, input)),
                           output.get<std::vector<float>>(), test::kF32Model);
        continue;
      }
      const auto ranking = reranker.rank(input.at("query").get<std::string>(),
                                         input.at("documents").get<std::vector<std::string>>());
      ASSERT_EQ(ranking.size(), output.size());
      for (size_t k = 0; k < ranking.size(); ++k) {
        EXPECT_EQ(ranking[k].index, output[k].at("corpus_id"));
        EXPECT_NEAR(ranking[k].score, output[k].at("score").get<float>(), test::kPipelineScore);
      }
    }
  }
}

TEST_P(RecordedReranker, APairHasTheSameBitsInAnyCompany) {
  const Reranker one = load(GetParam(), {.num_threads = 1});
  const Reranker two = load(GetParam(), {.num_threads = 2, .batch_tokens = 40});
  const auto input = test::load_pipeline(GetParam(), "rerank").at(0).at("inputs").at(0);
  const auto pairs = tokenize(one, input);
  const std::vector<float> scores = one.scores(pairs);
  EXPECT_EQ(two.scores(pairs), scores);
  for (size_t i = 0; i < pairs.size(); ++i) {
    EXPECT_EQ(two.scores(std::span(pairs).subspan(i, 1)).at(0), scores[i]);
  }
}

TEST(RankScores, BestFirstOfEqualsTheEarlierAndNanLast) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> scores = {1, kNan, 3, 1, 3};
  std::vector<int64_t> order;
  for (const auto& [index, score] : rank_scores(scores)) order.push_back(index);
  EXPECT_EQ(order, (std::vector<int64_t>{2, 4, 0, 3, 1}));
  EXPECT_EQ(rank_scores(scores, 2).size(), 2u);
  EXPECT_EQ(rank_scores(scores, 9).size(), 5u);
  EXPECT_TRUE(rank_scores({}).empty());
  EXPECT_THROW(rank_scores(scores, -1), OptionError);
}

TEST(Reranker, NamesTheDocumentThatItCanNotRead) {
  const Reranker reranker = load("bert-rerank");
  const std::vector<std::string> documents = {"a", "b", "\xff"};
  try {
    reranker.rank("query", documents);
    FAIL() << "expected an error";
  } catch (const InputError& error) {
    EXPECT_EQ(std::string_view(error.what()).substr(0, 8), "text 2: ") << error.what();
  }
}

TEST(Reranker, SeveralLabelsOrAnotherHeadAreRefused) {
  const auto classify = pipeline_directory("bert-classify");
  test::expect_error<FormatError>(
      [&] { Reranker::load(classify); },
      concat(classify.string(), ": expected a classifier of one label, got 3"));
  const auto answer = pipeline_directory("bert-answer");
  test::expect_error<FormatError>(
      [&] { Reranker::load(answer); },
      concat(answer.string(),
             ": expected a head for sequence classification, got BertForQuestionAnswering"));
}

}  // namespace
}  // namespace nopad
