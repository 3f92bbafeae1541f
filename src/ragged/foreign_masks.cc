#include "nopad/ragged/foreign_masks.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include "nopad/core/error.h"

namespace nopad {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// "[1, 2]", the place of an element of `shape`.
std::string index_of(int64_t element, const Shape& shape) {
  std::string out = "]";
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    out = concat(axis == 0 ? "[" : ", ", element % shape[axis], out);
    element /= shape[axis];
  }
  return out;
}

void expect_bool(const Tensor& mask, std::string_view where) {
  if (mask.dtype() != DType::boolean) {
    fail<DTypeError>(where, ": expected bool, got ", mask.dtype());
  }
}

void expect_keep_shape(const Tensor& mask, std::string_view where) {
  if (mask.rank() != 2) fail<ShapeError>(where, ": expected [B, L], got ", mask.shape());
}

// A mask [B, 1, 1, L], or where `allow_matrix` says so [B, L], as [B, L].
Tensor without_unit_axes(const Tensor& mask, bool allow_matrix, std::string_view where) {
  if (allow_matrix && mask.rank() == 2) return mask;
  if (mask.rank() != 4 || mask.dim(1) != 1 || mask.dim(2) != 1) {
    fail<ShapeError>(where, ": expected ", allow_matrix ? "[B, L] or " : "", "[B, 1, 1, L], got ",
                     mask.shape());
  }
  return mask.reshape({mask.dim(0), mask.dim(3)});
}

Tensor with_unit_axes(const Tensor& mask) { return mask.reshape({mask.dim(0), 1, 1, mask.dim(1)}); }

Tensor expect_keep(const Tensor& keep, std::string_view where) {
  expect_keep_shape(keep, where);
  expect_bool(keep, where);
  return keep;
}

Tensor expect_visible(const Tensor& visible, std::string_view where) {
  if (visible.rank() != 2 && visible.rank() != 3) {
    fail<ShapeError>(where, ": expected [L, S] or [B, L, S], got ", visible.shape());
  }
  expect_bool(visible, where);
  return visible;
}

Tensor negated(const Tensor& mask) {
  Tensor out = Tensor::empty(mask.shape(), DType::boolean);
  std::ranges::transform(mask.values<bool>(), out.mutable_values<bool>().begin(),
                         std::logical_not<>());
  return out;
}

// f32: `no` where the mask is false, else `yes`.
Tensor floats_from(const Tensor& mask, float yes, float no) {
  Tensor out = Tensor::empty(mask.shape());
  std::ranges::transform(mask.values<bool>(), out.mutable_values<float>().begin(),
                         [=](bool value) { return value ? yes : no; });
  return out;
}

// bool: the elements of which is_true says so. Those that is_known does not know are refused.
Tensor bools_from(const Tensor& mask, std::string_view where, std::string_view known,
                  bool (*is_known)(double), bool (*is_true)(double)) {
  const Tensor numbers = mask.to(DType::f64);
  const auto values = numbers.values<double>();
  const auto bad = std::ranges::find_if_not(values, is_known);
  if (bad != values.end()) {
    fail<InputError>(where, ": expected ", known, ", got ", *bad, " at ",
                     index_of(bad - values.begin(), mask.shape()));
  }
  Tensor out = Tensor::empty(mask.shape(), DType::boolean);
  std::ranges::transform(values, out.mutable_values<bool>().begin(), is_true);
  return out;
}

Tensor bools_from_zero_one(const Tensor& mask, std::string_view where) {
  return bools_from(
      mask, where, "0 or 1", [](double value) { return value == 0 || value == 1; },
      [](double value) { return value == 1; });
}

Tensor bools_from_additive(const Tensor& mask, std::string_view where) {
  if (mask.dtype() != DType::f32 && mask.dtype() != DType::f64 && mask.dtype() != DType::bf16) {
    fail<DTypeError>(where, ": expected f32, f64 or bf16, got ", mask.dtype());
  }
  return bools_from(
      mask, where, "0, or -9984 or less", [](double value) { return value == 0 || value <= -9984; },
      [](double value) { return value == 0; });
}

Tensor bools_from_tf(const Tensor& mask, std::string_view where) {
  if (mask.dtype() != DType::f32) fail<DTypeError>(where, ": expected f32, got ", mask.dtype());
  return bools_from_zero_one(mask, where);
}

// [B * num_heads, L, S] bool as [B, L, S]: the matrix that all heads of a sequence share.
Tensor one_of_all_heads(const Tensor& mask, int64_t num_heads, std::string_view where) {
  const int64_t num_sequences = mask.dim(0) / num_heads;
  Tensor out = Tensor::empty({num_sequences, mask.dim(1), mask.dim(2)}, DType::boolean);
  const auto size = static_cast<size_t>(mask.dim(1) * mask.dim(2));
  const auto from = mask.values<bool>();
  const auto to = out.mutable_values<bool>();
  for (int64_t b = 0; b < num_sequences; ++b) {
    const auto first = from.subspan(static_cast<size_t>(b * num_heads) * size, size);
    for (int64_t head = 1; head < num_heads; ++head) {
      const auto other = from.subspan(static_cast<size_t>(b * num_heads + head) * size, size);
      if (std::ranges::equal(first, other)) continue;
      fail<InputError>(where,
                       ": expected the same matrix for all heads of a sequence, got another "
                       "for head ",
                       head, " of sequence ", b);
    }
    std::ranges::copy(first, to.begin() + static_cast<int64_t>(static_cast<size_t>(b) * size));
  }
  return out;
}

void expect_matrix_or_heads(const Tensor& mask, std::string_view where) {
  if (mask.rank() != 2 && (mask.rank() != 4 || mask.dim(1) == 0)) {
    fail<ShapeError>(where, ": expected [L, S] or [B, H, L, S], got ", mask.shape());
  }
}

// [L, S] or [B, H, L, S] bool as [L, S] or [B, L, S].
Tensor without_heads(const Tensor& mask, std::string_view where) {
  if (mask.rank() == 2) return mask;
  const int64_t num_heads = mask.dim(1);
  return one_of_all_heads(mask.reshape({mask.dim(0) * num_heads, mask.dim(2), mask.dim(3)}),
                          num_heads, where);
}

// [L, S] or [B, L, S] as [L, S] or [B, 1, L, S].
Tensor with_one_head(const Tensor& mask) {
  if (mask.rank() == 2) return mask;
  return mask.reshape({mask.dim(0), 1, mask.dim(1), mask.dim(2)});
}

void expect_num_heads(int64_t num_heads, std::string_view op) {
  if (num_heads < 1) fail<OptionError>(op, ": num_heads: expected 1 or more, got ", num_heads);
}

}  // namespace

Tensor keep_from_hf_attention_mask(const Tensor& attention_mask) {
  constexpr std::string_view kWhere = "keep_from_hf_attention_mask: attention_mask";
  expect_keep_shape(attention_mask, kWhere);
  return bools_from_zero_one(attention_mask, kWhere);
}

Tensor hf_attention_mask_from_keep(const Tensor& keep) {
  return expect_keep(keep, "hf_attention_mask_from_keep: keep").to(DType::i64);
}

Tensor keep_from_torch_key_padding_mask(const Tensor& key_padding_mask) {
  return negated(
      expect_keep(key_padding_mask, "keep_from_torch_key_padding_mask: key_padding_mask"));
}

Tensor torch_key_padding_mask_from_keep(const Tensor& keep) {
  return negated(expect_keep(keep, "torch_key_padding_mask_from_keep: keep"));
}

Tensor keep_from_keras_mask(const Tensor& mask) {
  return expect_keep(mask, "keep_from_keras_mask: mask");
}

Tensor keras_mask_from_keep(const Tensor& keep) {
  return expect_keep(keep, "keras_mask_from_keep: keep");
}

Tensor keep_from_tf_padding_mask(const Tensor& padding_mask) {
  constexpr std::string_view kWhere = "keep_from_tf_padding_mask: padding_mask";
  const Tensor matrix = without_unit_axes(padding_mask, false, kWhere);
  return negated(bools_from_tf(padding_mask, kWhere)).reshape(matrix.shape());
}

Tensor tf_padding_mask_from_keep(const Tensor& keep) {
  return with_unit_axes(floats_from(expect_keep(keep, "tf_padding_mask_from_keep: keep"), 0, 1));
}

Tensor keep_from_additive_mask(const Tensor& mask) {
  constexpr std::string_view kWhere = "keep_from_additive_mask: mask";
  const Tensor matrix = without_unit_axes(mask, true, kWhere);
  return bools_from_additive(mask, kWhere).reshape(matrix.shape());
}

Tensor additive_mask_from_keep(const Tensor& keep) {
  return with_unit_axes(
      floats_from(expect_keep(keep, "additive_mask_from_keep: keep"), 0, -kInfinity));
}

Tensor visible_from_torch_attn_mask(const Tensor& attn_mask, int64_t num_heads) {
  constexpr std::string_view kWhere = "visible_from_torch_attn_mask: attn_mask";
  expect_num_heads(num_heads, "visible_from_torch_attn_mask");
  const bool fits =
      attn_mask.rank() == 2 || (attn_mask.rank() == 3 && attn_mask.dim(0) % num_heads == 0);
  if (!fits) {
    fail<ShapeError>(kWhere, ": expected [L, S] or [B * ", num_heads, ", L, S], got ",
                     attn_mask.shape());
  }
  expect_bool(attn_mask, kWhere);
  return negated(attn_mask.rank() == 2 ? attn_mask
                                       : one_of_all_heads(attn_mask, num_heads, kWhere));
}

Tensor torch_attn_mask_from_visible(const Tensor& visible, int64_t num_heads) {
  expect_num_heads(num_heads, "torch_attn_mask_from_visible");
  Tensor blocked = negated(expect_visible(visible, "torch_attn_mask_from_visible: visible"));
  if (blocked.rank() == 2) return blocked;
  Tensor out =
      Tensor::empty({blocked.dim(0) * num_heads, blocked.dim(1), blocked.dim(2)}, DType::boolean);
  const auto size = static_cast<size_t>(blocked.dim(1) * blocked.dim(2));
  const auto from = blocked.values<bool>();
  auto to = out.mutable_values<bool>().begin();
  for (int64_t row = 0; row < out.dim(0); ++row) {
    const auto sequence = static_cast<size_t>(row / num_heads);
    to = std::ranges::copy(from.subspan(sequence * size, size), to).out;
  }
  return out;
}

Tensor visible_from_sdpa_attn_mask(const Tensor& attn_mask) {
  constexpr std::string_view kWhere = "visible_from_sdpa_attn_mask: attn_mask";
  expect_matrix_or_heads(attn_mask, kWhere);
  expect_bool(attn_mask, kWhere);
  return without_heads(attn_mask, kWhere);
}

Tensor sdpa_attn_mask_from_visible(const Tensor& visible) {
  return with_one_head(expect_visible(visible, "sdpa_attn_mask_from_visible: visible"));
}

Tensor visible_from_keras_attention_mask(const Tensor& attention_mask) {
  return expect_visible(attention_mask, "visible_from_keras_attention_mask: attention_mask");
}

Tensor keras_attention_mask_from_visible(const Tensor& visible) {
  return expect_visible(visible, "keras_attention_mask_from_visible: visible");
}

Tensor visible_from_additive_mask(const Tensor& mask) {
  constexpr std::string_view kWhere = "visible_from_additive_mask: mask";
  expect_matrix_or_heads(mask, kWhere);
  return without_heads(bools_from_additive(mask, kWhere), kWhere);
}

Tensor additive_mask_from_visible(const Tensor& visible) {
  return with_one_head(
      floats_from(expect_visible(visible, "additive_mask_from_visible: visible"), 0, -kInfinity));
}

Tensor visible_from_tf_mask(const Tensor& mask) {
  constexpr std::string_view kWhere = "visible_from_tf_mask: mask";
  if (mask.rank() != 2 && (mask.rank() != 4 || mask.dim(1) != 1)) {
    fail<ShapeError>(kWhere, ": expected [L, S] or [B, 1, L, S], got ", mask.shape());
  }
  return without_heads(negated(bools_from_tf(mask, kWhere)), kWhere);
}

Tensor tf_mask_from_visible(const Tensor& visible) {
  return with_one_head(floats_from(expect_visible(visible, "tf_mask_from_visible: visible"), 0, 1));
}

Tensor create_padding_mask(const Tensor& ids) {
  constexpr std::string_view kWhere = "create_padding_mask: ids";
  if (ids.rank() != 2) fail<ShapeError>(kWhere, ": expected [B, L], got ", ids.shape());
  if (ids.dtype() != DType::i32 && ids.dtype() != DType::i64) {
    fail<DTypeError>(kWhere, ": expected i32 or i64, got ", ids.dtype());
  }
  return with_unit_axes(floats_from(ids.to(DType::boolean), 0, 1));
}

Tensor create_look_ahead_mask(int64_t size) {
  if (size < 0) {
    fail<OptionError>("create_look_ahead_mask: size: expected 0 or more, got ", size);
  }
  Tensor out = Tensor::zeros({size, size});
  const auto cells = out.mutable_values<float>();
  for (int64_t query = 0; query < size; ++query) {
    const auto row = cells.subspan(static_cast<size_t>(query * size), static_cast<size_t>(size));
    std::ranges::fill(row.subspan(static_cast<size_t>(query) + 1), 1.0f);
  }
  return out;
}

}  // namespace nopad
