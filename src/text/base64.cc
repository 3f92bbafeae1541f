#include "text/base64.h"

#include <array>
#include <cstdint>

#include "io/json.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr auto kValues = [] {
  std::array<int8_t, 256> values{};
  for (int8_t& value : values) value = -1;
  for (size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<int8_t>(i);
  }
  return values;
}();

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0);
    }
    for (size_t i = 0; i < 4; ++i) {
      const bool is_padding = at + i > bytes.size();
      out += is_padding ? '=' : kDigits[(bits >> (18 - 6 * i)) & 63];
    }
  }
  return out;
}

std::string from_base64(std::string_view text, std::string_view where) {
  if (text.size() % 4 != 0) {
    fail<FormatError>(where, ": expected base64 of a multiple of 4 characters, got ", text.size());
  }
  size_t num_digits = text.size();
  while (num_digits > 0 && text.size() - num_digits < 2 && text[num_digits - 1] == '=')
    --num_digits;
  std::string out;
  out.reserve(num_digits * 3 / 4);
  uint32_t bits = 0;
  int num_bits = 0;
  for (size_t i = 0; i < num_digits; ++i) {
    const int8_t value = kValues[static_cast<unsigned char>(text[i])];
    if (value < 0) {
      fail<FormatError>(where, ": expected base64, got ", io::quote(text.substr(i, 1)),
                        " at offset ", i);
    }
    bits = (bits << 6 | static_cast<uint32_t>(value)) & 0xffff;
    num_bits += 6;
    if (num_bits >= 8) {
      num_bits -= 8;
      out.push_back(static_cast<char>(bits >> num_bits & 0xff));
    }
  }
  if ((bits & ((1u << num_bits) - 1)) != 0) {
    fail<FormatError>(where, ": expected base64 of whole bytes, got bits beyond the last one");
  }
  return out;
}

}  // namespace nopad::text
