// Fuzzes byte-level BPE: arbitrary UTF-8 gives what the chain of its single steps gives.
//
// The first byte holds the settings. The decoded tokens are the text again.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_level_chains.h"
#include "text/decoders/byte_decoders.h"
#include "text/unicode.h"

namespace {

using namespace nopad::text;

void expect(bool condition) {
  if (!condition) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 4096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (find_invalid_utf8(text) < text.size()) return 0;
  static const nopad::test::ByteLevelChains kChains[] = {
      {false, false}, {true, false}, {false, true}, {true, true}};
  const nopad::test::ByteLevelChains& chains = kChains[data[0] & 3];
  std::vector<int32_t> ids, ids_alone, expected_ids;
  TokenPlaces places, expected_places;
  chains.fast->append(text, 3, true, ids, &places);
  chains.fast->append(text, 3, true, ids_alone, nullptr);
  chains.general->append(text, 3, true, expected_ids, &expected_places);
  expect(ids == expected_ids && ids_alone == ids);
  expect(places.spans == expected_places.spans && places.words == expected_places.words);
  std::vector<std::string> tokens;
  for (const int32_t id : ids) tokens.emplace_back(chains.fast->vocab().token(id));
  ByteLevelDecoder().apply(tokens);
  std::string_view decoded = tokens.empty() ? std::string_view() : tokens[0];
  if ((data[0] & 1) != 0 && !text.empty() && !text.starts_with(' ')) decoded.remove_prefix(1);
  expect(decoded == text);
  return 0;
}
