// Tensor: a dense row-major array with shared storage, the one tensor type of nopad.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "nopad/core/dtype.h"
#include "nopad/core/shape.h"
#include "nopad/core/storage.h"

namespace nopad {

namespace autograd {
struct Node;  // what an op recorded about a tensor; see nopad/autograd/record.h
}

// A dtype, a shape, and contiguous row-major elements in shared storage. Copies are cheap and share
// their elements: writing through one is seen by all.
class Tensor {
 public:
  // f32, shape [0].
  Tensor() : shape_{0} {}

  // Uninitialised elements.
  static Tensor empty(const Shape& shape, DType dtype = DType::f32);
  static Tensor zeros(const Shape& shape, DType dtype = DType::f32);
  // A copy of `values`. Throws ShapeError: their number is not that of the shape.
  template <class T>
  static Tensor from_values(std::span<const T> values, const Shape& shape) {
    return from_bytes(std::as_bytes(values), shape, dtype_of<T>);
  }
  // A view of storage that begins `byte_offset` bytes into it.
  // Throws ShapeError: the storage is too small, or the elements would be misaligned; LimitError:
  // more bytes than an address space has.
  static Tensor from_storage(Storage storage, size_t byte_offset, const Shape& shape, DType dtype);

  DType dtype() const noexcept { return dtype_; }
  const Shape& shape() const noexcept { return shape_; }
  int rank() const noexcept { return shape_.rank(); }
  // The size of one axis; negative axes count from the end. Throws ShapeError: no such axis.
  int64_t dim(int axis) const { return shape_[axis]; }
  int64_t num_elements() const noexcept { return shape_.num_elements(); }
  size_t num_bytes() const noexcept {
    return static_cast<size_t>(num_elements()) * size_of(dtype_);
  }
  const std::byte* bytes() const noexcept { return storage_.data() + byte_offset_; }

  // The elements. Valid while a tensor that shares this storage lives.
  // Throws DTypeError: T does not store this dtype.
  template <class T>
  std::span<const T> values() const {
    expect_dtype(dtype_of<T>);
    return {reinterpret_cast<const T*>(bytes()), static_cast<size_t>(num_elements())};
  }
  // As values(), to be written. Throws DTypeError, or InternalError on a borrowed (mapped) storage.
  template <class T>
  std::span<T> mutable_values() {
    expect_dtype(dtype_of<T>);
    return {reinterpret_cast<T*>(mutable_bytes()), static_cast<size_t>(num_elements())};
  }
  std::byte* mutable_bytes();
  // Whether the elements may be written without another tensor seeing it: an op that was given this
  // one to keep may then work in place.
  bool is_sole_owner() const noexcept { return storage_.is_sole_owner(); }

  // Views and conversions of a tensor that autograd recorded throw OptionError: they record nothing.
  // The same elements under another shape. Throws ShapeError: another number of elements.
  Tensor reshape(const Shape& shape) const;
  // Rows [begin, end) of the first axis, sharing storage.
  // Throws ShapeError: out of range, or a scalar.
  Tensor rows(int64_t begin, int64_t end) const;
  // A copy in another dtype. From floats to integers it truncates, and beyond their range it
  // saturates (a NaN gives 0); between integers it wraps; to `boolean` it is "not zero".
  Tensor to(DType dtype) const;

  // What autograd recorded about this tensor, null where nothing was. Used by nopad/autograd only.
  const std::shared_ptr<autograd::Node>& node() const noexcept { return node_; }
  // Which of that op's outputs this is.
  int node_output() const noexcept { return node_output_; }
  void set_node(std::shared_ptr<autograd::Node> node, int output) noexcept {
    node_ = std::move(node);
    node_output_ = output;
  }

 private:
  static Tensor from_bytes(std::span<const std::byte> bytes, const Shape& shape, DType dtype);
  void expect_dtype(DType dtype) const;
  void expect_no_node(const char* view) const;

  Shape shape_;
  DType dtype_ = DType::f32;
  Storage storage_;
  size_t byte_offset_ = 0;
  std::shared_ptr<autograd::Node> node_;
  int node_output_ = 0;
};

}  // namespace nopad
