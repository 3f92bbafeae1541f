// nopad embed: many lines, in order, in constant memory.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "apps/run_command.h"
#include "io/scratch_directory.h"
#include "nopad/runtime/text_encoder.h"

namespace nopad::test {
namespace {

const std::vector<std::string> kLines = {"a", "the fish", "", "hello boy, the fish swimming!"};

std::string repeated_lines(size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += kLines[i % kLines.size()] + "\n";
  return out;
}

CommandResult embed_raw(const std::string& input, const std::string& file = "-") {
  return run_command(
      {"embed", "--model", small_model(), "--format", "raw", "--batch-tokens", "512", file},
      {.input = input, .environment = kNoQuarantine});
}

TEST(EmbedStream, OrderIsKeptOverManyBatches) {
  const TextEncoder encoder = TextEncoder::load(small_model());
  const Tensor rows = encoder.embed(kLines);
  const size_t row_bytes = rows.num_bytes() / kLines.size();
  const std::string out = embed_raw(repeated_lines(2003)).out;
  ASSERT_EQ(out.size(), 2003 * row_bytes);
  for (size_t i = 0; i < 2003; ++i) {
    const std::byte* const expected = rows.bytes() + i % kLines.size() * row_bytes;
    ASSERT_EQ(std::memcmp(out.data() + i * row_bytes, expected, row_bytes), 0) << "line " << i + 1;
  }
}

TEST(EmbedStream, AHundredTimesTheLinesNeedNoMoreMemory) {
  const CommandResult few = embed_raw(repeated_lines(1000));
  const CommandResult many = embed_raw(repeated_lines(100000));
  ASSERT_EQ(few.exit_code, 0) << few.err;
  ASSERT_EQ(many.exit_code, 0) << many.err;
  EXPECT_EQ(many.out.size(), 100 * few.out.size());
  // The rows alone are 2 MB, the lines 1 MB.
  EXPECT_LT(many.peak_memory_bytes, few.peak_memory_bytes + (2 << 20));
}

TEST(EmbedStream, LongLinesDoNotPileUp) {
  const ScratchDirectory folder;
  const std::string line = std::string(1 << 20, 'a') + "\n";
  const auto embed_long_lines = [&](int count) {
    std::ofstream file(folder / "lines", std::ios::binary);
    for (int i = 0; i < count; ++i) file << line;
    file.close();
    return embed_raw("", (folder / "lines").string());
  };
  const CommandResult few = embed_long_lines(16);
  const CommandResult many = embed_long_lines(64);
  ASSERT_EQ(many.exit_code, 0) << many.err;
  EXPECT_LT(many.peak_memory_bytes, few.peak_memory_bytes + (8 << 20));
}

}  // namespace
}  // namespace nopad::test
