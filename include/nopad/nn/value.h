// Value and Spec: what flows between layers, and what is known of it before it flows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "nopad/core/tensor.h"
#include "nopad/ragged/tensor.h"

namespace nopad::nn {

// Either a dense tensor, one row per sequence, or a ragged one, one row per token and a layout.
class Value {
 public:
  Value(Tensor dense) : content_(std::move(dense)) {}
  Value(RaggedTensor ragged) : content_(std::move(ragged)) {}

  bool is_ragged() const noexcept { return std::holds_alternative<RaggedTensor>(content_); }
  // `who` is what the message calls the one who expected it.
  // Throws LayoutError: the other kind.
  const Tensor& dense(std::string_view who = "Value") const;
  const RaggedTensor& ragged(std::string_view who = "Value") const;
  // The elements of either.
  const Tensor& values() const noexcept;

 private:
  std::variant<Tensor, RaggedTensor> content_;
};

// A dimension that differs from call to call, e.g. the width of a padded batch.
inline constexpr int64_t kAny = -1;

// The kind, the shape of one row and the dtype of a value that is not there yet. Ragged values of
// one model are over the same layout when their `layout` is equal.
struct Spec {
  bool is_ragged = false;
  std::vector<int64_t> row = {};  // the shape of one sequence's row, or of one token
  DType dtype = DType::f32;
  int layout = 0;

  // One row per sequence: dense({16}) is [B, 16]; dense({kAny}, DType::i32) are padded token ids.
  static Spec dense(std::vector<int64_t> row, DType dtype = DType::f32) {
    return {false, std::move(row), dtype, 0};
  }
  // One row per token: ragged({16}) is [T, 16]; ragged({}, DType::i32) are token ids.
  static Spec ragged(std::vector<int64_t> row, DType dtype = DType::f32) {
    return {true, std::move(row), dtype, 0};
  }
  static Spec of(const Value& value);

  // The size of an axis of the row; negative axes count from the end. Throws ShapeError: there is
  // no such axis, or it differs from call to call. `who` is as in Value.
  int64_t dim(int axis, std::string_view who) const;
  friend bool operator==(const Spec&, const Spec&) = default;
};

// "[B, 16] f32"; "[T, 16] f32"; an axis that differs from call to call is "?".
std::string to_string(const Spec& spec);

}  // namespace nopad::nn
