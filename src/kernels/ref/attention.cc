#include "kernels/attention.h"

#include <cmath>
#include <vector>

namespace nopad::kernels::ref {

void attend(const AttentionProblem<float>& p) noexcept {
  std::vector<double> weights(static_cast<size_t>(p.num_keys));
  for (int64_t query = 0; query < p.num_queries; ++query) {
    const Range visible = p.visible.of(query, p.num_keys);
    double largest = -std::numeric_limits<double>::infinity();
    for (int64_t key = visible.begin; key < visible.end; ++key) {
      double score = 0;
      for (int64_t i = 0; i < p.head_size; ++i) {
        score += static_cast<double>(p.q[query * p.q_stride + i]) * p.k[key * p.k_stride + i];
      }
      weights[static_cast<size_t>(key)] = score * p.scale;
      largest = std::max(largest, score * p.scale);
    }
    double sum = 0;
    for (int64_t key = visible.begin; key < visible.end; ++key) {
      sum += weights[static_cast<size_t>(key)] =
          std::exp(weights[static_cast<size_t>(key)] - largest);
    }
    for (int64_t i = 0; i < p.head_size; ++i) {
      double out = 0;
      for (int64_t key = visible.begin; key < visible.end; ++key) {
        out += weights[static_cast<size_t>(key)] / sum * p.v[key * p.v_stride + i];
      }
      p.out[query * p.out_stride + i] = static_cast<float>(out);
    }
  }
}

}  // namespace nopad::kernels::ref
