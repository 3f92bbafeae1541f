// nopad embed: the rows that it writes, in every format, from every kind of input.
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/run_command.h"
#include "io/scratch_directory.h"
#include "nopad/io/npy.h"
#include "nopad/runtime/text_encoder.h"

namespace nopad::test {
namespace {

const std::vector<std::string> kTexts = {"the fish", "", "hello boy, the fish swimming!", "a",
                                         "The quick brown fox jumps over the lazy dog."};

std::string lines_of(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += text + "\n";
  return out;
}

// The rows' bytes, as the library gives them for each text alone.
std::string alone(const std::vector<std::string>& texts) {
  const TextEncoder encoder = TextEncoder::load(small_model());
  std::string out;
  for (const std::string& text : texts) {
    const Tensor row = encoder.embed({text});
    out.append(reinterpret_cast<const char*>(row.bytes()), row.num_bytes());
  }
  return out;
}

std::string embed_raw(std::vector<std::string> options, const std::string& input) {
  options.insert(options.begin(), {"embed", "--model", small_model(), "--format", "raw", "-q"});
  const CommandResult result = run_command(options, {.input = input});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  return result.out;
}

TEST(Embed, RawRowsHaveTheBitsOfEachTextAlone) {
  EXPECT_EQ(embed_raw({}, lines_of(kTexts)), alone(kTexts));
}

TEST(Embed, NeitherBatchesNorThreadsNorOrderChangeARow) {
  const std::string expected = alone(kTexts);
  EXPECT_EQ(embed_raw({"--batch-tokens", "1"}, lines_of(kTexts)), expected);
  EXPECT_EQ(embed_raw({"--batch-tokens", "7"}, lines_of(kTexts)), expected);
  EXPECT_EQ(embed_raw({"--threads", "1"}, lines_of(kTexts)), expected);
  EXPECT_EQ(embed_raw({"--threads", "3"}, lines_of(kTexts)), expected);
  const std::vector<std::string> reversed(kTexts.rbegin(), kTexts.rend());
  EXPECT_EQ(embed_raw({}, lines_of(reversed)), alone(reversed));
}

TEST(Embed, ANpyFileHoldsOneRowPerLine) {
  const ScratchDirectory folder;
  const std::string file = (folder / "rows.npy").string();
  const CommandResult result = run_command({"embed", "--model", small_model(), "--output", file},
                                           {.input = lines_of(kTexts)});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "");
  const Tensor rows = io::read_npy(file);
  const std::string expected = alone(kTexts);
  ASSERT_EQ(rows.dim(0), std::ssize(kTexts));
  ASSERT_EQ(rows.num_bytes(), expected.size());
  EXPECT_EQ(std::memcmp(rows.bytes(), expected.data(), expected.size()), 0);
  EXPECT_EQ(folder.num_files(), 1u);
}

TEST(Embed, NpyOnStandardOutputIsTheSameFile) {
  const ScratchDirectory folder;
  const std::string file = (folder / "rows.npy").string();
  run_command({"embed", "--model", small_model(), "-o", file}, {.input = lines_of(kTexts)});
  const CommandResult piped = run_command({"embed", "--model", small_model(), "--format", "npy"},
                                          {.input = lines_of(kTexts)});
  EXPECT_EQ(piped.out, content_of(file));
}

TEST(Embed, JsonlNumbersReadBackToTheSameBits) {
  const CommandResult result =
      run_command({"embed", "--model", small_model()}, {.input = lines_of(kTexts)});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::istringstream lines(result.out);
  std::string values;
  int64_t index = 0;
  for (std::string line; std::getline(lines, line); ++index) {
    const auto row = nlohmann::json::parse(line);
    EXPECT_EQ(row.at("index"), index);
    for (const float value : row.at("embedding").get<std::vector<float>>()) {
      values.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
  }
  EXPECT_EQ(values, alone(kTexts));
}

TEST(Embed, AFilesExtensionChoosesTheFormat) {
  const ScratchDirectory folder;
  const auto write = [&](const char* name) {
    const std::string file = (folder / name).string();
    run_command({"embed", "--model", small_model(), "--output", file}, {.input = "a\n"});
    return content_of(file);
  };
  EXPECT_EQ(write("rows.jsonl").rfind("{\"index\":0,", 0), 0u);
  EXPECT_EQ(write("rows.raw"), alone({"a"}));
  EXPECT_EQ(write("rows.npy").substr(1, 5), "NUMPY");
  EXPECT_EQ(write("rows").substr(1, 5), "NUMPY");
}

TEST(Embed, FilesAreReadInTheirOrderAndADashIsStandardInput) {
  const ScratchDirectory folder;
  const std::string first = folder.write("first", "the fish\na\n").string();
  const std::string second = folder.write("second", "hello").string();
  EXPECT_EQ(embed_raw({second, "-", first}, "boy\n"), alone({"hello", "boy", "the fish", "a"}));
}

TEST(Embed, ALastLineNeedsNoEndAndCarriageReturnsAreNotText) {
  EXPECT_EQ(embed_raw({}, "a\r\n\r\nhello"), alone({"a", "", "hello"}));
}

TEST(Embed, NoInputGivesNoRows) {
  EXPECT_EQ(embed_raw({}, ""), "");
  const ScratchDirectory folder;
  const std::string file = (folder / "rows.npy").string();
  EXPECT_EQ(run_command({"embed", "--model", small_model(), "-o", file}).exit_code, 0);
  EXPECT_EQ(io::read_npy(file).dim(0), 0);
}

TEST(Embed, AFieldOfJsonLinesIsTheText) {
  EXPECT_EQ(embed_raw({"--field", "body"},
                      "{\"id\":1,\"body\":\"the fish\"}\n{\"body\":\"hel\\u006co\"}\n"),
            alone({"the fish", "hello"}));
}

TEST(Embed, SeparatedRecordsSpanLinesAndEmptyOnesAreSkipped) {
  EXPECT_EQ(embed_raw({"--separator", "%"}, "the\nfish\n%\n%\nhello\n%\n"),
            alone({"the fish", "hello"}));
}

TEST(Embed, TheEndLineCountsLinesTokensAndWhatPaddingWouldAdd) {
  // "a": 3 tokens; "the fish": 4, so padding to the longest makes 8 of 7.
  const CommandResult result =
      run_command({"embed", "--model", small_model()}, {.input = "a\nthe fish\n"});
  EXPECT_EQ(result.err.rfind("nopad embed: 2 lines, 7 tokens in ", 0), 0u) << result.err;
  EXPECT_NE(result.err.find("; 0 truncated; padding batches of 32 in this order would add 14 %"),
            std::string::npos)
      << result.err;
}

TEST(Embed, LongLinesAreCutAndCounted) {
  const CommandResult result = run_command({"embed", "--model", small_model(), "--max-length", "3"},
                                           {.input = "the fish\na\nhello boy\n"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NE(result.err.find("3 lines, 9 tokens"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("; 2 truncated;"), std::string::npos) << result.err;
}

TEST(Embed, SpecialTokensInTextCanBePlain) {
  EXPECT_NE(embed_raw({}, "a [SEP] a\n"), embed_raw({"--plain-special-tokens"}, "a [SEP] a\n"));
}

TEST(Embed, NormalizeAndPoolingReplaceTheDirectorys) {
  const auto norm_of = [](const std::string& bytes) {
    std::vector<float> row(bytes.size() / sizeof(float));
    std::memcpy(row.data(), bytes.data(), bytes.size());
    double sum = 0;
    for (const float value : row) sum += static_cast<double>(value) * value;
    return sum;
  };
  EXPECT_NEAR(norm_of(embed_raw({}, "hello\n")), 1, 1e-5);
  EXPECT_GT(std::abs(norm_of(embed_raw({"--no-normalize"}, "hello\n")) - 1), 1e-3);
}

}  // namespace
}  // namespace nopad::test
