// RelativePositions: what attention's scores gain from how far apart a query and a key stand.
#pragma once

#include <cstdint>
#include <string_view>

#include "nopad/core/tensor.h"

namespace nopad::ops {

// A table with one row or column for each distance d = j - i of key j from query i, from -(M - 1)
// to M - 1: that of distance d stands at M - 1 + d. Immutable; copies share the table.
// All throw ShapeError: not of two axes, or an even number of distances; DTypeError: the table is
// neither f32 nor f64.
class RelativePositions {
 public:
  enum class Kind { bias, key, key_query };

  // The score scale qᵢ·kⱼ + table[h, M-1+j-i].
  // table  : [H, 2M-1] f32 (f64 beside f64 operands)
  // Source : MPNet and T5, where a table of buckets is spread over the distances
  static RelativePositions bias(Tensor table);
  // The score scale (qᵢ·kⱼ + qᵢ·e(j-i)), with e(d) = table[M-1+d] shared by all heads.
  // table  : [2M-1, head size]
  // Source : https://arxiv.org/abs/1803.02155; BERT's relative_key, whose own table counts i - j
  static RelativePositions key(Tensor table);
  // The score scale (qᵢ·kⱼ + qᵢ·e(j-i) + kⱼ·e(j-i)).
  // table  : [2M-1, head size]
  // Source : https://arxiv.org/abs/2009.13658; BERT's relative_key_query
  static RelativePositions key_query(Tensor table);

  Kind kind() const noexcept { return kind_; }
  const Tensor& table() const noexcept { return table_; }
  // M: sequences longer than this are refused.
  int64_t max_tokens() const;

 private:
  RelativePositions(Kind kind, Tensor table);

  Kind kind_;
  Tensor table_;
};

// "bias", "key", "key_query"
std::string_view to_string(RelativePositions::Kind kind) noexcept;

}  // namespace nopad::ops
