// raw_safetensors: a safetensors file from any header, right or wrong.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace nopad::test {

// Length, header, data: what the format says; the length can be made to lie.
inline std::string raw_safetensors_with_length(uint64_t num_bytes, std::string_view header,
                                               std::string_view data = {}) {
  std::string out(sizeof(num_bytes), '\0');
  std::memcpy(out.data(), &num_bytes, sizeof(num_bytes));
  return out.append(header).append(data);
}

inline std::string raw_safetensors(std::string_view header, std::string_view data = {}) {
  return raw_safetensors_with_length(header.size(), header, data);
}

// The bytes of values, as a file holds them.
template <class Values>
std::string bytes_of(const Values& values) {
  std::string out(values.size() * sizeof(*values.begin()), '\0');
  if (!out.empty()) std::memcpy(out.data(), &*values.begin(), out.size());
  return out;
}

}  // namespace nopad::test
