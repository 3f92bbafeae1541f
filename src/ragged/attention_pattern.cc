#include "nopad/ragged/attention_pattern.h"

#include <algorithm>
#include <limits>

#include "nopad/core/error.h"

namespace nopad {

AttentionPattern AttentionPattern::window(int64_t left, int64_t right) {
  if (left < 0 || right < 0) {
    fail<OptionError>("AttentionPattern: window: expected 0 or more to each side, got ", left,
                      " and ", right);
  }
  return {left, right};
}

AttentionPattern operator&(const AttentionPattern& a, const AttentionPattern& b) noexcept {
  return {std::min(a.left_, b.left_), std::min(a.right_, b.right_)};
}

KeyRange AttentionPattern::visible_keys(int64_t query, int64_t num_keys) const noexcept {
  // Compared as distances: an unbounded side must not overflow.
  const int64_t begin = left_ < query ? query - left_ : 0;
  const int64_t end = right_ < num_keys - 1 - query ? query + right_ + 1 : num_keys;
  return {std::min(begin, num_keys), end};
}

Tensor AttentionPattern::materialize(const RaggedLayout& queries, const RaggedLayout& keys) const {
  if (queries.num_sequences() != keys.num_sequences()) {
    fail<LayoutError>("AttentionPattern: keys: expected the queries' number of sequences ",
                      queries.num_sequences(), ", got ", keys.num_sequences());
  }
  Tensor out = Tensor::zeros({queries.num_sequences(), queries.padded_width(), keys.padded_width()},
                             DType::boolean);
  const auto may_attend = out.mutable_values<bool>();
  for (int64_t b = 0; b < queries.num_sequences(); ++b) {
    for (int64_t i = 0; i < queries.length(b); ++i) {
      const int64_t row = (b * queries.padded_width() + queries.column(b, i)) * keys.padded_width();
      const KeyRange seen = visible_keys(i, keys.length(b));
      for (int64_t j = seen.begin; j < seen.end; ++j) {
        may_attend[static_cast<size_t>(row + keys.column(b, j))] = true;
      }
    }
  }
  return out;
}

Tensor AttentionPattern::materialize_bias(const RaggedLayout& queries,
                                          const RaggedLayout& keys) const {
  const Tensor may_attend = materialize(queries, keys);
  Tensor out = Tensor::empty(may_attend.shape(), DType::f32);
  std::ranges::transform(
      may_attend.values<bool>(), out.mutable_values<float>().begin(),
      [](bool may) { return may ? 0.0f : -std::numeric_limits<float>::infinity(); });
  return out;
}

}  // namespace nopad
