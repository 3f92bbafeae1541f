#include "kernels/attention.h"

#include <cmath>
#include <vector>

namespace nopad::kernels {
namespace ref {
namespace {

template <class T>
double dot(const T* a, const T* b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// Calls f(key) for each key that a query sees, in order.
template <class T, class F>
void for_each_visible(const AttentionProblem<T>& p, int64_t query, F&& f) {
  const Range band = p.visible.of(query, p.num_keys);
  for (int64_t key = band.begin; key < band.end; ++key) {
    if (p.keep == nullptr || p.keep_row(query)[key]) f(key);
  }
}

template <class T>
double score_of(const AttentionProblem<T>& p, int64_t query, int64_t key) {
  const double bias = p.biases == nullptr ? 0 : static_cast<double>(p.bias_row(query)[key]);
  return dot(p.q + query * p.q_stride, p.k + key * p.k_stride, p.head_size) *
             static_cast<double>(p.scale) +
         bias;
}

template <class T>
double factor_of(const AttentionProblem<T>& p, int64_t query, int64_t key) {
  return p.factors == nullptr ? 1.0 : static_cast<double>(p.factor_row(query)[key]);
}

template <class T>
void attend_query(const AttentionProblem<T>& p, int64_t query, std::vector<double>& weights) {
  double largest = -std::numeric_limits<double>::infinity();
  for_each_visible(p, query, [&](int64_t key) {
    weights[static_cast<size_t>(key)] = score_of(p, query, key);
    largest = std::max(largest, weights[static_cast<size_t>(key)]);
  });
  double sum = 0;
  for_each_visible(p, query, [&](int64_t key) {
    double& weight = weights[static_cast<size_t>(key)];
    sum += weight = std::exp(weight - largest);
  });
  for (int64_t i = 0; i < p.head_size; ++i) {
    double out = 0;
    for_each_visible(p, query, [&](int64_t key) {
      out += weights[static_cast<size_t>(key)] / sum * factor_of(p, query, key) *
             static_cast<double>(p.v[key * p.v_stride + i]);
    });
    p.out[query * p.out_stride + i] = static_cast<T>(out);
  }
  if (p.log_sums != nullptr) {
    p.log_sums[query] = static_cast<AttentionSum<T>>(largest + std::log(sum));
  }
}

// With weights w, factors f and scores s: out = sum of w f v, so
//   d_v = w f d_out   and   d_s = w (f d_out·v - d_out·out).
// A query whose d_out is zero takes no part, and neither does a key whose weight is: their tokens
// may hold anything.
template <class T>
void differentiate_query(const AttentionProblem<T>& p, const AttentionGradients<T>& g,
                         int64_t query, std::vector<double>& d_q) {
  const T* const d_out = g.d_out + query * g.d_out_stride;
  const double mean = dot(d_out, p.out + query * p.out_stride, p.head_size);
  const bool takes_part = std::any_of(d_out, d_out + p.head_size, [](T x) { return x != 0; });
  std::ranges::fill(d_q, 0.0);
  for_each_visible(p, query, [&](int64_t key) {
    if (!takes_part) return;
    const double weight =
        std::exp(score_of(p, query, key) - static_cast<double>(p.log_sums[query]));
    if (weight == 0) return;
    const double factor = factor_of(p, query, key);
    const double d_weight = factor * dot(d_out, p.v + key * p.v_stride, p.head_size);
    const double d_bias = weight * (d_weight - mean);
    const double d_score = d_bias * static_cast<double>(p.scale);
    if (g.d_biases != nullptr) {
      g.d_biases[(query - p.first_row) * p.bias_stride + key] += static_cast<T>(d_bias);
    }
    for (int64_t i = 0; i < p.head_size; ++i) {
      const auto at = [&](T* x, int64_t stride) -> T& { return x[key * stride + i]; };
      d_q[static_cast<size_t>(i)] += d_score * static_cast<double>(p.k[key * p.k_stride + i]);
      if (g.d_k != nullptr) {
        at(g.d_k, g.d_k_stride) +=
            static_cast<T>(d_score * static_cast<double>(p.q[query * p.q_stride + i]));
      }
      if (g.d_v != nullptr) {
        at(g.d_v, g.d_v_stride) += static_cast<T>(weight * factor * static_cast<double>(d_out[i]));
      }
    }
  });
  if (g.d_q == nullptr) return;
  for (int64_t i = 0; i < p.head_size; ++i) {
    g.d_q[query * g.d_q_stride + i] = static_cast<T>(d_q[static_cast<size_t>(i)]);
  }
}

}  // namespace

template <class T>
void attend(const AttentionProblem<T>& p, Range queries) noexcept {
  std::vector<double> weights(static_cast<size_t>(p.num_keys));
  for (int64_t query = queries.begin; query < queries.end; ++query) attend_query(p, query, weights);
}
template void attend(const AttentionProblem<float>&, Range) noexcept;
template void attend(const AttentionProblem<double>&, Range) noexcept;

template <class T>
void differentiate(const AttentionProblem<T>& p, const AttentionGradients<T>& g,
                   Range queries) noexcept {
  std::vector<double> d_q(static_cast<size_t>(p.head_size));
  for (int64_t query = queries.begin; query < queries.end; ++query) {
    differentiate_query(p, g, query, d_q);
  }
}
template void differentiate(const AttentionProblem<float>&, const AttentionGradients<float>&,
                            Range) noexcept;
template void differentiate(const AttentionProblem<double>&, const AttentionGradients<double>&,
                            Range) noexcept;

}  // namespace ref

namespace {

constexpr int64_t kBlockQueries = 64;
int64_t no_scratch(int64_t) noexcept { return 0; }
void attend_f64(const AttentionProblem<double>& p, Range queries, std::byte*) noexcept {
  ref::attend(p, queries);
}
void differentiate_f64(const AttentionProblem<double>& p, const AttentionGradients<double>& g,
                       Range queries, std::byte*) noexcept {
  ref::differentiate(p, g, queries);
}

}  // namespace

const Attention<double>& attention_f64() noexcept {
  static constexpr Attention<double> kAttention{kBlockQueries, no_scratch, attend_f64};
  return kAttention;
}

const AttentionBackward<double>& attention_backward_f64() noexcept {
  static constexpr AttentionBackward<double> kBackward{kBlockQueries, no_scratch,
                                                       differentiate_f64};
  return kBackward;
}

}  // namespace nopad::kernels
