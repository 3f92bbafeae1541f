#include "nopad/nn/drop_mask.h"

#include <gtest/gtest.h>

#include <array>

#include "expect_error.h"
#include "nn/layer_gradients.h"
#include "nopad/autograd/backward.h"
#include "nopad/core/error.h"
#include "nopad/nn/embedding.h"
#include "nopad/nn/reshape.h"
#include "nopad/nn/sequential.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad::nn {
namespace {

RaggedTensor tokens() {
  return {test::tensor_of<float>({3}, {1, 2, 3}),
          RaggedLayout::from_keep(test::bools({3, 3}, {0, 1, 1, 0, 0, 0, 1, 0, 0}))};
}

TEST(DropMask, LaysTokensOutInTheirColumns) {
  EXPECT_EQ(test::list<float>(DropMask({.fill = -1})(tokens())),
            (std::vector<float>{-1, 1, 2, -1, -1, -1, 3, -1, -1}));
  EXPECT_EQ(DropMask()(RaggedTensor(Tensor::zeros({0, 2}), RaggedLayout())).shape(),
            (Shape{0, 0, 2}));
}

TEST(DropMask, GradientsOfThePaddingAreDropped) {
  Tensor leaf = tokens().values();
  autograd::require_grad(leaf);
  const Tensor out = DropMask()(tokens().with_values(leaf));
  const Tensor d_out = test::tensor_of<float>({3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(test::list<float>(autograd::backward(out, d_out).of(leaf)),
            (std::vector<float>{2, 3, 7}));
  test::expect_layer_gradients(DropMask(), {tokens()});
}

TEST(DropMask, LetsLayersFollowThatRefuseTokens) {
  const Embedding embedding({.vocab = 5, .dim = 2, .mask_zero = true});
  const Sequential model{embedding, DropMask(), Flatten()};
  model.build(Spec::dense({4}, DType::i32));
  EXPECT_EQ(model(Tensor::zeros({3, 4}, DType::i32)).dense().shape(), (Shape{3, 8}));
  test::expect_error<LayoutError>(
      [&] { Sequential(embedding, Flatten()); },
      "Sequential: Flatten: takes dense values only, and the mask that Embedding gives would be "
      "lost; pool the tokens first, or end the mask on purpose with DropMask");
}

TEST(DropMask, NeedsAMaskToDrop) {
  const Value dense = Tensor::zeros({2, 3});
  test::expect_error<LayoutError>(
      [&] {
        DropMask().apply({&dense, 1});
      },
      "DropMask: input: expected tokens and their layout, got the dense [2, 3]; take its padding "
      "out first: Embedding, Masking or from_padded");
}

}  // namespace
}  // namespace nopad::nn
