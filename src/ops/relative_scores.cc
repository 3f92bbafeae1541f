#include "ops/relative_scores.h"

#include <algorithm>
#include <type_traits>

#include "nopad/core/bfloat16.h"

namespace nopad::ops {
namespace {

using kernels::AttentionProblem;
using kernels::Range;

// Keys whose products with the table are computed at once: what stays in L2 beside the rows.
constexpr int64_t kKeyBlock = 64;

// Rows of a head, side by side and times `scale`.
template <class T, class Sum>
void copy_scaled(const T* from, int64_t stride, int64_t num_rows, int64_t width, Sum scale,
                 Sum* to) {
  for (int64_t row = 0; row < num_rows; ++row, from += stride, to += width) {
    for (int64_t i = 0; i < width; ++i) to[i] = static_cast<Sum>(from[i]) * scale;
  }
}

}  // namespace

template <class T>
RelativeScores<T>::RelativeScores(const RelativePositions* positions, int64_t head_size,
                                  int64_t max_length, Isa isa)
    : positions_(positions),
      head_size_(head_size),
      max_length_(max_length),
      gemm_(&kernels::gemm_f32(isa)) {
  if constexpr (std::is_same_v<Sum, float>) {
    if (positions == nullptr || positions->kind() == RelativePositions::Kind::bias) return;
    const int64_t num_distances = std::max<int64_t>(0, 2 * max_length - 1);
    const int64_t panels = (num_distances + gemm_->panel_width - 1) / gemm_->panel_width;
    packed_ = Tensor::empty({panels * gemm_->panel_width * head_size});
    const float* const nearest = positions->table().template values<float>().data() +
                                 (positions->max_tokens() - max_length) * head_size;
    gemm_->pack(nearest, num_distances, head_size, {0, panels},
                packed_.mutable_values<float>().data());
  }
}

// Products begin at a whole panel, at or before the distance that is wanted.
template <class T>
int64_t RelativeScores<T>::product_stride(int64_t count) const {
  return count + 2 * gemm_->panel_width;
}

template <class T>
int64_t RelativeScores<T>::scratch_elements(int64_t block_queries) const {
  if (positions_ == nullptr || positions_->kind() == RelativePositions::Kind::bias) return 0;
  const int64_t queries = std::min(block_queries, max_length_);
  const int64_t rows = queries * (head_size_ + product_stride(max_length_ + queries));
  if (positions_->kind() == RelativePositions::Kind::key) return rows;
  return rows + kKeyBlock * (head_size_ + product_stride(kKeyBlock + queries));
}

template <class T>
auto RelativeScores<T>::multiply(const Sum* rows, int64_t num_rows, int64_t first, int64_t count,
                                 Sum* out) const -> Products {
  const int64_t stride = product_stride(count);
  if constexpr (std::is_same_v<Sum, float>) {
    const int64_t width = gemm_->panel_width;
    const int64_t column = first + max_length_ - 1;
    const int64_t panel = column / width;
    const int64_t panels = (column + count + width - 1) / width - panel;
    kernels::GemmF32Problem problem;
    problem.m = num_rows;
    problem.n = panels * width;
    problem.k = head_size_;
    problem.a = rows;
    problem.a_stride = head_size_;
    problem.packed = packed_.values<float>().data() + panel * width * head_size_;
    problem.c = out;
    problem.c_stride = stride;
    gemm_->multiply(problem, {0, num_rows}, {0, panels});
    return {out, stride, first - (column - panel * width)};
  } else {
    const Sum* const table = positions_->table().template values<Sum>().data() +
                             (positions_->max_tokens() - 1 + first) * head_size_;
    for (int64_t row = 0; row < num_rows; ++row) {
      for (int64_t column = 0; column < count; ++column) {
        Sum& sum = out[row * stride + column] = 0;
        for (int64_t i = 0; i < head_size_; ++i) {
          sum += rows[row * head_size_ + i] * table[column * head_size_ + i];
        }
      }
    }
    return {out, stride, first};
  }
}

// The row of query i has key j at distance j - i: one column to the left for each query.
template <class T>
void RelativeScores<T>::show(AttentionProblem<T>& problem, int64_t head, Range queries,
                             Sum* scratch) const {
  if (positions_ == nullptr) return;
  problem.first_row = queries.begin;
  if (positions_->kind() == RelativePositions::Kind::bias) {
    const int64_t row = head * (2 * positions_->max_tokens() - 1);
    problem.biases = positions_->table().template values<Sum>().data() + row +
                     positions_->max_tokens() - 1 - queries.begin;
    problem.bias_stride = -1;
    return;
  }
  const int64_t num_queries = queries.end - queries.begin;
  const int64_t first = 1 - queries.end;
  Sum* const products = scratch + num_queries * head_size_;
  copy_scaled(problem.q + queries.begin * problem.q_stride, problem.q_stride, num_queries,
              head_size_, problem.scale, scratch);
  const Products sums =
      multiply(scratch, num_queries, first, problem.num_keys + num_queries - 1, products);
  if (positions_->kind() == RelativePositions::Kind::key_query) {
    add_keys(problem, queries, products + num_queries * sums.stride, sums);
  }
  problem.biases = sums.data - sums.first - queries.begin;
  problem.bias_stride = sums.stride - 1;
}

// sums of (i, j) += kⱼ·e(j-i), a block of keys at a time.
template <class T>
void RelativeScores<T>::add_keys(const AttentionProblem<T>& problem, Range queries, Sum* scratch,
                                 const Products& sums) const {
  const int64_t num_queries = queries.end - queries.begin;
  Sum* const products = scratch + kKeyBlock * head_size_;
  for (int64_t key = 0; key < problem.num_keys; key += kKeyBlock) {
    const int64_t num_keys = std::min(kKeyBlock, problem.num_keys - key);
    copy_scaled(problem.k + key * problem.k_stride, problem.k_stride, num_keys, head_size_,
                problem.scale, scratch);
    const Products own =
        multiply(scratch, num_keys, key + 1 - queries.end, num_keys + num_queries - 1, products);
    for (int64_t r = 0; r < num_queries; ++r) {
      const int64_t distance = key - (queries.begin + r);
      Sum* const to = sums.data + r * sums.stride + distance - sums.first;
      const Sum* const from = own.data + distance - own.first;
      for (int64_t j = 0; j < num_keys; ++j) to[j] += from[j * (own.stride + 1)];
    }
  }
}

template class RelativeScores<float>;
template class RelativeScores<double>;
template class RelativeScores<BFloat16>;

}  // namespace nopad::ops
