#include "nopad/ragged/foreign_masks.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "random.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad {
namespace {

using test::bools;
using test::list;
using test::tensor_of;

constexpr std::array kAllDTypes = {DType::f32, DType::f64, DType::bf16, DType::i8,
                                   DType::u8,  DType::i32, DType::i64,  DType::boolean};

TEST(KeepFromHfAttentionMask, OneIsKeptInAnyDtype) {
  for (const DType dtype : kAllDTypes) {
    const Tensor attention_mask = bools({2, 2}, {1, 0, 0, 1}).to(dtype);
    test::expect_same_bits(keep_from_hf_attention_mask(attention_mask),
                           bools({2, 2}, {1, 0, 0, 1}));
  }
}

TEST(KeepFromHfAttentionMask, OtherValuesAndShapesAreRefused) {
  test::expect_error<InputError>(
      [] {
        keep_from_hf_attention_mask(tensor_of<float>({2, 3}, {1, 1, 0, 1, 1, 0.75f}));
      },
      "keep_from_hf_attention_mask: attention_mask: expected 0 or 1, got 0.75 at [1, 2]");
  EXPECT_THROW(keep_from_hf_attention_mask(tensor_of<int64_t>({1, 2}, {1, -1})), InputError);
  EXPECT_THROW(keep_from_hf_attention_mask(tensor_of<float>({1, 2}, {1, NAN})), InputError);
  // An additive mask, and a four-dimensional one.
  EXPECT_THROW(keep_from_hf_attention_mask(tensor_of<float>({1, 2}, {0, -INFINITY})), InputError);
  test::expect_error<ShapeError>(
      [] {
        keep_from_hf_attention_mask(Tensor::zeros({1, 1, 2, 2}));
      },
      "keep_from_hf_attention_mask: attention_mask: expected [B, L], got [1, 1, 2, 2]");
}

TEST(KeepFromTorchKeyPaddingMask, TrueIsIgnored) {
  test::expect_same_bits(keep_from_torch_key_padding_mask(bools({1, 3}, {0, 0, 1})),
                         bools({1, 3}, {1, 1, 0}));
}

TEST(KeepFromTorchKeyPaddingMask, FloatsAndOtherShapesAreRefused) {
  test::expect_error<DTypeError>(
      [] {
        keep_from_torch_key_padding_mask(Tensor::zeros({1, 3}));
      },
      "keep_from_torch_key_padding_mask: key_padding_mask: expected bool, got f32");
  EXPECT_THROW(keep_from_torch_key_padding_mask(Tensor::zeros({1, 3}, DType::u8)), DTypeError);
  EXPECT_THROW(keep_from_torch_key_padding_mask(bools({3}, {0, 0, 1})), ShapeError);
}

TEST(KeepFromKerasMask, TrueIsKept) {
  test::expect_same_bits(keep_from_keras_mask(bools({1, 3}, {1, 1, 0})), bools({1, 3}, {1, 1, 0}));
}

TEST(KeepFromKerasMask, FloatsAndOtherShapesAreRefused) {
  EXPECT_THROW(keep_from_keras_mask(Tensor::zeros({1, 3})), DTypeError);
  test::expect_error<ShapeError>(
      [] {
        keep_from_keras_mask(bools({1, 3, 1}, {1, 1, 0}));
      },
      "keep_from_keras_mask: mask: expected [B, L], got [1, 3, 1]");
}

TEST(KeepFromTfPaddingMask, OneIsPadding) {
  const Tensor padding_mask = tensor_of<float>({2, 1, 1, 2}, {0, 1, 1, 1});
  test::expect_same_bits(keep_from_tf_padding_mask(padding_mask), bools({2, 2}, {1, 0, 0, 0}));
  test::expect_error<ShapeError>(
      [] {
        keep_from_tf_padding_mask(Tensor::zeros({2, 3}));
      },
      "keep_from_tf_padding_mask: padding_mask: expected [B, 1, 1, L], got [2, 3]");
  test::expect_error<InputError>(
      [] {
        keep_from_tf_padding_mask(tensor_of<float>({1, 1, 1, 2}, {1, -1e9f}));
      },
      "keep_from_tf_padding_mask: padding_mask: expected 0 or 1, got -1e+09 at [0, 0, 0, 1]");
  EXPECT_THROW(keep_from_tf_padding_mask(bools({1, 1, 1, 1}, {1})), DTypeError);
}

TEST(KeepFromAdditiveMask, ZeroIsKeptAndTheVeryLowIsNot) {
  const float lowest = std::numeric_limits<float>::lowest();
  const Tensor mask = tensor_of<float>({2, 3}, {0, -INFINITY, lowest, -10000, -1e9f, -0.0f});
  test::expect_same_bits(keep_from_additive_mask(mask), bools({2, 3}, {1, 0, 0, 0, 0, 1}));
  test::expect_same_bits(keep_from_additive_mask(mask.reshape({2, 1, 1, 3}).to(DType::bf16)),
                         bools({2, 3}, {1, 0, 0, 0, 0, 1}));
}

TEST(KeepFromAdditiveMask, BiasesAndOtherShapesAreRefused) {
  test::expect_error<InputError>(
      [] {
        keep_from_additive_mask(tensor_of<float>({1, 2}, {0, 1}));
      },
      "keep_from_additive_mask: mask: expected 0, or -9984 or less, got 1 at [0, 1]");
  EXPECT_THROW(keep_from_additive_mask(tensor_of<float>({1, 2}, {0, NAN})), InputError);
  EXPECT_THROW(keep_from_additive_mask(tensor_of<float>({1, 2}, {0, -0.5f})), InputError);
  test::expect_error<ShapeError>(
      [] {
        keep_from_additive_mask(Tensor::zeros({2, 3, 1}));
      },
      "keep_from_additive_mask: mask: expected [B, L] or [B, 1, 1, L], got [2, 3, 1]");
  test::expect_error<DTypeError>(
      [] {
        keep_from_additive_mask(bools({1, 2}, {0, 1}));
      },
      "keep_from_additive_mask: mask: expected f32, f64 or bf16, got bool");
}

TEST(VisibleFromTorchAttnMask, TrueIsNotAllowed) {
  test::expect_same_bits(visible_from_torch_attn_mask(bools({2, 2}, {0, 1, 0, 0})),
                         bools({2, 2}, {1, 0, 1, 1}));
  // Two sequences of two heads that agree.
  const Tensor heads = bools({4, 1, 2}, {0, 1, 0, 1, 1, 1, 1, 1});
  test::expect_same_bits(visible_from_torch_attn_mask(heads, 2), bools({2, 1, 2}, {1, 0, 0, 0}));
}

TEST(VisibleFromTorchAttnMask, HeadsThatDifferAndOtherShapesAreRefused) {
  test::expect_error<InputError>(
      [] {
        visible_from_torch_attn_mask(bools({4, 1, 2}, {0, 1, 0, 1, 1, 1, 1, 0}), 2);
      },
      "visible_from_torch_attn_mask: attn_mask: expected the same matrix for all heads of a "
      "sequence, got another for head 1 of sequence 1");
  test::expect_error<ShapeError>(
      [] {
        visible_from_torch_attn_mask(bools({3, 1, 1}, {0, 0, 0}), 2);
      },
      "visible_from_torch_attn_mask: attn_mask: expected [L, S] or [B * 2, L, S], got [3, 1, 1]");
  test::expect_error<DTypeError>(
      [] {
        visible_from_torch_attn_mask(Tensor::zeros({2, 2}));
      },
      "visible_from_torch_attn_mask: attn_mask: expected bool, got f32");
  test::expect_error<OptionError>(
      [] {
        visible_from_torch_attn_mask(bools({1, 1}, {0}), 0);
      },
      "visible_from_torch_attn_mask: num_heads: expected 1 or more, got 0");
}

TEST(VisibleFromSdpaAttnMask, TrueTakesPart) {
  const Tensor matrix = bools({2, 2}, {1, 0, 1, 1});
  test::expect_same_bits(visible_from_sdpa_attn_mask(matrix), matrix);
  test::expect_same_bits(visible_from_sdpa_attn_mask(bools({1, 2, 1, 2}, {1, 0, 1, 0})),
                         bools({1, 1, 2}, {1, 0}));
}

TEST(VisibleFromSdpaAttnMask, HeadsThatDifferAndOtherShapesAreRefused) {
  EXPECT_THROW(visible_from_sdpa_attn_mask(bools({1, 2, 1, 2}, {1, 0, 1, 1})), InputError);
  EXPECT_THROW(visible_from_sdpa_attn_mask(Tensor::zeros({2, 2})), DTypeError);
  test::expect_error<ShapeError>(
      [] {
        visible_from_sdpa_attn_mask(bools({2, 1, 1}, {1, 1}));
      },
      "visible_from_sdpa_attn_mask: attn_mask: expected [L, S] or [B, H, L, S], got [2, 1, 1]");
}

TEST(VisibleFromKerasAttentionMask, TrueTakesPart) {
  const Tensor mask = bools({1, 2, 2}, {1, 0, 1, 1});
  test::expect_same_bits(visible_from_keras_attention_mask(mask), mask);
  test::expect_error<ShapeError>(
      [] {
        visible_from_keras_attention_mask(bools({1, 1, 1, 1}, {1}));
      },
      "visible_from_keras_attention_mask: attention_mask: expected [L, S] or [B, L, S], got [1, 1, "
      "1, 1]");
}

TEST(VisibleFromAdditiveMask, ZeroIsSeenAndTheVeryLowIsNot) {
  const Tensor square_subsequent = tensor_of<float>({2, 2}, {0, -INFINITY, 0, 0});
  test::expect_same_bits(visible_from_additive_mask(square_subsequent),
                         bools({2, 2}, {1, 0, 1, 1}));
  const float lowest = std::numeric_limits<float>::lowest();
  test::expect_same_bits(
      visible_from_additive_mask(tensor_of<float>({1, 2, 1, 2}, {0, lowest, 0, lowest})),
      bools({1, 1, 2}, {1, 0}));
  test::expect_error<InputError>(
      [] {
        visible_from_additive_mask(tensor_of<float>({1, 1, 2, 2}, {0, 0, 0, -8}));
      },
      "visible_from_additive_mask: mask: expected 0, or -9984 or less, got -8 at [0, 0, 1, 1]");
}

TEST(VisibleFromTfMask, OneIsBlocked) {
  test::expect_same_bits(visible_from_tf_mask(create_look_ahead_mask(2)),
                         bools({2, 2}, {1, 0, 1, 1}));
  test::expect_same_bits(visible_from_tf_mask(tensor_of<float>({1, 1, 2, 2}, {0, 1, 0, 1})),
                         bools({1, 2, 2}, {1, 0, 1, 0}));
  EXPECT_THROW(visible_from_tf_mask(tensor_of<float>({1, 1}, {-INFINITY})), InputError);
  test::expect_error<ShapeError>(
      [] {
        visible_from_tf_mask(Tensor::zeros({2, 8, 3, 3}));
      },
      "visible_from_tf_mask: mask: expected [L, S] or [B, 1, L, S], got [2, 8, 3, 3]");
}

// Keep masks go out in each polarity and come back; what goes out is what its owner expects.
TEST(ForeignMasks, KeepGoesOutInEveryPolarity) {
  const Tensor keep = bools({1, 2}, {1, 0});
  test::expect_same_bits(hf_attention_mask_from_keep(keep), tensor_of<int64_t>({1, 2}, {1, 0}));
  test::expect_same_bits(torch_key_padding_mask_from_keep(keep), bools({1, 2}, {0, 1}));
  test::expect_same_bits(keras_mask_from_keep(keep), keep);
  test::expect_same_bits(tf_padding_mask_from_keep(keep), tensor_of<float>({1, 1, 1, 2}, {0, 1}));
  test::expect_same_bits(additive_mask_from_keep(keep),
                         tensor_of<float>({1, 1, 1, 2}, {0, -INFINITY}));
}

TEST(ForeignMasks, VisibleGoesOutInEveryPolarity) {
  const Tensor visible = bools({1, 1, 2}, {1, 0});
  test::expect_same_bits(torch_attn_mask_from_visible(visible, 2), bools({2, 1, 2}, {0, 1, 0, 1}));
  test::expect_same_bits(sdpa_attn_mask_from_visible(visible), bools({1, 1, 1, 2}, {1, 0}));
  test::expect_same_bits(keras_attention_mask_from_visible(visible), visible);
  test::expect_same_bits(tf_mask_from_visible(visible), tensor_of<float>({1, 1, 1, 2}, {0, 1}));
  test::expect_same_bits(additive_mask_from_visible(visible),
                         tensor_of<float>({1, 1, 1, 2}, {0, -INFINITY}));
}

TEST(ForeignMasks, RandomOnesComeBack) {
  test::Random random(71);
  for (int round = 0; round < 50; ++round) {
    const Tensor keep = random.coins({random.integer(0, 4), random.integer(0, 9)});
    const auto same_keep = [&](const Tensor& again) { test::expect_same_bits(again, keep); };
    same_keep(keep_from_hf_attention_mask(hf_attention_mask_from_keep(keep)));
    same_keep(keep_from_torch_key_padding_mask(torch_key_padding_mask_from_keep(keep)));
    same_keep(keep_from_keras_mask(keras_mask_from_keep(keep)));
    same_keep(keep_from_tf_padding_mask(tf_padding_mask_from_keep(keep)));
    same_keep(keep_from_additive_mask(additive_mask_from_keep(keep)));
    const int64_t rows = random.integer(0, 4), columns = random.integer(0, 4);
    const Shape shape = random.coin() ? Shape{rows, columns} : Shape{3, rows, columns};
    const Tensor visible = random.coins(shape);
    const auto same = [&](const Tensor& again) { test::expect_same_bits(again, visible); };
    const int64_t num_heads = random.integer(1, 3);
    same(visible_from_torch_attn_mask(torch_attn_mask_from_visible(visible, num_heads), num_heads));
    same(visible_from_sdpa_attn_mask(sdpa_attn_mask_from_visible(visible)));
    same(visible_from_keras_attention_mask(keras_attention_mask_from_visible(visible)));
    same(visible_from_additive_mask(additive_mask_from_visible(visible)));
    same(visible_from_tf_mask(tf_mask_from_visible(visible)));
  }
}

TEST(ForeignMasks, OursAreCheckedOnTheirWayOut) {
  test::expect_error<DTypeError>(
      [] {
        torch_key_padding_mask_from_keep(Tensor::zeros({1, 2}));
      },
      "torch_key_padding_mask_from_keep: keep: expected bool, got f32");
  test::expect_error<ShapeError>(
      [] {
        hf_attention_mask_from_keep(Tensor::zeros({1, 2, 1}, DType::boolean));
      },
      "hf_attention_mask_from_keep: keep: expected [B, L], got [1, 2, 1]");
  test::expect_error<ShapeError>(
      [] { sdpa_attn_mask_from_visible(Tensor::zeros({2}, DType::boolean)); },
      "sdpa_attn_mask_from_visible: visible: expected [L, S] or [B, L, S], got [2]");
  EXPECT_THROW(torch_attn_mask_from_visible(bools({1, 1}, {1}), 0), OptionError);
}

// The two tutorials' own examples.
TEST(CreatePaddingMask, OneIsPadding) {
  const Tensor ids = tensor_of<int32_t>({3, 5}, {7, 6, 0, 0, 1, 1, 2, 3, 0, 0, 0, 0, 0, 4, 5});
  test::expect_same_bits(
      create_padding_mask(ids),
      tensor_of<float>({3, 1, 1, 5}, {0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0}));
  test::expect_same_bits(create_padding_mask(ids.to(DType::i64)), create_padding_mask(ids));
  test::expect_error<DTypeError>(
      [] {
        create_padding_mask(Tensor::zeros({1, 2}));
      },
      "create_padding_mask: ids: expected i32 or i64, got f32");
  test::expect_error<ShapeError>([] { create_padding_mask(Tensor::zeros({2}, DType::i32)); },
                                 "create_padding_mask: ids: expected [B, L], got [2]");
}

TEST(CreateLookAheadMask, OneIsBlocked) {
  test::expect_same_bits(create_look_ahead_mask(3),
                         tensor_of<float>({3, 3}, {0, 1, 1, 0, 0, 1, 0, 0, 0}));
  EXPECT_EQ(create_look_ahead_mask(0).shape(), Shape({0, 0}));
  test::expect_error<OptionError>([] { create_look_ahead_mask(-1); },
                                  "create_look_ahead_mask: size: expected 0 or more, got -1");
}

}  // namespace
}  // namespace nopad
