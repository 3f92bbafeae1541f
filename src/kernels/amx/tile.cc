#include "kernels/amx/tile.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace nopad::kernels::amx {
namespace {

constexpr int kPairs = kTileDepth / 2;

// x, or zero with its sign if it is denormal.
float flush(float x) {
  const auto word = std::bit_cast<uint32_t>(x);
  return std::bit_cast<float>((word & 0x7f800000u) == 0 ? word & 0x80000000u : word);
}

// Sums that come out denormal are exact, so that it does not matter when they are flushed.
float add(float a, float b) { return flush(flush(a) + flush(b)); }

// x rounded to float, and to zero if it is denormal then. What rounds up to the smallest normal
// float with an unbounded exponent is not: x86 looks after rounding.
double round_to_float(double x) {
  return static_cast<double>(static_cast<float>(std::abs(x) < 0x1p-126 - 0x1p-151 ? 0 * x : x));
}

// A fused multiply-add of a float sum and two bf16. The product is exact in double, and double is
// wide enough for the sum to be rounded in two steps.
double add_product(double sum, double a, double b) { return round_to_float(sum + a * b); }

// The same for factors that are all tame: the product is exact in float, too.
float add_product(float sum, float a, float b) { return sum + a * b; }

template <class Real>
void add_products(Real a, const Real* b, Real* sums) {
// Kept a loop for the vectoriser: unrolled, it becomes shuffles.
#pragma GCC unroll 1
  for (int64_t j = 0; j < kTileColumns; ++j) sums[j] = add_product(sums[j], a, b[j]);
}

using Row = std::byte[kTileRowBytes];

uint16_t bits_at(const Row& row, int64_t column) {
  uint16_t bits;
  std::memcpy(&bits, row + 2 * column, sizeof(bits));
  return bits;
}

// Zeros, and values whose products and sums of products neither overflow nor become denormal:
// 2^-56 <= |x| < 2^60.
bool is_tame(const Row* rows, int64_t num_rows) {
  int num_wild = 0;
  for (int64_t row = 0; row < num_rows; ++row) {
    for (int64_t i = 0; i < kTileDepth; ++i) {
      const uint32_t magnitude = bits_at(rows[row], i) & 0x7fffu;
      num_wild += magnitude != 0 && magnitude - (127u - 56u) * 128u >= (60u + 56u) * 128u;
    }
  }
  return num_wild == 0;
}

// The first values of a row's pairs, and the second ones.
template <class Real>
struct Pairs {
  explicit Pairs(const Row& row) {
    for (int64_t i = 0; i < kPairs; ++i) {
      first[i] = value_at(row, 2 * i);
      second[i] = value_at(row, 2 * i + 1);
    }
  }
  Pairs() = default;

  static Real value_at(const Row& row, int64_t column) {
    const auto value = std::bit_cast<float>(static_cast<uint32_t>(bits_at(row, column)) << 16);
    return static_cast<Real>(flush(value));
  }

  alignas(64) Real first[kPairs] = {};
  alignas(64) Real second[kPairs] = {};
};
static_assert(kPairs == kTileColumns);

}  // namespace

void EmulatedTiles::clear(int tile) noexcept { std::memset(tiles_[tile], 0, sizeof(tiles_[tile])); }

void EmulatedTiles::load(int tile, const void* from, int64_t stride_bytes) noexcept {
  clear(tile);
  for (int row = 0; row < config_.rows[tile]; ++row) {
    std::memcpy(tiles_[tile][row], static_cast<const std::byte*>(from) + row * stride_bytes,
                config_.row_bytes[tile]);
  }
}

void EmulatedTiles::store(int tile, void* to, int64_t stride_bytes) const noexcept {
  for (int row = 0; row < config_.rows[tile]; ++row) {
    std::memcpy(static_cast<std::byte*>(to) + row * stride_bytes, tiles_[tile][row],
                config_.row_bytes[tile]);
  }
}

// Row p of right holds a pair for each column. The first and the second products of the pairs are
// summed apart, from zero, by fused multiply-adds; the two sums are added, and then added to what
// the tile holds. Denormals count as zeros, as operands and as results.
template <class Real>
void EmulatedTiles::multiply_add_in(int sum, int left, int right) noexcept {
  Pairs<Real> factors[kPairs];
  for (int pair = 0; pair < config_.rows[right]; ++pair)
    factors[pair] = Pairs<Real>(tiles_[right][pair]);
  for (int row = 0; row < config_.rows[sum]; ++row) {
    const Pairs<Real> a(tiles_[left][row]);
    Pairs<Real> sums;
    for (int pair = 0; pair < config_.row_bytes[left] / 4; ++pair) {
      const Pairs<Real>& b = factors[pair];
      add_products(a.first[pair], b.first, sums.first);
      add_products(a.second[pair], b.second, sums.second);
    }
    float held[kTileColumns];
    std::memcpy(held, tiles_[sum][row], sizeof(held));
    for (int64_t j = 0; j < kTileColumns; ++j) {
      const float both = add(static_cast<float>(sums.first[j]), static_cast<float>(sums.second[j]));
      held[j] = add(held[j], both);
    }
    std::memcpy(tiles_[sum][row], held, sizeof(held));
  }
}

void EmulatedTiles::multiply_add(int sum, int left, int right) noexcept {
  if (is_tame(tiles_[left], config_.rows[left]) && is_tame(tiles_[right], config_.rows[right])) {
    multiply_add_in<float>(sum, left, right);
  } else {
    multiply_add_in<double>(sum, left, right);
  }
}

}  // namespace nopad::kernels::amx
