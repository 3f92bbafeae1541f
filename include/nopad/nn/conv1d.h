// Conv1D: a convolution over the tokens of each sequence.
#pragma once

#include <cstdint>
#include <string_view>

#include "nopad/core/activation.h"
#include "nopad/nn/windows.h"

namespace nopad::nn {

// Every sequence is convolved as if it stood alone, with zeros beyond its own ends: no neighbour and
// no padding is ever under the kernel.
// x      : [T, C] f32 or f64
// return : [T', filters]; with P tokens of padding a sequence of length L gets
//          (L + P - dilation (kernel_size - 1) - 1) / strides + 1, and never less than 0
// Mask   : makes a new layout, the given one where no length changes
// Edge   : an empty sequence stays empty; one that is shorter than the kernel becomes empty under
//          `valid`
// Throws : OptionError, a setting below 1; ShapeError, groups do not divide the channels
// Weights: weight [filters, C / groups, kernel_size], glorot_uniform; bias [filters], zeros
// Source : keras.layers.Conv1D, torch.nn.Conv1d
class Conv1D : public WindowLayer<Conv1D> {
 public:
  struct Config {
    int64_t filters = 0;
    int64_t kernel_size = 0;
    int64_t strides = 1;
    WindowPadding padding = {};
    int64_t dilation = 1;
    int64_t groups = 1;
    bool use_bias = true;
    Activation activation = Activation::none;
  };
  Conv1D() : Conv1D(Config()) {}
  explicit Conv1D(const Config& config) : WindowLayer("Conv1D"), config_(config) {}

  const Config& config() const noexcept { return config_; }
  void visit_config(ConfigVisitor& visitor) override;

  using Layer::load;
  // Takes PyTorch's `prefix`.weight and `prefix`.bias, which have our names and shapes; unlike load,
  // also before the layer is built.
  // Throws WeightError: one is missing, misshapen, or a bias without use_bias
  void load_pytorch(const WeightSource& source, std::string_view prefix = "") const;
  // Takes Keras' `prefix`/kernel [kernel_size, C / groups, filters] and `prefix`/bias.
  void load_keras(const WeightSource& source, std::string_view prefix = "") const;

 protected:
  void make_weights(std::span<const Spec> inputs) const override;
  RaggedTensor call(const RaggedTensor& x) const override;

 private:
  void expect_config() const;
  void assign(const WeightSource& source, const Tensor& weight, const std::string& bias) const;

  Config config_;
  Parameter weight_ = add_parameter("weight");
  Parameter bias_ = add_parameter("bias");
};

}  // namespace nopad::nn
