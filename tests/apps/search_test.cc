// nopad search: the nearest lines, in order, from texts or saved rows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "apps/run_command.h"
#include "io/scratch_directory.h"
#include "nopad/runtime/text_encoder.h"

namespace nopad::test {
namespace {

const std::vector<std::string> kLines = {"the sea",  "a boy",    "hello boy", "the fish",
                                         "swimming", "the fish", "hello"};

std::string lines_of(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

CommandResult search(std::vector<std::string> options, const std::string& input) {
  options.insert(options.begin(), {"search", "--model", small_model(), "-q"});
  return run_command(options, {.input = input});
}

std::vector<nlohmann::json> hits_of(const CommandResult& result) {
  EXPECT_EQ(result.exit_code, 0) << result.err;
  std::vector<nlohmann::json> hits;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) hits.push_back(nlohmann::json::parse(line));
  return hits;
}

// The cosines of each line with the query, by the library.
std::vector<double> expected_scores(const std::string& query) {
  const TextEncoder encoder = TextEncoder::load(small_model());
  const Tensor rows = encoder.embed(kLines), wanted = encoder.embed({query});
  std::vector<double> scores;
  for (int64_t i = 0; i < rows.dim(0); ++i) {
    const auto row = rows.values<float>().subspan(static_cast<size_t>(i * rows.dim(1)),
                                                  static_cast<size_t>(rows.dim(1)));
    scores.push_back(
        std::inner_product(row.begin(), row.end(), wanted.values<float>().begin(), 0.0));
  }
  return scores;
}

TEST(Search, TheNearestLinesComeFirstWithTheirCosines) {
  const std::vector<double> scores = expected_scores("the fish");
  std::vector<size_t> order(kLines.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  const auto hits =
      hits_of(search({"--query", "the fish", "--json", "--top", "4"}, lines_of(kLines)));
  ASSERT_EQ(hits.size(), 4u);
  for (size_t rank = 0; rank < hits.size(); ++rank) {
    EXPECT_EQ(hits[rank].at("rank"), rank + 1);
    EXPECT_EQ(hits[rank].at("index"), order[rank]);
    EXPECT_EQ(hits[rank].at("line"), order[rank] + 1);
    EXPECT_EQ(hits[rank].at("text"), kLines[order[rank]]);
    EXPECT_NEAR(hits[rank].at("score").get<double>(), scores[order[rank]], 1e-5);
  }
}

TEST(Search, EqualScoresKeepTheOrderOfTheLines) {
  const auto hits =
      hits_of(search({"--query", "the fish", "--json", "--top", "2"}, lines_of(kLines)));
  EXPECT_EQ(hits.at(0).at("index"), 3);
  EXPECT_EQ(hits.at(1).at("index"), 5);
  EXPECT_NEAR(hits.at(0).at("score").get<double>(), 1, 1e-6);
}

TEST(Search, FewerLinesThanAskedForAreAllShown) {
  EXPECT_EQ(hits_of(search({"--query", "a", "--json", "--top", "9"}, "a\nb\n")).size(), 2u);
  EXPECT_EQ(hits_of(search({"--query", "a", "--json"}, "")).size(), 0u);
}

TEST(Search, SavedRowsGiveTheSameHits) {
  const ScratchDirectory folder;
  const std::string lines = folder.write("lines", lines_of(kLines)).string();
  const std::string rows = (folder / "rows.npy").string();
  ASSERT_EQ(run_command({"embed", "--model", small_model(), "-o", rows, lines}).exit_code, 0);
  const CommandResult now = search({"--query", "boy", "--json", lines}, "");
  const CommandResult saved = search({"--query", "boy", "--json", "--vectors", rows, lines}, "");
  EXPECT_EQ(saved.exit_code, 0) << saved.err;
  EXPECT_EQ(saved.out, now.out);
}

TEST(Search, RowsOfOtherLinesAreRefusedNamingBoth) {
  const ScratchDirectory folder;
  const std::string lines = folder.write("lines", "a\nb\n").string();
  const std::string rows = (folder / "rows.npy").string();
  run_command({"embed", "--model", small_model(), "-o", rows}, {.input = "a\nb\nc\n"});
  const CommandResult result = search({"--query", "a", "--vectors", rows, lines}, "");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.err, "nopad search: " + rows + ": expected a row for each of the 2 texts in " +
                            lines + ", got 3 rows\n");
}

TEST(Search, RowsOfAnotherModelAreRefused) {
  const ScratchDirectory folder;
  const std::string rows = (folder / "rows.npy").string();
  const std::string other = NOPAD_TEST_DATA "/models/bert-odd-heads-3";
  run_command({"embed", "--model", other, "--pooling", "mean", "-o", rows}, {.input = "a\n"});
  const CommandResult result = search({"--query", "a", "--vectors", rows}, "a\n");
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_NE(result.err.find(rows + ": columns: expected the model's dimension "), std::string::npos)
      << result.err;
}

TEST(Search, EachQueryHasItsHits) {
  const auto hits = hits_of(search(
      {"--query", "hello", "--query", "swimming", "--json", "--top", "1"}, lines_of(kLines)));
  ASSERT_EQ(hits.size(), 2u);
  EXPECT_EQ(hits[0].at("query"), "hello");
  EXPECT_EQ(hits[0].at("text"), "hello");
  EXPECT_EQ(hits[1].at("query"), "swimming");
  EXPECT_EQ(hits[1].at("text"), "swimming");
}

TEST(Search, LinesForPeopleShowScorePlaceAndTextWithoutControlCharacters) {
  const CommandResult result = search({"--query", "the fish"}, "the\tfish\x1b\n");
  EXPECT_EQ(result.out, " 1.000  <stdin>:1  the fish\n");
}

TEST(Search, RecordsWithASeparatorAreNamedByTheirFirstLine) {
  const CommandResult result = search({"--query", "hello boy", "--separator", "%", "--top", "1"},
                                      "the\nfish\n%\nhello\nboy\n%\n");
  EXPECT_EQ(result.out, " 1.000  <stdin>:4  hello boy\n");
}

TEST(Search, NoQueryAndNoTopAreUsageErrors) {
  EXPECT_EQ(search({}, "a\n").exit_code, 2);
  EXPECT_EQ(search({"--query", "a", "--top", "0"}, "a\n").exit_code, 2);
}

TEST(Search, ManyLinesNeedNoMoreMemory) {
  std::string few, many;
  for (int i = 0; i < 500; ++i) few += "hello boy, the fish swimming!\n";
  for (int i = 0; i < 100; ++i) many += few;
  const auto peak = [](const std::string& input) {
    const CommandResult result =
        run_command({"search", "--model", small_model(), "--query", "sea", "--batch-tokens", "512"},
                    {.input = input, .environment = kNoQuarantine});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.peak_memory_bytes;
  };
  EXPECT_LT(peak(many), peak(few) + (2 << 20));
}

}  // namespace
}  // namespace nopad::test
