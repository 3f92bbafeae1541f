// Any bytes as a zip archive: an error, or members that lie in the file without overlap, under names
// that lead nowhere else.
#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "io/zip_reader.h"
#include "nopad/core/error.h"

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

void expect_disjoint(const nopad::io::ZipMembers& members, size_t size) {
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (const auto& [name, member] : members) {
    expect(!name.empty() && name.front() != '/' && !name.starts_with("../"));
    expect(member.begin <= size && member.num_bytes <= size - member.begin);
    ranges.emplace_back(member.begin, member.begin + member.num_bytes);
  }
  std::ranges::sort(ranges);
  for (size_t i = 1; i < ranges.size(); ++i) expect(ranges[i - 1].second <= ranges[i].first);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    expect_disjoint(nopad::io::read_zip_members(bytes, "fuzzed"), size);
  } catch (const nopad::Error&) {  // what a malformed archive gives; anything else is a bug
  }
  return 0;
}
