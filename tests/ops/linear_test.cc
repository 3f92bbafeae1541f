#include "nopad/ops/linear.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "expect_error.h"
#include "kernels/gemm.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

using test::expect_close;
using test::expect_same_bits;

// The plain formula, in the kernels' reference version.
Tensor plain_linear(const Tensor& x, const Tensor& weight, const Tensor& bias,
                    Activation activation) {
  Tensor out = Tensor::empty({x.dim(0), weight.dim(0)});
  kernels::ref::multiply({.m = x.dim(0),
                          .n = weight.dim(0),
                          .k = weight.dim(1),
                          .a = x.values<float>().data(),
                          .a_stride = weight.dim(1),
                          .c = out.mutable_values<float>().data(),
                          .c_stride = weight.dim(0),
                          .bias = bias.values<float>().data(),
                          .activation = activation},
                         weight.values<float>().data());
  return out;
}

TEST(Linear, EqualsTheFormulaForManyAndForFewRows) {
  test::Random random(1);
  const Tensor weight = random.tensor({70, 50});
  const Tensor bias = random.tensor({70});
  const PackedLinear packed(weight, bias, DType::f32);
  for (const int64_t rows : {1, 5, 23, 24, 49, 300}) {
    const Tensor x = random.tensor({rows, 50});
    expect_close(linear(x, packed, {.activation = Activation::gelu}),
                 plain_linear(x, weight, bias, Activation::gelu), test::kF32);
  }
}

TEST(Linear, EndsWithResidualAndNorm) {
  test::Random random(2);
  const Tensor weight = random.tensor({40, 30});
  const Tensor bias = random.tensor({40});
  const LayerNormWeights norm{
      .gain = random.tensor({40}), .bias = random.tensor({40}), .eps = 1e-5f};
  const PackedLinear packed(weight, bias, DType::f32);
  for (const int64_t rows : {3, 200}) {
    const Tensor x = random.tensor({rows, 30});
    const Tensor residual = random.tensor({rows, 40});
    Tensor sum = plain_linear(x, weight, bias, Activation::none);
    for (int64_t i = 0; i < sum.num_elements(); ++i) {
      sum.mutable_values<float>()[static_cast<size_t>(i)] +=
          residual.values<float>()[static_cast<size_t>(i)];
    }
    expect_close(linear(x, packed, {.residual = &residual, .norm = &norm}), layer_norm(sum, norm),
                 {1e-5, 1e-5});
  }
}

TEST(Linear, ARowHasTheSameBitsInAnyBatchOnAnyNumberOfThreads) {
  test::Random random(3);
  for (const Isa isa : supported_isas()) {
    if (isa == Isa::amx_emulated) continue;
    const Execution one({.num_threads = 1, .isa = isa});
    const Execution three({.num_threads = 3, .isa = isa});
    const Tensor weight = random.tensor({65, 300});
    const LayerNormWeights norm{.gain = random.tensor({65}), .bias = random.tensor({65})};
    const Tensor x = random.tensor({150, 300});
    const ExecutionScope scope(one);
    const PackedLinear packed(weight, Tensor(), DType::f32);
    const LinearEpilogue epilogue{.activation = Activation::gelu, .norm = &norm};
    const Tensor batch = linear(x, packed, epilogue);
    {
      const ExecutionScope inner(three);
      expect_same_bits(linear(x, packed, epilogue), batch);
    }
    for (const int64_t row : {0, 1, 77, 149}) {
      expect_same_bits(linear(x.rows(row, row + 1), packed, epilogue), batch.rows(row, row + 1));
      expect_same_bits(linear(x.rows(row / 2, row + 1), packed, epilogue),
                       batch.rows(row / 2, row + 1));
    }
  }
}

TEST(Linear, NoRowsGiveNoRows) {
  const PackedLinear packed(Tensor::zeros({4, 3}), Tensor(), DType::f32);
  EXPECT_EQ(linear(Tensor::empty({0, 3}), packed).shape(), (Shape{0, 4}));
  EXPECT_EQ(linear(Tensor::empty({2, 0, 3}), packed).shape(), (Shape{2, 0, 4}));
}

TEST(Linear, NamesTheOperandThatDoesNotFit) {
  const PackedLinear packed(Tensor::zeros({4, 3}), Tensor(), DType::f32);
  test::expect_error<ShapeError>(
      [&] {
        linear(Tensor::zeros({2, 5}), packed);
      },
      "linear: x: expected [..., 3], got [2, 5]");
  test::expect_error<DTypeError>(
      [&] {
        linear(Tensor::zeros({2, 3}, DType::bf16), packed);
      },
      "linear: x: expected f32 as the weight is packed, got bf16");
  const Tensor residual = Tensor::zeros({2, 3});
  test::expect_error<ShapeError>(
      [&] {
        linear(Tensor::zeros({2, 3}), packed, {.residual = &residual});
      },
      "linear: residual: expected [2, 4], got [2, 3]");
  test::expect_error<ShapeError>(
      [] {
        PackedLinear(Tensor::zeros({4, 3}), Tensor::zeros({3}), DType::f32);
      },
      "PackedLinear: bias: expected [4], got [3]");
}

TEST(Linear, RefusesAWeightPackedForAnotherInstructionSet) {
  const Execution portable({.num_threads = 1, .isa = Isa::portable});
  const Execution emulated({.num_threads = 1, .isa = Isa::amx_emulated});
  const ExecutionScope scope(portable);
  const PackedLinear packed(Tensor::zeros({4, 3}), Tensor(), DType::f32);
  test::expect_error<OptionError>(
      [&] {
        const ExecutionScope other(emulated);
        linear(Tensor::zeros({2, 3}), packed);
      },
      "linear: weight: expected it packed for amx-emulated, got portable");
}

TEST(Linear, Bf16NeedsMatrixTiles) {
  const Execution portable({.num_threads = 1, .isa = Isa::portable});
  const ExecutionScope scope(portable);
  EXPECT_THROW(PackedLinear(Tensor::zeros({4, 3}), Tensor(), DType::bf16), OptionError);
}

}  // namespace
}  // namespace nopad::ops
