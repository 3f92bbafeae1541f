// AttentionPattern: which keys of its sequence a query may attend to, as a rule and not a matrix.
#pragma once

#include <cstdint>
#include <limits>

#include "nopad/core/tensor.h"
#include "nopad/ragged/layout.h"

namespace nopad {

// Keys [begin, end) of a sequence; none when they are equal.
struct KeyRange {
  int64_t begin = 0;
  int64_t end = 0;
  friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

// A rule over the positions inside one sequence: no pattern lets a query see another sequence, and
// padding does not exist. Query i and key j stand at the same position when i == j, also where a
// sequence has more keys than queries or fewer (cross-attention).
class AttentionPattern {
 public:
  // Every query sees every key of its sequence.
  static AttentionPattern full() { return {kUnbounded, kUnbounded}; }
  // Query i sees keys 0 to i: the lower triangle from the top left, whatever the numbers of queries
  // and keys, as in PyTorch (is_causal) and Keras (use_causal_mask). With fewer queries than keys
  // the last query does not see the last key.
  static AttentionPattern causal() { return {kUnbounded, 0}; }
  // Query i sees keys i - left to i + right.
  // Throws OptionError: a negative number.
  static AttentionPattern window(int64_t left, int64_t right);
  // Query i sees keys i - left() to i + right(); the largest int64 means "all on that side".
  int64_t left() const noexcept { return left_; }
  int64_t right() const noexcept { return right_; }
  // What both let see.
  friend AttentionPattern operator&(const AttentionPattern& a, const AttentionPattern& b) noexcept;
  friend bool operator==(const AttentionPattern&, const AttentionPattern&) = default;

  bool is_full() const noexcept { return *this == full(); }
  // The keys that one query sees. None where the keys end before its window begins: attention then
  // gives zeros.
  // query : 0 or more
  KeyRange visible_keys(int64_t query, int64_t num_keys) const noexcept;

  // The pattern as a matrix, for tests and for frameworks that want one; nothing in nopad computes
  // with it. Queries and keys stand in the columns of the padded batches that they came from.
  // return : [B, Lq, Lk] bool   true = may attend; padding, query or key: false
  // Throws : LayoutError, the two have different numbers of sequences
  Tensor materialize(const RaggedLayout& queries, const RaggedLayout& keys) const;
  Tensor materialize(const RaggedLayout& layout) const { return materialize(layout, layout); }
  // The same as a term to be added to scores.
  // return : [B, Lq, Lk] f32   0 = may attend, -inf = may not; a padded query's row is all -inf
  Tensor materialize_bias(const RaggedLayout& queries, const RaggedLayout& keys) const;
  Tensor materialize_bias(const RaggedLayout& layout) const {
    return materialize_bias(layout, layout);
  }

 private:
  static constexpr int64_t kUnbounded = std::numeric_limits<int64_t>::max();
  AttentionPattern(int64_t left, int64_t right) : left_(left), right_(right) {}

  // Each of these rules is a band around the diagonal; two together are the narrower of each side.
  int64_t left_;
  int64_t right_;
};

}  // namespace nopad
