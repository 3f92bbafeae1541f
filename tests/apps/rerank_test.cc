// nopad rerank: what it writes, and what it refuses.
#include <gtest/gtest.h>

#include "apps/json_lines.h"
#include "apps/run_command.h"
#include "io/scratch_directory.h"
#include "nopad/runtime/reranker.h"

namespace nopad::test {
namespace {

const std::string kQuery = "Who saved the sailors?";
const std::vector<std::string> kDocuments = {"The baker.", "Maria Lindqvist rowed out at night.",
                                             "", "Copper conducts heat well."};

std::string model() { return NOPAD_TEST_DATA "/pipelines/bert-rerank-identity"; }

CommandResult rerank(std::vector<std::string> options, const std::string& input) {
  options.insert(options.begin(), {"rerank", "--model", model(), "--dtype", "f32"});
  return run_command(options, {.input = input});
}

void expect_failure(const CommandResult& result, int exit_code, const std::string& message) {
  EXPECT_EQ(result.exit_code, exit_code);
  EXPECT_EQ(result.err, "nopad rerank: " + message + "\n");
}

std::vector<RankedDocument> expected_ranking() {
  return Reranker::load(model(), {.dtype = ComputeType::f32}).rank(kQuery, kDocuments);
}

std::string documents_as_lines() {
  std::string out;
  for (const std::string& document : kDocuments) out += document + "\n";
  return out;
}

nlohmann::json query_line() { return {{"q", kQuery}, {"docs", kDocuments}}; }

TEST(Rerank, DocumentsComeBestFirstWithTheirPlaces) {
  const auto expected = expected_ranking();
  const CommandResult result = rerank({"--query", kQuery}, documents_as_lines());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err.rfind("nopad rerank: 4 lines, ", 0), 0u) << result.err;
  const auto lines = json_lines(result.out);
  ASSERT_EQ(lines.size(), expected.size());
  for (size_t rank = 0; rank < lines.size(); ++rank) {
    const auto& [index, score] = expected[rank];
    EXPECT_EQ(lines[rank].at("rank"), rank + 1);
    EXPECT_EQ(lines[rank].at("index"), index);
    EXPECT_EQ(lines[rank].at("line"), index + 1);
    EXPECT_EQ(lines[rank].at("score").get<float>(), score);
    EXPECT_EQ(lines[rank].at("text"), kDocuments[static_cast<size_t>(index)]);
  }
}

TEST(Rerank, TopKeepsTheBest) {
  const auto all = json_lines(rerank({"--query", kQuery}, documents_as_lines()).out);
  const auto best = json_lines(rerank({"--query", kQuery, "--top", "2"}, documents_as_lines()).out);
  ASSERT_EQ(best.size(), 2u);
  EXPECT_EQ(best[0], all[0]);
  EXPECT_EQ(best[1], all[1]);
}

TEST(Rerank, EachQueryOfALineGetsItsRanking) {
  const auto expected = expected_ranking();
  const std::string input =
      query_line().dump() + "\n{\"q\":\"x\",\"docs\":[]}\n" + query_line().dump() + "\n";
  const CommandResult result =
      rerank({"--query-field", "q", "--documents-field", "docs", "--batch-tokens", "20"}, input);
  const auto lines = json_lines(result.out);
  ASSERT_EQ(lines.size(), 3u) << result.err;
  EXPECT_EQ(lines[1].at("ranking"), nlohmann::json::array());
  for (const size_t i : {0, 2}) {
    EXPECT_EQ(lines[i].at("index"), i);
    const auto& ranking = lines[i].at("ranking");
    ASSERT_EQ(ranking.size(), expected.size());
    for (size_t rank = 0; rank < ranking.size(); ++rank) {
      EXPECT_EQ(ranking[rank].at("index"), expected[rank].index);
      EXPECT_EQ(ranking[rank].at("score").get<float>(), expected[rank].score);
    }
  }
  const auto best = json_lines(
      rerank({"--query-field", "q", "--documents-field", "docs", "--top", "1"}, input).out);
  EXPECT_EQ(best.at(0).at("ranking").size(), 1u);
}

TEST(Rerank, DocumentsMayBeFieldsOfJsonLines) {
  const auto lines = json_lines(rerank({"--query", kQuery, "--field", "body"},
                                       "{\"body\":\"The baker.\"}\n{\"body\":\"a\"}\n")
                                    .out);
  ASSERT_EQ(lines.size(), 2u);
}

TEST(Rerank, WhatCanNotBeReadIsNamedByItsLine) {
  const std::vector<std::string> fields = {"--query-field", "q", "--documents-field", "docs"};
  expect_failure(rerank(fields, query_line().dump() + "\n{\"q\":\"a\"}\n"), 3,
                 "<stdin>:2: docs: expected an array of strings, got nothing");
  expect_failure(rerank(fields, "{\"q\":\"a\",\"docs\":\"b\"}\n"), 3,
                 "<stdin>:1: docs: expected an array of strings, got a string");
  expect_failure(rerank(fields, "{\"q\":\"a\",\"docs\":[\"b\",1]}\n"), 3,
                 "<stdin>:1: docs: expected an array of strings, got 1 in it");
  expect_failure(rerank(fields, "{\"docs\":[]}\n"), 3,
                 "<stdin>:1: q: expected a string, got nothing");
}

TEST(Rerank, OneWayToGiveTheQueryIsWanted) {
  const std::string message = "expected --query, or --query-field with --documents-field";
  expect_failure(rerank({}, ""), 2, message);
  expect_failure(rerank({"--query-field", "q"}, ""), 2, message);
  expect_failure(rerank({"--query", "a", "--query-field", "q", "--documents-field", "d"}, ""), 2,
                 message);
  expect_failure(rerank({"--query", "a", "--top", "-1"}, ""), 2,
                 "--top: expected 0 or more, got -1");
  expect_failure(rerank({"--query-field", "q", "--documents-field", "d", "--field", "f"}, ""), 2,
                 "--field, --query-field: expected one of them, got both");
}

TEST(Rerank, AClassifierOfSeveralLabelsIsRefused) {
  const std::string other = NOPAD_TEST_DATA "/pipelines/bert-classify";
  expect_failure(run_command({"rerank", "--model", other, "--query", "a"}, {.input = "a\n"}), 4,
                 other + ": expected a classifier of one label, got 3");
}

}  // namespace
}  // namespace nopad::test
