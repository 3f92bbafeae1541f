#include "nopad/core/tensor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "nopad/core/error.h"

namespace nopad {

namespace {

size_t checked_num_bytes(const Shape& shape, DType dtype) {
  size_t num_bytes = 0;
  const auto num_elements = static_cast<size_t>(shape.num_elements());
  if (__builtin_mul_overflow(num_elements, size_of(dtype), &num_bytes)) {
    fail<LimitError>("Tensor: ", shape, " ", dtype, ": more bytes than an address space has");
  }
  return num_bytes;
}

// C++ leaves a float beyond the integer's range undefined; here it saturates, and a NaN gives 0.
template <class To, class From>
To truncate(From value) {
  constexpr To kMin = std::numeric_limits<To>::min();
  constexpr To kMax = std::numeric_limits<To>::max();
  constexpr From kEnd = static_cast<From>(kMax / 2 + 1) * 2;  // kMax + 1, a power of two
  if (std::isnan(value)) return 0;
  if (value >= kEnd) return kMax;
  return value <= static_cast<From>(kMin) ? kMin : static_cast<To>(value);
}

template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (std::is_same_v<From, BFloat16>) {
    return convert<To>(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, BFloat16>) {
    return BFloat16(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, bool>) {
    return value != 0;
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return truncate<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace

Tensor Tensor::empty(const Shape& shape, DType dtype) {
  Tensor tensor;
  tensor.storage_ = Storage::allocate(checked_num_bytes(shape, dtype));
  tensor.shape_ = shape;
  tensor.dtype_ = dtype;
  return tensor;
}

Tensor Tensor::zeros(const Shape& shape, DType dtype) {
  Tensor tensor = empty(shape, dtype);
  if (tensor.num_bytes() > 0) std::memset(tensor.mutable_bytes(), 0, tensor.num_bytes());
  return tensor;
}

Tensor Tensor::from_bytes(std::span<const std::byte> bytes, const Shape& shape, DType dtype) {
  if (bytes.size() != checked_num_bytes(shape, dtype)) {
    fail<ShapeError>("Tensor: values: expected ", shape.num_elements(), " for ", shape, ", got ",
                     bytes.size() / size_of(dtype));
  }
  Tensor tensor = empty(shape, dtype);
  std::ranges::copy(bytes, tensor.mutable_bytes());
  return tensor;
}

Tensor Tensor::from_storage(Storage storage, size_t byte_offset, const Shape& shape, DType dtype) {
  const size_t num_bytes = checked_num_bytes(shape, dtype);
  if (byte_offset > storage.num_bytes() || num_bytes > storage.num_bytes() - byte_offset) {
    fail<ShapeError>("Tensor: storage: expected at least ", num_bytes, " bytes after byte ",
                     byte_offset, ", got ", storage.num_bytes(), " in all");
  }
  const auto address = reinterpret_cast<uintptr_t>(storage.data() + byte_offset);
  if (address % size_of(dtype) != 0) {
    fail<ShapeError>("Tensor: storage: expected elements aligned to ", size_of(dtype), " bytes");
  }
  Tensor tensor;
  tensor.shape_ = shape;
  tensor.dtype_ = dtype;
  tensor.storage_ = std::move(storage);
  tensor.byte_offset_ = byte_offset;
  return tensor;
}

std::byte* Tensor::mutable_bytes() {
  if (num_elements() == 0) return nullptr;
  std::byte* const data = storage_.mutable_data();
  if (data == nullptr) fail<InternalError>("Tensor: a write to a read-only (mapped) storage");
  return data + byte_offset_;
}

Tensor Tensor::reshape(const Shape& shape) const {
  expect_no_node("reshape");
  if (shape.num_elements() != num_elements()) {
    fail<ShapeError>("reshape: shape: expected ", num_elements(), " elements as in ", shape_,
                     ", got ", shape);
  }
  Tensor out = *this;
  out.shape_ = shape;
  return out;
}

Tensor Tensor::rows(int64_t begin, int64_t end) const {
  expect_no_node("rows");
  if (rank() == 0 || begin < 0 || begin > end || end > dim(0)) {
    fail<ShapeError>("rows: range: expected a part of the first axis of ", shape_, ", got [", begin,
                     ", ", end, ")");
  }
  std::array<int64_t, Shape::kMaxRank> dims{};
  std::ranges::copy(shape_.dims(), dims.begin());
  const int64_t row_elements = dim(0) == 0 ? 0 : num_elements() / dim(0);
  dims[0] = end - begin;
  Tensor out = *this;
  out.shape_ = Shape(std::span<const int64_t>(dims.data(), static_cast<size_t>(rank())));
  out.byte_offset_ += static_cast<size_t>(begin * row_elements) * size_of(dtype_);
  return out;
}

Tensor Tensor::to(DType dtype) const {
  expect_no_node("to");
  Tensor out = empty(shape_, dtype);
  if (num_elements() == 0) return out;
  dispatch(dtype_, [&](auto from) {
    using From = decltype(from);
    dispatch(dtype, [&](auto to) {
      using To = decltype(to);
      std::ranges::transform(values<From>(), out.mutable_values<To>().begin(), convert<To, From>);
    });
  });
  return out;
}

void Tensor::expect_no_node(const char* view) const {
  if (node_ != nullptr) {
    fail<OptionError>(view, ": this tensor's gradient is wanted, and a plain view would lose it");
  }
}

void Tensor::expect_dtype(DType dtype) const {
  if (dtype != dtype_) {
    fail<DTypeError>("Tensor: values: expected the stored type ", dtype_, ", got ", dtype);
  }
}

}  // namespace nopad
