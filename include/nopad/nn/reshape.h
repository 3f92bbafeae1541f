// Flatten and Reshape: other shapes for each row of a dense batch.
#pragma once

#include <cstdint>
#include <vector>

#include "nopad/nn/kinds.h"

namespace nopad::nn {

// Both take dense values only: in [T, ...] time is not an axis, so there is nothing to flatten into
// a row. For the features of tokens, put them into TimeDistributed.

// x      : [B, ...] any dtype   return : [B, the product of the rest]
// Mask   : refuses tokens: the layout would be lost
class Flatten : public DenseLayer<Flatten> {
 public:
  Flatten() : DenseLayer("Flatten") {}

 protected:
  Tensor call(const Tensor& x) const override;
};

// x      : [B, ...] any dtype   return : [B, shape]
// Mask   : refuses tokens: the layout would be lost
// Throws : ShapeError, a row does not have as many elements
class Reshape : public DenseLayer<Reshape> {
 public:
  struct Config {
    std::vector<int64_t> shape = {};  // of a row; one may be -1: what the others leave
  };
  Reshape() : Reshape(Config()) {}
  explicit Reshape(const Config& config) : DenseLayer("Reshape"), config_(config) {}

  const Config& config() const noexcept { return config_; }
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  Tensor call(const Tensor& x) const override;

 private:
  Config config_;
};

}  // namespace nopad::nn
