// Elements as a checkpoint's file holds them, and as f32.
#pragma once

#include <cstdint>
#include <string_view>

#include "io/stored_type.h"
#include "nopad/core/tensor.h"
#include "nopad/io/file.h"

namespace nopad::io {

// The bytes of a file's range: a mapping of its own where that is worth it and the elements lie
// aligned, else a copy.
Storage load_bytes(const InputFile& file, uint64_t begin, size_t num_bytes, size_t element_bytes);

// Elements of one type, row-major, as f32; F32 itself is not copied.
// where : names the tensor in the message
// Throws WeightError: not F32, F16, BF16 or F64.
Tensor floats_from_stored(Storage bytes, const Shape& shape, std::string_view dtype,
                          std::string_view where);
// Throws as floats_from_stored, before any byte is read.
void expect_stored_floats(std::string_view dtype, std::string_view where);

}  // namespace nopad::io
