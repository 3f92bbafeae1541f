// The kinds of layers: one base per mask rule, with the call that this rule allows and no other.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nopad/nn/layer.h"
#include "nopad/nn/symbol.h"

namespace nopad::nn {

// What the kinds below need to know of the class that derives from them, so that
//   class MyLayer : public TokenLayer<MyLayer>
// can be copied into models and called on symbols.
template <class Self>
class LayerOf : public Layer {
 public:
  using Layer::Layer;
  std::unique_ptr<Layer> clone() const override {
    return std::make_unique<Self>(static_cast<const Self&>(*this));
  }
  Symbol operator()(const Symbol& x) const { return apply(std::span(&x, 1)).front(); }

 protected:
  // The call of the typed kinds below, around the checks that every call gets.
  Value apply_one(Value x) const { return apply(std::span<const Value>(&x, 1)).front(); }
};

// passes: gets rows, tokens or sequences, and gives as many. It sees no layout, so it can't lose one.
template <class Self>
class TokenLayer : public LayerOf<Self> {
 public:
  using LayerOf<Self>::LayerOf;
  using LayerOf<Self>::operator();
  MaskRule mask_rule() const noexcept override { return MaskRule::passes; }

  // x : [..., D]   return : as many rows
  Tensor operator()(const Tensor& x) const { return this->apply_one(x).dense(); }
  RaggedTensor operator()(const RaggedTensor& x) const { return this->apply_one(x).ragged(); }

 protected:
  virtual Tensor call(const Tensor& rows) const = 0;

  std::vector<Value> call_values(std::span<const Value> inputs) const override {
    this->expect_inputs(inputs.size(), 1);
    Tensor out = call(inputs[0].values());
    if (!inputs[0].is_ragged()) return {std::move(out)};
    return {inputs[0].ragged().with_values(std::move(out))};
  }
};

// mixes: tokens of a sequence meet, and the layout goes through.
template <class Self>
class SequenceLayer : public LayerOf<Self> {
 public:
  using LayerOf<Self>::LayerOf;
  using LayerOf<Self>::operator();
  MaskRule mask_rule() const noexcept override { return MaskRule::mixes; }

  RaggedTensor operator()(const RaggedTensor& x) const { return this->apply_one(x).ragged(); }

 protected:
  virtual RaggedTensor call(const RaggedTensor& x) const = 0;

  std::vector<Value> call_values(std::span<const Value> inputs) const override {
    this->expect_inputs(inputs.size(), 1);
    return {call(inputs[0].ragged(this->kind()))};
  }
};

// reduces: one row per sequence, and the layout ends.
template <class Self>
class ReducingLayer : public LayerOf<Self> {
 public:
  using LayerOf<Self>::LayerOf;
  using LayerOf<Self>::operator();
  MaskRule mask_rule() const noexcept override { return MaskRule::reduces; }

  // return : [B, ...]
  Tensor operator()(const RaggedTensor& x) const { return this->apply_one(x).dense(); }

 protected:
  virtual Tensor call(const RaggedTensor& x) const = 0;

  std::vector<Value> call_values(std::span<const Value> inputs) const override {
    this->expect_inputs(inputs.size(), 1);
    return {call(inputs[0].ragged(this->kind()))};
  }
};

// makes: the layout begins; what is not kept is gone. A ragged input loses tokens, not its layout.
template <class Self>
class MaskingLayer : public LayerOf<Self> {
 public:
  using LayerOf<Self>::LayerOf;
  using LayerOf<Self>::operator();
  MaskRule mask_rule() const noexcept override { return MaskRule::makes; }

  // x : [B, L, ...], padded
  RaggedTensor operator()(const Tensor& x) const { return this->apply_one(x).ragged(); }
  RaggedTensor operator()(const RaggedTensor& x) const { return this->apply_one(x).ragged(); }

 protected:
  virtual RaggedTensor call(const Tensor& padded) const = 0;
  virtual RaggedTensor call(const RaggedTensor& x) const = 0;

  std::vector<Value> call_values(std::span<const Value> inputs) const override {
    this->expect_inputs(inputs.size(), 1);
    if (inputs[0].is_ragged()) return {call(inputs[0].ragged())};
    return {call(inputs[0].dense())};
  }
};

// relays: other tokens come out, each output with its own layout.
template <class Self>
class RelayingLayer : public LayerOf<Self> {
 public:
  using LayerOf<Self>::LayerOf;
  MaskRule mask_rule() const noexcept override { return MaskRule::relays; }

  std::vector<RaggedTensor> operator()(const RaggedTensor& x) const {
    const Value in = x;
    std::vector<RaggedTensor> out;
    for (const Value& value : this->apply(std::span(&in, 1))) out.push_back(value.ragged());
    return out;
  }
  std::vector<Symbol> operator()(const Symbol& x) const { return this->apply(std::span(&x, 1)); }

 protected:
  virtual std::vector<RaggedTensor> call(const RaggedTensor& x) const = 0;

  std::vector<Value> call_values(std::span<const Value> inputs) const override {
    this->expect_inputs(inputs.size(), 1);
    std::vector<Value> out;
    for (RaggedTensor& part : call(inputs[0].ragged(this->kind()))) out.push_back(std::move(part));
    return out;
  }
};

// refuses: dense in, dense out. What happens to layouts inside is its own affair.
template <class Self>
class DenseLayer : public LayerOf<Self> {
 public:
  using LayerOf<Self>::LayerOf;
  using LayerOf<Self>::operator();
  MaskRule mask_rule() const noexcept override { return MaskRule::refuses; }

  // x : [B, ...]
  Tensor operator()(const Tensor& x) const { return this->apply_one(x).dense(); }

 protected:
  virtual Tensor call(const Tensor& x) const = 0;

  std::vector<Value> call_values(std::span<const Value> inputs) const override {
    this->expect_inputs(inputs.size(), 1);
    return {call(inputs[0].dense(this->kind()))};
  }
};

}  // namespace nopad::nn
