#include "nopad/ragged/attention_pattern.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "nopad/core/error.h"

namespace nopad {
namespace {

void expect_as_many_sequences(const RaggedLayout& queries, const RaggedLayout& keys) {
  if (queries.num_sequences() != keys.num_sequences()) {
    fail<LayoutError>("AttentionPattern: keys: expected the queries' number of sequences ",
                      queries.num_sequences(), ", got ", keys.num_sequences());
  }
}

Tensor copy_ids(const RaggedTensor& ids, const char* name) {
  const Tensor& values = ids.values();
  if (values.dtype() != DType::i32 && values.dtype() != DType::i64) {
    fail<DTypeError>("AttentionPattern: ", name, ": expected i32 or i64, got ", values.dtype());
  }
  if (values.rank() != 1) {
    fail<ShapeError>("AttentionPattern: ", name, ": expected ", Shape{ids.layout().num_tokens()},
                     ", got ", values.shape());
  }
  return values.to(DType::i64);
}

}  // namespace

// What a band can't say, made for the tokens of one pair of layouts.
class AttentionPattern::Rule {
 public:
  Rule(RaggedLayout queries, RaggedLayout keys)
      : queries_(std::move(queries)), keys_(std::move(keys)) {
    expect_as_many_sequences(queries_, keys_);
  }
  virtual ~Rule() = default;
  const RaggedLayout& queries() const noexcept { return queries_; }
  const RaggedLayout& keys() const noexcept { return keys_; }
  // Makes the keys in `range` that one query does not see false.
  virtual void hide(int64_t sequence, int64_t query, KeyRange range,
                    std::span<bool> keep) const noexcept = 0;

 private:
  RaggedLayout queries_, keys_;
};

class AttentionPattern::Segments final : public Rule {
 public:
  Segments(const RaggedTensor& query_ids, const RaggedTensor& key_ids)
      : Rule(query_ids.layout(), key_ids.layout()),
        query_ids_(copy_ids(query_ids, "query_ids")),
        key_ids_(copy_ids(key_ids, "key_ids")) {}

  void hide(int64_t sequence, int64_t query, KeyRange range,
            std::span<bool> keep) const noexcept override {
    const int64_t own =
        query_ids_.values<int64_t>()[static_cast<size_t>(queries().offset(sequence) + query)];
    const int64_t* const ids = key_ids_.values<int64_t>().data() + keys().offset(sequence);
    for (int64_t j = range.begin; j < range.end; ++j) keep[static_cast<size_t>(j)] &= ids[j] == own;
  }

 private:
  Tensor query_ids_, key_ids_;
};

class AttentionPattern::Matrix final : public Rule {
 public:
  Matrix(const Tensor& may_attend, const RaggedLayout& queries, const RaggedLayout& keys)
      : Rule(queries, keys) {
    const Shape matrix{queries.padded_width(), keys.padded_width()};
    const Shape batch{queries.num_sequences(), matrix[0], matrix[1]};
    if (may_attend.dtype() != DType::boolean) {
      fail<DTypeError>("AttentionPattern: may_attend: expected bool, got ", may_attend.dtype());
    }
    if (may_attend.shape() != batch && may_attend.shape() != matrix) {
      fail<ShapeError>("AttentionPattern: may_attend: expected ", batch, " or ", matrix, ", got ",
                       may_attend.shape());
    }
    if (may_attend.rank() == 2 && queries.is_left_aligned() && keys.is_left_aligned()) {
      cells_ = may_attend.to(DType::boolean);
      first_cell_.assign(static_cast<size_t>(queries.num_sequences()), 0);
    } else {
      gather(may_attend);
    }
  }

  void hide(int64_t sequence, int64_t query, KeyRange range,
            std::span<bool> keep) const noexcept override {
    const int64_t stride = cells_.rank() == 2 ? cells_.dim(1) : keys().length(sequence);
    const bool* const row =
        cells_.values<bool>().data() + first_cell_[static_cast<size_t>(sequence)] + query * stride;
    for (int64_t j = range.begin; j < range.end; ++j) keep[static_cast<size_t>(j)] &= row[j];
  }

 private:
  // Takes the cells of real queries and keys, sequence after sequence.
  void gather(const Tensor& may_attend) {
    int64_t num_cells = 0;
    for (int64_t b = 0; b < queries().num_sequences(); ++b) {
      first_cell_.push_back(num_cells);
      // No overflow while each sequence has its own cells; shared ones can be more than memory.
      if (__builtin_add_overflow(num_cells, queries().length(b) * keys().length(b), &num_cells)) {
        fail<LimitError>("AttentionPattern: may_attend: more cells than int64 counts");
      }
    }
    cells_ = Tensor::empty({num_cells}, DType::boolean);
    bool* to = cells_.mutable_values<bool>().data();
    const bool* const from = may_attend.values<bool>().data();
    const int64_t width = keys().padded_width();
    for (int64_t b = 0; b < queries().num_sequences(); ++b) {
      const int64_t matrix = may_attend.rank() == 2 ? 0 : b * queries().padded_width() * width;
      for (int64_t i = 0; i < queries().length(b); ++i) {
        const bool* const row = from + matrix + queries().column(b, i) * width;
        for (int64_t j = 0; j < keys().length(b); ++j) *to++ = row[keys().column(b, j)];
      }
    }
  }

  Tensor cells_;                     // [cells], or the one matrix [Lq, Lk] that all share
  std::vector<int64_t> first_cell_;  // [B]
};

AttentionPattern AttentionPattern::window(int64_t left, int64_t right) {
  if (left < 0 || right < 0) {
    fail<OptionError>("AttentionPattern: window: expected 0 or more to each side, got ", left,
                      " and ", right);
  }
  return {left, right};
}

AttentionPattern AttentionPattern::segments(const RaggedTensor& query_ids,
                                            const RaggedTensor& key_ids) {
  return AttentionPattern(std::make_shared<const Segments>(query_ids, key_ids));
}

AttentionPattern AttentionPattern::visible(const Tensor& may_attend, const RaggedLayout& queries,
                                           const RaggedLayout& keys) {
  return AttentionPattern(std::make_shared<const Matrix>(may_attend, queries, keys));
}

AttentionPattern operator&(const AttentionPattern& a, const AttentionPattern& b) {
  AttentionPattern both(std::min(a.left_, b.left_), std::min(a.right_, b.right_));
  both.rules_ = a.rules_;
  both.rules_.insert(both.rules_.end(), b.rules_.begin(), b.rules_.end());
  return both;
}

KeyRange AttentionPattern::visible_keys(int64_t query, int64_t num_keys) const noexcept {
  // Compared as distances: an unbounded side must not overflow.
  const int64_t begin = left_ < query ? query - left_ : 0;
  const int64_t end = right_ < num_keys - 1 - query ? query + right_ + 1 : num_keys;
  return {std::min(begin, num_keys), end};
}

void AttentionPattern::write_visible(int64_t sequence, int64_t query,
                                     std::span<bool> keep) const noexcept {
  const KeyRange band = visible_keys(query, std::ssize(keep));
  std::ranges::fill(keep, false);
  std::fill(keep.begin() + band.begin, keep.begin() + band.end, true);
  for (const auto& rule : rules_) rule->hide(sequence, query, band, keep);
}

void AttentionPattern::expect_layouts(const RaggedLayout& queries, const RaggedLayout& keys,
                                      std::string_view op) const {
  for (const auto& rule : rules_) {
    expect_layout(rule->queries(), queries, concat(op, ": pattern"), "the query");
    expect_layout(rule->keys(), keys, concat(op, ": pattern"), "the key");
  }
}

Tensor AttentionPattern::materialize(const RaggedLayout& queries, const RaggedLayout& keys) const {
  expect_as_many_sequences(queries, keys);
  expect_layouts(queries, keys, "AttentionPattern");
  Tensor out = Tensor::zeros({queries.num_sequences(), queries.padded_width(), keys.padded_width()},
                             DType::boolean);
  const auto may_attend = out.mutable_values<bool>();
  Tensor row = Tensor::empty({keys.max_length()}, DType::boolean);
  const auto seen = row.mutable_values<bool>();
  for (int64_t b = 0; b < queries.num_sequences(); ++b) {
    const auto keep = seen.first(static_cast<size_t>(keys.length(b)));
    for (int64_t i = 0; i < queries.length(b); ++i) {
      const int64_t begin =
          (b * queries.padded_width() + queries.column(b, i)) * keys.padded_width();
      write_visible(b, i, keep);
      for (int64_t j = 0; j < keys.length(b); ++j) {
        may_attend[static_cast<size_t>(begin + keys.column(b, j))] = keep[static_cast<size_t>(j)];
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
