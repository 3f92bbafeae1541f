// Linear: x weightᵀ + bias for each token, and an activation.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "nopad/nn/kinds.h"
#include "nopad/ops/linear.h"
#include "nopad/ragged/tensor.h"

namespace nopad::nn {

// x      : [..., inputs] f32 or f64; of a frozen one f32, or bf16 when it computes in it
// return : [..., units], the dtype of x
// Mask   : passes through (position-wise)
// Edge   : no rows give no rows; a NaN stays in its row
// Throws : OptionError, units below 1; ShapeError, x is not as wide as the first one was
// Weights: weight [units, inputs], glorot_uniform; bias [units], zeros
// A layer is either trained or frozen. A frozen one holds its weight once, in the order in which
// this machine's kernels read it, and has no parameters: parameters() lists none, and a call in
// training throws OptionError. Only a trained one can be saved.
class Linear : public TokenLayer<Linear> {
 public:
  struct Config {
    int64_t units = 0;
    bool use_bias = true;
    Activation activation = Activation::none;
  };
  Linear() : Linear(Config()) {}
  explicit Linear(const Config& config);

  // A frozen one.
  // weight : [units, inputs] f32   bias : [units] f32, or empty for none
  // Throws OptionError: bf16 without matrix tiles.
  Linear(const Tensor& weight, const Tensor& bias, Compute compute);
  // A frozen one, from `prefix`.weight and, if it is there, `prefix`.bias.
  // Throws WeightError: the weight is missing, or a shape is not as stated.
  static Linear load(const WeightSource& source, std::string_view prefix, int64_t inputs,
                     int64_t outputs, Compute compute);
  // Several layers over the same input as one, their outputs side by side in the given order.
  static Linear load_fused(const WeightSource& source, std::span<const std::string> prefixes,
                           int64_t inputs, int64_t outputs_each, Compute compute);
  // A frozen layer of the weights as they are now; this one stays as it is.
  // Throws WeightError: it has not been built; DTypeError, its weights are not f32.
  Linear freeze(Compute compute) const;
  bool is_frozen() const noexcept { return packed_ != nullptr; }

  using Layer::load;
  // Takes Keras' `prefix`/kernel [inputs, units] and `prefix`/bias.
  void load_keras(const WeightSource& source, std::string_view prefix) const;

  const Config& config() const noexcept { return config_; }
  // Throws WeightError: the layer has not been built.
  int64_t num_inputs() const { return packed_ ? packed_->num_inputs() : weight_->dim(1); }
  int64_t num_outputs() const noexcept { return config_.units; }

  using TokenLayer::operator();
  // With this epilogue instead of the activation; fused where the layer is frozen.
  Tensor operator()(const Tensor& x, const ops::LinearEpilogue& epilogue) const;
  RaggedTensor operator()(const RaggedTensor& x, const ops::LinearEpilogue& epilogue) const {
    return x.with_values((*this)(x.values(), epilogue));
  }

  void visit_config(ConfigVisitor& visitor) override;

 protected:
  void make_weights(std::span<const Spec> inputs) const override;
  Tensor call(const Tensor& rows) const override;

 private:
  Config config_;
  Parameter weight_ = add_parameter("weight");
  Parameter bias_ = add_parameter("bias");
  std::shared_ptr<const ops::PackedLinear> packed_;  // null where it is trained
};

// Keras' name.
using Dense = Linear;

}  // namespace nopad::nn
