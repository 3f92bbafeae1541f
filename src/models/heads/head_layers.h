// HeadLayers: what every head is made of: a dense layer with activation and norm, and an output layer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/core/activation.h"
#include "nopad/core/weight_source.h"
#include "nopad/models/weight_report.h"
#include "nopad/nn/layer_norm.h"
#include "nopad/nn/linear.h"

namespace nopad::models {

// Which weights a head has, and what it computes in them.
struct HeadSpec {
  // Before the output layer, where there is one.
  struct Transform {
    std::string dense = {};
    std::string norm = {};  // empty: none
    int64_t size = 0;       // what the output layer reads
    Activation activation = Activation::none;
    float norm_eps = 0;
  };
  int64_t num_inputs = 0;  // D
  std::optional<Transform> transform = {};
  std::string output_weight = {};
  std::string output_bias = {};  // empty: none
  std::string copied_bias = {};  // what else it is stored as, of which no notice is taken
  int64_t num_outputs = 0;       // C
  bool needs_biases = true;      // false: a bias that is missing is none
};

class HeadLayers {
 public:
  static std::vector<ExpectedWeight> expected_weights(const HeadSpec& spec);
  // Throws WeightError: weights missing or misshapen, all of them named.
  static HeadLayers load(const HeadSpec& spec, const WeightSource& source);

  int64_t num_outputs() const noexcept { return output_.num_outputs(); }

  // rows   : [N, D] f32 or bf16, widened to f32
  // return : [N, C] f32
  // Mask   : passes through (position-wise)
  // Throws : ShapeError; DTypeError
  Tensor operator()(const Tensor& rows) const;

 private:
  std::optional<nn::Linear> dense_;
  Activation activation_ = Activation::none;
  std::optional<nn::LayerNorm> norm_;
  nn::Linear output_;
};

}  // namespace nopad::models
