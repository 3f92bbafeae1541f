#include "nopad/ops/gate.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "gradients.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/ops/arithmetic.h"
#include "nopad/ops/elementwise.h"
#include "nopad/ops/rearrange.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

TEST(Gated, HasTheBitsOfTheOpsThatItIsMadeOfAndTheSameOnAnyNumberOfThreads) {
  test::Random random(1);
  const Execution three({.num_threads = 3});
  for (int i = 0; i < kNumActivations; ++i) {
    const auto activation = static_cast<Activation>(i);
    SCOPED_TRACE(to_string(activation));
    Tensor x = random.tensor({200, 2 * 77}, -5, 5);
    const auto halves = split(x, 2, 1);
    const Tensor expected = multiply(activate(halves[0], activation), halves[1]);
    test::expect_same_bits(gated(x, activation), expected);
    {
      const ExecutionScope scope(three);
      test::expect_same_bits(gated(x, activation), expected);
    }
    autograd::require_grad(x);
    test::expect_same_bits(gated(x, activation), expected);
  }
}

TEST(Gated, TakesAnyNumberOfAxes) {
  test::Random random(2);
  const Tensor x = random.tensor({2, 3, 10});
  EXPECT_EQ(gated(x, Activation::relu).shape(), Shape({2, 3, 5}));
  EXPECT_EQ(gated(x.reshape({60}), Activation::relu).shape(), Shape({30}));
  EXPECT_EQ(gated(Tensor::zeros({0, 4}), Activation::relu).shape(), Shape({0, 2}));
  EXPECT_EQ(gated(Tensor::zeros({4, 0}), Activation::relu).shape(), Shape({4, 0}));
}

TEST(Gated, InBf16IsThatOfF32Rounded) {
  test::Random random(3);
  const Tensor x = random.tensor({20, 2 * 33}, -5, 5).to(DType::bf16);
  const Tensor expected = gated(x.to(DType::f32), Activation::gelu).to(DType::bf16);
  test::expect_same_bits(gated(x, Activation::gelu), expected);
}

TEST(Gated, GradientEqualsCentralDifferences) {
  test::Random random(4);
  for (int i = 0; i < kNumActivations; ++i) {
    const auto activation = static_cast<Activation>(i);
    SCOPED_TRACE(to_string(activation));
    test::expect_gradients([&](std::span<const Tensor> in) { return gated(in[0], activation); },
                           {random.tensor({3, 8}, -2, 2).to(DType::f64)});
  }
}

TEST(Gated, WhatItCannotTakeIsRefused) {
  test::expect_error<ShapeError>(
      [] {
        gated(Tensor::zeros({2, 5}), Activation::gelu);
      },
      "gated: x: expected [..., 2 F], got [2, 5]");
  test::expect_error<ShapeError>([] { gated(Tensor::zeros({}), Activation::gelu); },
                                 "gated: x: expected [..., 2 F], got []");
  test::expect_error<DTypeError>(
      [] {
        gated(Tensor::zeros({2, 4}, DType::i32), Activation::gelu);
      },
      "gated: x: expected f32, f64 or bf16, got i32");
}

}  // namespace
}  // namespace nopad::ops
