// StoredType: the element types that a safetensors file can name.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "nopad/core/dtype.h"

namespace nopad::io {

struct StoredType {
  std::string_view name;
  uint64_t num_bits;
  std::optional<DType> dtype;  // none where Tensor has no such elements
};

// In the package's order; its writer puts the last ones first.
inline constexpr std::array<StoredType, 22> kStoredTypes = {{
    {"BOOL", 8, DType::boolean},
    {"F4", 4, {}},
    {"F6_E2M3", 6, {}},
    {"F6_E3M2", 6, {}},
    {"U8", 8, DType::u8},
    {"I8", 8, DType::i8},
    {"F8_E5M2", 8, {}},
    {"F8_E4M3", 8, {}},
    {"F8_E8M0", 8, {}},
    {"F8_E4M3FNUZ", 8, {}},
    {"F8_E5M2FNUZ", 8, {}},
    {"I16", 16, {}},
    {"U16", 16, {}},
    {"F16", 16, {}},
    {"BF16", 16, DType::bf16},
    {"I32", 32, DType::i32},
    {"U32", 32, {}},
    {"F32", 32, DType::f32},
    {"C64", 64, {}},
    {"F64", 64, DType::f64},
    {"I64", 64, DType::i64},
    {"U64", 64, {}},
}};

// Null when there is no such type. Names are case-sensitive.
inline const StoredType* find_stored_type(std::string_view name) {
  const auto found = std::ranges::find(kStoredTypes, name, &StoredType::name);
  return found == kStoredTypes.end() ? nullptr : found;
}

// Every DType has one.
inline const StoredType& stored_type_of(DType dtype) {
  return *std::ranges::find(kStoredTypes, std::optional(dtype), &StoredType::dtype);
}

}  // namespace nopad::io
