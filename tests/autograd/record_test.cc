#include "nopad/autograd/record.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad::autograd {
namespace {

// An op as ops write it: it asks before it keeps its inputs alive.
Tensor doubled(const Tensor& x) {
  Tensor y = Tensor::from_values(x.values<float>(), x.shape());
  for (float& value : y.mutable_values<float>()) value *= 2;
  if (should_record({&x})) {
    record(y, "doubled", {x}, [](const Tensor& d_y) { return std::vector{doubled(d_y)}; });
  }
  return y;
}

TEST(Record, NothingIsRecordedUntilAnInputNeedsAGradient) {
  EXPECT_FALSE(needs_grad(doubled(Tensor::zeros({2}))));
}

TEST(Record, WhatComesFromALeafKnowsItsOpAndInputs) {
  Tensor leaf = Tensor::zeros({2});
  require_grad(leaf);
  const Tensor y = doubled(doubled(leaf));
  ASSERT_TRUE(needs_grad(y));
  EXPECT_EQ(y.node()->op, "doubled");
  ASSERT_EQ(y.node()->inputs.size(), 1u);
  EXPECT_EQ(y.node()->inputs[0].node->inputs[0].node, leaf.node());
  const Tensor d_y = Tensor::from_values<float>(std::vector{1.0f, 3.0f}, {2});
  EXPECT_EQ(y.node()->backward(std::span(&d_y, 1))[0].values<float>()[1], 6.0f);
}

TEST(Record, OnlyFloatsCanBeLeaves) {
  Tensor ids = Tensor::zeros({2}, DType::i32);
  test::expect_error<DTypeError>([&] { require_grad(ids); },
                                 "require_grad: tensor: expected f32 or f64, got i32");
}

TEST(Record, DetachSharesTheElementsAndEndsTheGradientsWay) {
  Tensor leaf = Tensor::zeros({2});
  require_grad(leaf);
  const Tensor plain = detach(leaf);
  EXPECT_FALSE(needs_grad(plain));
  EXPECT_EQ(plain.bytes(), leaf.bytes());
}

TEST(Record, AChainOfAMillionOpsIsFreedWithoutRecursion) {
  Tensor x = Tensor::zeros({1});
  require_grad(x);
  for (int i = 0; i < 1'000'000; ++i) x = doubled(x);
  x = Tensor();
}

TEST(Record, ANoGradScopeEndsWithItsBlock) {
  Tensor leaf = Tensor::zeros({2});
  require_grad(leaf);
  {
    const NoGradScope outer;
    {
      const NoGradScope inner;
      EXPECT_FALSE(is_recording());
    }
    EXPECT_FALSE(needs_grad(doubled(leaf)));
  }
  EXPECT_TRUE(is_recording());
  EXPECT_TRUE(needs_grad(doubled(leaf)));
}

TEST(Record, AnOpWithoutBackwardRefusesToLoseAGradient) {
  Tensor leaf = Tensor::zeros({2});
  EXPECT_NO_THROW(expect_no_grad("op", {&leaf}));
  require_grad(leaf);
  test::expect_error<OptionError>(
      [&] { expect_no_grad("op", {&leaf}); },
      "op: an input needs a gradient, and this op has no backward pass; run "
      "it in a NoGradScope");
  const NoGradScope no_grad;
  EXPECT_NO_THROW(expect_no_grad("op", {&leaf}));
}

TEST(Record, AViewOfARecordedTensorRefusesToLoseItsGradient) {
  Tensor leaf = Tensor::zeros({2, 3});
  require_grad(leaf);
  EXPECT_THROW(leaf.reshape({3, 2}), OptionError);
  EXPECT_THROW(leaf.rows(0, 1), OptionError);
  EXPECT_THROW(leaf.to(DType::f64), OptionError);
}

}  // namespace
}  // namespace nopad::autograd
