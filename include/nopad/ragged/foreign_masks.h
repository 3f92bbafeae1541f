// The masks of other frameworks to ours and back: one function for each polarity, and none guesses.
#pragma once

#include <cstdint>

#include "nopad/core/tensor.h"

namespace nopad {

// Two kinds of bool tensors are ours, and in both true means yes.
//   keep    : [B, L]                  is this cell a real token? What from_padded takes, and what
//                                     layout().keep() gives
//   visible : [L, S] or [B, L, S]     may query l see key s? What AttentionPattern takes where no
//                                     rule says it
// Every function below throws
//   ShapeError : other dimensions than those named, e.g. a mask [B, T, 1]
//   DTypeError : another dtype, e.g. 0/1 floats where bool is meant
//   InputError : a value that its polarity does not know, named with its index

// Which cells are tokens.

// attention_mask of transformers: 1 = keep.
// attention_mask : [B, L] any dtype, each 0 or 1 (transformers would take 0.75 for 1)
Tensor keep_from_hf_attention_mask(const Tensor& attention_mask);
// return : [B, L] i64
Tensor hf_attention_mask_from_keep(const Tensor& keep);

// key_padding_mask of PyTorch: true = ignore.
// key_padding_mask : [B, L] bool (PyTorch adds floats to scores; keep_from_additive_mask takes them)
Tensor keep_from_torch_key_padding_mask(const Tensor& key_padding_mask);
Tensor torch_key_padding_mask_from_keep(const Tensor& keep);

// The mask of Keras layers (Masking, Embedding with mask_zero): true = keep.
// mask : [B, L] bool
Tensor keep_from_keras_mask(const Tensor& mask);
Tensor keras_mask_from_keep(const Tensor& keep);

// The padding mask of TensorFlow's tutorials: 1 = padding.
// padding_mask : [B, 1, 1, L] f32, each 0 or 1
Tensor keep_from_tf_padding_mask(const Tensor& padding_mask);
Tensor tf_padding_mask_from_keep(const Tensor& keep);

// A term that is added to scores: 0 = keep, and -9,984 or less = ignore. That covers -inf, the lowest
// value of every float type, and the -1e9 and -10,000 of older models; in bf16 the latter is -9,984.
// Biases such as ALiBi's are no masks, and refused.
// mask : [B, L] or [B, 1, 1, L] f32, f64 or bf16
Tensor keep_from_additive_mask(const Tensor& mask);
// return : [B, 1, 1, L] f32, 0 or -inf
Tensor additive_mask_from_keep(const Tensor& keep);

// Who may see whom. Where a mask has one matrix for each head, all of a sequence's heads agree: a
// pattern is one for all heads (InputError names the first that differs).

// attn_mask of MultiheadAttention, mask and src_mask of nn.Transformer: true = not allowed.
// attn_mask : [L, S] or [B * num_heads, L, S] bool
// return    : [L, S] or [B, L, S]
// Throws    : OptionError, num_heads below 1
Tensor visible_from_torch_attn_mask(const Tensor& attn_mask, int64_t num_heads = 1);
// return : [L, S], or of [B, L, S] [B * num_heads, L, S]
Tensor torch_attn_mask_from_visible(const Tensor& visible, int64_t num_heads = 1);

// attn_mask of scaled_dot_product_attention, and 4-D masks of transformers: true = takes part.
// attn_mask : [L, S] or [B, H, L, S] bool. Three dimensions are refused: whether the first counts
//             sequences or heads depends on the query.
// return    : [L, S] or [B, L, S]
Tensor visible_from_sdpa_attn_mask(const Tensor& attn_mask);
// return : [L, S], or of [B, L, S] [B, 1, L, S]
Tensor sdpa_attn_mask_from_visible(const Tensor& visible);

// attention_mask of Keras' MultiHeadAttention: true = takes part.
// attention_mask : [L, S] or [B, L, S] bool
Tensor visible_from_keras_attention_mask(const Tensor& attention_mask);
Tensor keras_attention_mask_from_visible(const Tensor& visible);

// A term that is added to scores, as above, e.g. PyTorch's generate_square_subsequent_mask.
// mask   : [L, S] or [B, H, L, S] f32, f64 or bf16; reshape PyTorch's [B * H, L, S]
// return : [L, S] or [B, L, S]
Tensor visible_from_additive_mask(const Tensor& mask);
// return : [L, S], or of [B, L, S] [B, 1, L, S] f32, 0 or -inf
Tensor additive_mask_from_visible(const Tensor& visible);

// The look-ahead mask of TensorFlow's tutorials, and its maximum with a padding mask: 1 = blocked.
// mask   : [L, S] or [B, 1, L, S] f32, each 0 or 1
// return : [L, S] or [B, L, S]
Tensor visible_from_tf_mask(const Tensor& mask);
// return : [L, S], or of [B, L, S] [B, 1, L, S]
Tensor tf_mask_from_visible(const Tensor& visible);

// What TensorFlow's tutorials call by these names, in their polarity.

// ids    : [B, L] i32 or i64; 0 is padding
// return : [B, 1, 1, L] f32, 1 = padding
Tensor create_padding_mask(const Tensor& ids);
// return : [size, size] f32, 1 = blocked: the keys after the query's own place
// Throws : OptionError, a size below 0
Tensor create_look_ahead_mask(int64_t size);

}  // namespace nopad
