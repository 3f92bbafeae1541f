#include "ops/relative_gradients.h"

#include <algorithm>

namespace nopad::ops {
namespace {

using kernels::AttentionGradients;
using kernels::AttentionProblem;
using kernels::Range;

// to += factor * from; null: not wanted
template <class T>
void add_scaled(T factor, const T* from, int64_t count, T* to) {
  if (to == nullptr) return;
  for (int64_t i = 0; i < count; ++i) to[i] += factor * from[i];
}

template <class T>
T* row_of(T* base, int64_t row, int64_t stride) {
  return base == nullptr ? nullptr : base + row * stride;
}

}  // namespace

template <class T>
RelativeGradients<T>::RelativeGradients(const RelativePositions* positions, int64_t num_heads,
                                        int64_t head_size, int64_t max_length, T* d_table)
    : positions_(positions),
      num_heads_(num_heads),
      head_size_(head_size),
      max_length_(max_length),
      d_table_(d_table) {
  if (positions == nullptr || is_bias() || d_table == nullptr || max_length == 0) return;
  parts_ = Tensor::zeros({num_heads, 2 * max_length - 1, head_size}, dtype_of<T>);
}

template <class T>
void RelativeGradients<T>::begin(const AttentionProblem<T>& problem, int64_t head, Range queries,
                                 const Scratch& scratch, AttentionGradients<T>& gradients) {
  if (positions_ == nullptr) return;
  if (is_bias()) {
    const int64_t row = head * (2 * positions_->max_tokens() - 1);
    gradients.d_biases =
        row_of(d_table_, row + positions_->max_tokens() - 1 - queries.begin, /*stride=*/1);
    return;
  }
  std::fill_n(scratch.d_biases, scratch.num_elements, T{0});
  gradients.d_biases = scratch.d_biases + (problem.biases - scratch.biases);
}

// With d the gradient of the score scale (qᵢ·kⱼ + qᵢ·e + kⱼ·e):  d_qᵢ += scale d e,
// d_kⱼ += scale d e, d_e += scale d (qᵢ + kⱼ). Where d is 0, tokens may hold anything.
template <class T>
void RelativeGradients<T>::end(const AttentionProblem<T>& problem, int64_t head, Range queries,
                               const AttentionGradients<T>& gradients) {
  if (positions_ == nullptr || is_bias()) return;
  const bool has_keys = positions_->kind() == RelativePositions::Kind::key_query;
  const T* const nearest =
      positions_->table().template values<T>().data() + (positions_->max_tokens() - 1) * head_size_;
  T* const d_nearest = row_of(has_table() ? parts_.mutable_values<T>().data() : nullptr,
                              head * (2 * max_length_ - 1) + max_length_ - 1, head_size_);
  for (int64_t i = queries.begin; i < queries.end; ++i) {
    const T* const d_row = gradients.d_biases + (i - problem.first_row) * problem.bias_stride;
    T* const d_q = row_of(gradients.d_q, i, gradients.d_q_stride);
    for (int64_t j = 0; j < problem.num_keys; ++j) {
      if (d_row[j] == 0) continue;
      const T d = d_row[j] * problem.scale;
      const T* const e = nearest + (j - i) * head_size_;
      T* const d_e = row_of(d_nearest, j - i, head_size_);
      add_scaled(d, e, head_size_, d_q);
      add_scaled(d, problem.q + i * problem.q_stride, head_size_, d_e);
      if (!has_keys) continue;
      add_scaled(d, e, head_size_, row_of(gradients.d_k, j, gradients.d_k_stride));
      add_scaled(d, problem.k + j * problem.k_stride, head_size_, d_e);
    }
  }
}

template <class T>
void RelativeGradients<T>::finish() {
  if (parts_.num_elements() == 0) return;
  const int64_t part_elements = (2 * max_length_ - 1) * head_size_;
  T* const to = d_table_ + (positions_->max_tokens() - max_length_) * head_size_;
  for (int64_t head = 0; head < num_heads_; ++head) {
    add_scaled(T{1}, parts_.values<T>().data() + head * part_elements, part_elements, to);
  }
}

template class RelativeGradients<float>;
template class RelativeGradients<double>;

}  // namespace nopad::ops
