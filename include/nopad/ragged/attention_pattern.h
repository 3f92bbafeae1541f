// AttentionPattern: which keys of its sequence a query may attend to, as a rule and not a matrix.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "nopad/core/tensor.h"
#include "nopad/ragged/layout.h"
#include "nopad/ragged/tensor.h"

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
// full, causal, window and what they have in common are bands: they know no tokens and go with any
// layout. segments and visible are made for the tokens of one layout. Immutable; copies are cheap
// and share their content.
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
  // A query sees the keys that have its segment id, e.g. the documents packed into one sequence.
  // ids, query_ids, key_ids : [T] i32 or i64   copied; the second form is for cross-attention
  // Throws : ShapeError, not [T]; DTypeError; LayoutError, different numbers of sequences
  static AttentionPattern segments(const RaggedTensor& ids) { return segments(ids, ids); }
  static AttentionPattern segments(const RaggedTensor& query_ids, const RaggedTensor& key_ids);
  // Whatever a matrix says, in the columns of the padded batches that the layouts came from.
  // may_attend : [B, Lq, Lk] or, the same for all sequences, [Lq, Lk] bool   true = may attend;
  //              only what it says of real tokens is kept
  // Throws     : ShapeError; DTypeError, not bool; LayoutError, different numbers of sequences
  static AttentionPattern visible(const Tensor& may_attend, const RaggedLayout& queries,
                                  const RaggedLayout& keys);
  static AttentionPattern visible(const Tensor& may_attend, const RaggedLayout& layout) {
    return visible(may_attend, layout, layout);
  }
  // What both let see.
  friend AttentionPattern operator&(const AttentionPattern& a, const AttentionPattern& b);
  // The same band and the same shared rules.
  friend bool operator==(const AttentionPattern&, const AttentionPattern&) = default;

  bool is_full() const noexcept { return *this == full(); }
  // Whether visible_keys() tells all.
  bool is_band() const noexcept { return rules_.empty(); }
  // Query i sees keys i - left() to i + right(); the largest int64 means "all on that side".
  int64_t left() const noexcept { return left_; }
  int64_t right() const noexcept { return right_; }
  // The keys that a query's band reaches; a pattern that is no band may hide some of them. None
  // where the keys end before its window begins: attention then gives zeros.
  // query : 0 or more
  KeyRange visible_keys(int64_t query, int64_t num_keys) const noexcept;
  // Writes which keys of its sequence one query sees.
  // keep   : [the sequence's number of keys]
  void write_visible(int64_t sequence, int64_t query, std::span<bool> keep) const noexcept;

  // The check of an op before it asks write_visible().
  // Throws LayoutError: a rule was made for other tokens:
  // "attention: pattern: expected the query's layout (B=3, T=21), got (B=3, T=20)".
  void expect_layouts(const RaggedLayout& queries, const RaggedLayout& keys,
                      std::string_view op) const;

  // The pattern as a matrix, for tests and for frameworks that want one; nothing in nopad computes
  // with it. Queries and keys stand in the columns of the padded batches that they came from.
  // return : [B, Lq, Lk] bool   true = may attend; padding, query or key: false
  // Throws : LayoutError, the two have different numbers of sequences, or a rule is for others
  Tensor materialize(const RaggedLayout& queries, const RaggedLayout& keys) const;
  Tensor materialize(const RaggedLayout& layout) const { return materialize(layout, layout); }
  // The same as a term to be added to scores.
  // return : [B, Lq, Lk] f32   0 = may attend, -inf = may not; a padded query's row is all -inf
  Tensor materialize_bias(const RaggedLayout& queries, const RaggedLayout& keys) const;
  Tensor materialize_bias(const RaggedLayout& layout) const {
    return materialize_bias(layout, layout);
  }

 private:
  class Rule;
  class Segments;
  class Matrix;
  static constexpr int64_t kUnbounded = std::numeric_limits<int64_t>::max();
  AttentionPattern(int64_t left, int64_t right) : left_(left), right_(right) {}
  explicit AttentionPattern(std::shared_ptr<const Rule> rule)
      : AttentionPattern(kUnbounded, kUnbounded) {
    rules_.push_back(std::move(rule));
  }

  // A band around the diagonal; two together are the narrower of each side.
  int64_t left_;
  int64_t right_;
  // Each hides some of the band's keys.
  std::vector<std::shared_ptr<const Rule>> rules_;
};

}  // namespace nopad
