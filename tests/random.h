// Seeded random input for tests: the same seed gives the same values on every machine.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "nopad/core/tensor.h"

namespace nopad::test {

// The standard's engines are the same everywhere and its distributions are not, so these are ours.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  // Uniform in [low, high].
  int64_t integer(int64_t low, int64_t high) {
    const auto count = static_cast<uint64_t>(high - low) + 1;
    return low + static_cast<int64_t>(engine_() % count);
  }
  bool coin() { return integer(0, 1) == 1; }
  // Uniform in [low, high).
  float real(float low = -1, float high = 1) {
    constexpr float kScale = 1.0f / (1 << 24);
    return low + (high - low) * (static_cast<float>(engine_() >> 40) * kScale);
  }

  // [num_sequences] lengths from 0 to `longest`. Half of them are where kernels go wrong: empty,
  // one token, and one less and one more than a vector or tile is wide.
  std::vector<int64_t> lengths(int64_t num_sequences, int64_t longest) {
    constexpr std::array<int64_t, 14> kEdges = {0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 65};
    std::vector<int64_t> out;
    for (int64_t b = 0; b < num_sequences; ++b) {
      const int64_t edge = kEdges[static_cast<size_t>(integer(0, std::ssize(kEdges) - 1))];
      out.push_back(coin() && edge <= longest ? edge : integer(0, longest));
    }
    return out;
  }

  // f32, uniform in [low, high).
  Tensor tensor(const Shape& shape, float low = -1, float high = 1) {
    Tensor out = Tensor::empty(shape);
    for (float& value : out.mutable_values<float>()) value = real(low, high);
    return out;
  }
  // bool, each element true with one chance in two.
  Tensor coins(const Shape& shape) {
    Tensor out = Tensor::empty(shape, DType::boolean);
    for (bool& value : out.mutable_values<bool>()) value = coin();
    return out;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace nopad::test
