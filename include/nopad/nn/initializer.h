// Initializers: the values that a weight has before anything is learned or loaded.
#pragma once

#include <cstdint>

#include "nopad/core/tensor.h"

namespace nopad::nn {

// `glorot_uniform` : uniform within sqrt(6 / (inputs + outputs)), https://proceedings.mlr.press/v9/glorot10a.html
// `uniform`        : uniform within `scale`
// `normal`         : normal with standard deviation `scale`
// `orthogonal`     : rows (or columns, the shorter ones) orthonormal, https://arxiv.org/abs/1312.6120
struct Initializer {
  enum class Kind { zeros, ones, constant, uniform, normal, glorot_uniform, orthogonal };
  Kind kind = Kind::zeros;
  float scale = 1;

  static Initializer zeros() { return {Kind::zeros}; }
  static Initializer ones() { return {Kind::ones}; }
  static Initializer constant(float value) { return {Kind::constant, value}; }
  static Initializer uniform(float limit) { return {Kind::uniform, limit}; }
  static Initializer normal(float deviation) { return {Kind::normal, deviation}; }
  static Initializer glorot_uniform() { return {Kind::glorot_uniform}; }
  static Initializer orthogonal() { return {Kind::orthogonal}; }
};

// While it lives, weights that are made on this thread are drawn from this seed, one after another:
// the same program gives the same weights on every machine. Outside any scope the seed is 0.
class SeedScope {
 public:
  explicit SeedScope(uint64_t seed) noexcept;
  ~SeedScope();
  SeedScope(const SeedScope&) = delete;
  SeedScope& operator=(const SeedScope&) = delete;

 private:
  uint64_t previous_seed_, previous_draws_;
};

// A new tensor of this thread's next draw.
// shape : [outputs, inputs, ...] where the initializer asks for inputs and outputs
// dtype : f32 or f64 (the same values)
Tensor make_initialized(const Initializer& initializer, const Shape& shape, DType dtype);

}  // namespace nopad::nn
