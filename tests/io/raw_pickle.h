// raw_pickle: pickles as torch.save writes them, in pieces that can be put together wrongly.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "io/raw_zip.h"

namespace nopad::test {

inline std::string pickled(std::string_view content) {
  return "\x80\x02" + std::string(content) + ".";
}
inline std::string text(std::string_view value) {
  return "X" + u32(value.size()) + std::string(value);
}
// LONG1 of 8 bytes: any int64.
inline std::string integer(int64_t value) { return "\x8a\x08" + little_endian(value); }
inline std::string global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}
inline std::string integers(std::initializer_list<int64_t> values) {
  std::string out = "(";
  for (const int64_t value : values) out += integer(value);
  return out + "t";
}

inline std::string storage(std::string_view key, int64_t num_elements,
                           std::string_view type = "FloatStorage") {
  return "(" + text("storage") + global("torch", type) + text(key) + text("cpu") +
         integer(num_elements) + "tQ";
}
inline std::string tensor(const std::string& storage, int64_t offset,
                          std::initializer_list<int64_t> size,
                          std::initializer_list<int64_t> strides) {
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + integer(offset) +
         integers(size) + integers(strides) + "\x89" + global("collections", "OrderedDict") +
         ")RtR";
}
// {"x": value}
inline std::string state_dict(std::string_view value) {
  return pickled("}" + text("x") + std::string(value) + "s");
}

// An archive of torch.save around a pickle and one storage "0".
inline std::string torch_archive(const std::string& pickle, const std::string& storage_bytes) {
  return raw_zip({{.name = "m/data.pkl", .content = pickle},
                  {.name = "m/byteorder", .content = "little"},
                  {.name = "m/data/0", .content = storage_bytes}});
}

}  // namespace nopad::test
