// Shape: the dimensions of a Tensor.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace nopad {

// Up to kMaxRank dimensions of 0 or more, row-major, whose product fits in int64; none: a scalar.
class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;
  // Throws ShapeError: more than kMaxRank dimensions, a negative one, or a product beyond int64.
  Shape(std::initializer_list<int64_t> dims);
  explicit Shape(std::span<const int64_t> dims);

  int rank() const noexcept { return rank_; }
  std::span<const int64_t> dims() const noexcept {
    return {dims_.data(), static_cast<size_t>(rank_)};
  }
  // The size of one axis; negative axes count from the end. Throws ShapeError: no such axis.
  int64_t operator[](int axis) const;
  // 1 for a scalar, 0 when any dimension is 0.
  int64_t num_elements() const noexcept { return num_elements_; }

  friend bool operator==(const Shape& a, const Shape& b) noexcept {
    return a.rank_ == b.rank_ && a.dims_ == b.dims_;
  }

 private:
  std::array<int64_t, kMaxRank> dims_{};
  int rank_ = 0;
  int64_t num_elements_ = 1;
};

// "[2, 384]"; "[]" for a scalar.
std::string to_string(const Shape& shape);

}  // namespace nopad
