// Layers that merge several values into one: Add, Subtract, Multiply, Average, Maximum, Minimum and
// Concatenate.
#pragma once

#include <array>
#include <concepts>
#include <span>
#include <string_view>
#include <vector>

#include "nopad/nn/kinds.h"

namespace nopad::nn {

// What becomes of the masks of values whose tokens differ. Tokens belong together when they stand in
// the same column of the same sequence.
// `same` : they must not differ
// `any`  : a token is where any of the values has one; a value that has none there counts as nothing
// `all`  : a token is where all of the values have one
enum class MergeMasks { same, any, all };

// What the layers below have in common: calls on two or more values.
template <class Self>
class MergeLayer : public LayerOf<Self> {
 public:
  using LayerOf<Self>::LayerOf;

  // All values ragged, or all dense.
  RaggedTensor operator()(const RaggedTensor& a,
                          const std::same_as<RaggedTensor> auto&... more) const {
    return merge_all({a, more...}).ragged();
  }
  Tensor operator()(const Tensor& a, const std::same_as<Tensor> auto&... more) const {
    return merge_all({a, more...}).dense();
  }
  Symbol operator()(const Symbol& a, const std::same_as<Symbol> auto&... more) const {
    return this->apply(std::vector<Symbol>{a, more...}).front();
  }
  // Any of them, e.g. a dense one that is broadcast over tokens.
  Value operator()(std::span<const Value> values) const { return this->apply(values).front(); }

 private:
  Value merge_all(const std::vector<Value>& values) const { return this->apply(values).front(); }
};

enum class MergeOp { add, subtract, multiply, average, maximum, minimum };

struct MergeConfig {
  MergeMasks merge_masks = MergeMasks::same;
  // Beside ragged values a dense [B, ...] stands for a row of each of a sequence's tokens.
  bool broadcast_dense = false;
};

// Element by element.
// inputs : two or more (Subtract: two) of [T, ...], or of [B, ...]; f32 or f64; rows broadcast
// return : the same
// Mask   : `same`: passes through; `any`, `all`: produces the layout of their tokens. Where a value
//          has no token, Average divides by the number that have one, Maximum and Minimum leave it
//          out, Add and Subtract take 0 for it and Multiply 1.
// Throws : LayoutError, other tokens where they must be the same, other numbers of sequences, or
//          dense beside ragged; ShapeError, too few; DTypeError
// Source : keras.layers.Add, ...: it takes `any`, and adds what stands in the padding
template <MergeOp op>
class Merge : public MergeLayer<Merge<op>> {
 public:
  using Config = MergeConfig;
  Merge() : Merge(Config()) {}
  explicit Merge(const Config& config);

  const Config& config() const noexcept { return config_; }
  MaskRule mask_rule() const noexcept override;
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  std::vector<Value> call_values(std::span<const Value> inputs) const override;

 private:
  Config config_;
};
extern template class Merge<MergeOp::add>;
extern template class Merge<MergeOp::subtract>;
extern template class Merge<MergeOp::multiply>;
extern template class Merge<MergeOp::average>;
extern template class Merge<MergeOp::maximum>;
extern template class Merge<MergeOp::minimum>;

using Add = Merge<MergeOp::add>;
using Subtract = Merge<MergeOp::subtract>;
using Multiply = Merge<MergeOp::multiply>;
using Average = Merge<MergeOp::average>;
using Maximum = Merge<MergeOp::maximum>;
using Minimum = Merge<MergeOp::minimum>;

enum class ConcatAxis { features, tokens };

// Side by side, or one after the other.
// inputs : features: two or more of [T, ..., D_i], or of [B, ..., D_i]
//          tokens: two or more of [T_i, ...] over as many sequences
// return : [T, ..., sum of D_i]; or [sum of T_i, ...], of each sequence the first value's tokens,
//          then the next one's
// Mask   : features: as above, with zeros where a value has no token; tokens: produces a layout as
//          wide as all of them
// Throws : as above; LayoutError, dense values over tokens
// Source : keras.layers.Concatenate, which takes `any` for features
class Concatenate : public MergeLayer<Concatenate> {
 public:
  struct Config {
    ConcatAxis axis = ConcatAxis::features;
    MergeMasks merge_masks = MergeMasks::same;
    bool broadcast_dense = false;
  };
  Concatenate() : Concatenate(Config()) {}
  explicit Concatenate(const Config& config) : MergeLayer("Concatenate"), config_(config) {}

  const Config& config() const noexcept { return config_; }
  MaskRule mask_rule() const noexcept override;
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  std::vector<Value> call_values(std::span<const Value> inputs) const override;

 private:
  Config config_;
};

}  // namespace nopad::nn
