#include "io/stored_values.h"

#include <utility>

#include "io/float16.h"
#include "nopad/core/error.h"

namespace nopad::io {
namespace {

Tensor floats_from_halves(const Storage& halves, const Shape& shape) {
  Tensor out = Tensor::empty(shape);
  const std::span<float> values = out.mutable_values<float>();
  const auto* const source = reinterpret_cast<const uint16_t*>(halves.data());
  for (size_t i = 0; i < values.size(); ++i) values[i] = float_from_half(source[i]);
  return out;
}

}  // namespace

// A mapping costs a system call and a page; small tensors and misaligned ones are copied.
Storage load_bytes(const InputFile& file, uint64_t begin, size_t num_bytes, size_t element_bytes) {
  constexpr size_t kMinMappedBytes = size_t{64} << 10;
  if (num_bytes >= kMinMappedBytes && begin % element_bytes == 0) return file.map(begin, num_bytes);
  Storage copy = Storage::allocate(num_bytes);
  file.read_into(begin, {copy.mutable_data(), num_bytes});
  return copy;
}

void expect_stored_floats(std::string_view dtype, std::string_view where) {
  if (dtype != "F32" && dtype != "F16" && dtype != "BF16" && dtype != "F64") {
    fail<WeightError>(where, ": expected F32, F16, BF16 or F64, got ", dtype);
  }
}

Tensor floats_from_stored(Storage bytes, const Shape& shape, std::string_view dtype,
                          std::string_view where) {
  expect_stored_floats(dtype, where);
  if (dtype == "F16") return floats_from_halves(bytes, shape);
  const DType stored = *find_stored_type(dtype)->dtype;
  const Tensor values = Tensor::from_storage(std::move(bytes), 0, shape, stored);
  return stored == DType::f32 ? values : values.to(DType::f32);
}

}  // namespace nopad::io
