#include "nopad/ops/relative_positions.h"

#include <utility>

#include "nopad/core/error.h"

namespace nopad::ops {
namespace {

int distance_axis(RelativePositions::Kind kind) {
  return kind == RelativePositions::Kind::bias ? 1 : 0;
}

}  // namespace

std::string_view to_string(RelativePositions::Kind kind) noexcept {
  switch (kind) {
    case RelativePositions::Kind::bias: return "bias";
    case RelativePositions::Kind::key: return "key";
    case RelativePositions::Kind::key_query: return "key_query";
  }
  return "?";
}

RelativePositions::RelativePositions(Kind kind, Tensor table)
    : kind_(kind), table_(std::move(table)) {
  const char* const shape = kind == Kind::bias ? "[H, 2M-1]" : "[2M-1, head size]";
  if (table_.rank() != 2 || table_.dim(distance_axis(kind)) % 2 == 0) {
    fail<ShapeError>("RelativePositions: ", to_string(kind), ": expected ", shape, ", got ",
                     table_.shape());
  }
  if (table_.dtype() != DType::f32 && table_.dtype() != DType::f64) {
    fail<DTypeError>("RelativePositions: ", to_string(kind), ": expected f32 or f64, got ",
                     table_.dtype());
  }
}

RelativePositions RelativePositions::bias(Tensor table) { return {Kind::bias, std::move(table)}; }
RelativePositions RelativePositions::key(Tensor table) { return {Kind::key, std::move(table)}; }
RelativePositions RelativePositions::key_query(Tensor table) {
  return {Kind::key_query, std::move(table)};
}

int64_t RelativePositions::max_tokens() const {
  return (table_.shape()[distance_axis(kind_)] + 1) / 2;
}

}  // namespace nopad::ops
