#include "kernels/rotary.h"

#include <algorithm>

namespace nopad::kernels {
namespace ref {

template <class T>
void rotate(const RotaryRow<T>& row) noexcept {
  for (int64_t head = 0; head < row.num_heads; ++head) {
    const T* const x = row.x + head * row.head_size;
    T* const y = row.y + head * row.head_size;
    for (int64_t i = 0; i < row.num_pairs; ++i) {
      const double cos = row.cos[i], sin = row.sin[i] * row.direction;
      const double a = x[i], b = x[row.num_pairs + i];
      y[i] = static_cast<T>(a * cos - b * sin);
      y[row.num_pairs + i] = static_cast<T>(b * cos + a * sin);
    }
    if (y != x) std::copy(x + 2 * row.num_pairs, x + row.head_size, y + 2 * row.num_pairs);
  }
}
template void rotate(const RotaryRow<float>&) noexcept;
template void rotate(const RotaryRow<double>&) noexcept;

}  // namespace ref

template <>
RotateRow<double> rotate_row<double>(Isa) noexcept {
  return ref::rotate<double>;
}

}  // namespace nopad::kernels
