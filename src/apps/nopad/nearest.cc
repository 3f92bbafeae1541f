#include "apps/nopad/nearest.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace nopad::apps {
namespace {

bool is_better(double score, int64_t index, const Hit& other) noexcept {
  return score > other.score || (score == other.score && index < other.index);
}

bool comes_before(const Hit& a, const Hit& b) noexcept { return is_better(a.score, a.index, b); }

}  // namespace

double cosine(std::span<const float> a, std::span<const float> b) noexcept {
  double dot = 0, a_squared = 0, b_squared = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i], y = b[i];
    dot += x * y;
    a_squared += x * x;
    b_squared += y * y;
  }
  return a_squared == 0 || b_squared == 0 ? 0 : dot / (std::sqrt(a_squared) * std::sqrt(b_squared));
}

bool NearestRecords::would_keep(double score, int64_t index) const noexcept {
  return heap_.size() < count_ || (count_ > 0 && is_better(score, index, heap_.front()));
}

void NearestRecords::add(Hit hit) {
  if (!would_keep(hit.score, hit.index)) return;
  heap_.push_back(std::move(hit));
  std::ranges::push_heap(heap_, comes_before);
  if (heap_.size() > count_) {
    std::ranges::pop_heap(heap_, comes_before);
    heap_.pop_back();
  }
}

std::vector<Hit> NearestRecords::take() {
  std::ranges::sort(heap_, comes_before);
  return std::exchange(heap_, {});
}

}  // namespace nopad::apps
