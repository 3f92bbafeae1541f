// Layers that a reader can work out in his head, to test what all layers have in common.
#pragma once

#include <algorithm>
#include <vector>

#include "nopad/nn/kinds.h"

namespace nopad::nn {

inline Tensor times(const Tensor& x, float factor) {
  Tensor out = Tensor::empty(x.shape());
  for (int64_t i = 0; i < x.num_elements(); ++i) {
    const auto at = static_cast<size_t>(i);
    out.mutable_values<float>()[at] = factor * x.values<float>()[at];
  }
  return out;
}

// passes: x times a weight.
class Scale : public TokenLayer<Scale> {
 public:
  explicit Scale(float start = 2) : TokenLayer("Scale"), start_(start) {}

 protected:
  void make_weights(std::span<const Spec>) const override {
    factor_.initialize({1}, Initializer::constant(start_));
  }
  Tensor call(const Tensor& rows) const override {
    return times(rows, factor_->values<float>()[0]);
  }

 private:
  Parameter factor_ = add_parameter("factor");
  float start_;
};

// makes: the values above 0 of a padded [B, L].
class Positive : public MaskingLayer<Positive> {
 public:
  Positive() : MaskingLayer("Positive") {}

 protected:
  RaggedTensor call(const Tensor& padded) const override {
    std::vector<float> kept;
    std::vector<int64_t> lengths;
    for (int64_t b = 0; b < padded.dim(0); ++b) {
      const size_t before = kept.size();
      for (const float value : padded.rows(b, b + 1).values<float>()) {
        if (value > 0) kept.push_back(value);
      }
      lengths.push_back(static_cast<int64_t>(kept.size() - before));
    }
    return {Tensor::from_values<float>(kept, {std::ssize(kept)}),
            RaggedLayout::from_lengths(lengths)};
  }
  RaggedTensor call(const RaggedTensor& x) const override { return x; }
};

// reduces: how many tokens each sequence has.
class Count : public ReducingLayer<Count> {
 public:
  Count() : ReducingLayer("Count") {}

 protected:
  Tensor call(const RaggedTensor& x) const override { return x.layout().lengths(); }
};

// refuses: what it is given, as it is.
class DenseOnly : public DenseLayer<DenseOnly> {
 public:
  DenseOnly() : DenseLayer("DenseOnly") {}

 protected:
  Tensor call(const Tensor& x) const override { return x; }
};

// relays: the first token of each sequence, and the rest.
class HeadAndTail : public RelayingLayer<HeadAndTail> {
 public:
  HeadAndTail() : RelayingLayer("HeadAndTail") {}

 protected:
  std::vector<RaggedTensor> call(const RaggedTensor& x) const override {
    return {take(x, 0, 1), take(x, 1, x.layout().max_length())};
  }

 private:
  static RaggedTensor take(const RaggedTensor& x, int64_t begin, int64_t end) {
    std::vector<float> kept;
    std::vector<int64_t> lengths;
    for (int64_t b = 0; b < x.layout().num_sequences(); ++b) {
      const auto row = x.sequence(b).values<float>();
      const auto size = std::ssize(row);
      const int64_t from = std::min(begin, size), to = std::min(end, size);
      kept.insert(kept.end(), row.begin() + from, row.begin() + to);
      lengths.push_back(std::max<int64_t>(0, to - from));
    }
    return {Tensor::from_values<float>(kept, {std::ssize(kept)}),
            RaggedLayout::from_lengths(lengths)};
  }
};

}  // namespace nopad::nn
