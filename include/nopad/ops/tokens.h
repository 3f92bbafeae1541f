// Ops that lay tokens out anew: which there are, in what order, and in which columns.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "nopad/ragged/tensor.h"
#include "nopad/ragged/token_mask.h"

namespace nopad::ops {

// Columns are those of the padded batch that would stand here: each op does to them what Keras would
// do to a mask, so to_padded gives what Keras gives, at the real tokens.
// All take any dtype. Grad: the tokens' values.

// The features of several tensors over the same tokens, side by side.
// tensors : [T, ..., D_i] each   return : [T, ..., sum of D_i]
// Mask    : passes through
// Throws  : OptionError, no tensors; LayoutError, other tokens than the first's; ShapeError, rank 1
//           or other dimensions; DTypeError
RaggedTensor concat_features(std::span<const RaggedTensor> tensors);
RaggedTensor concat_features(std::initializer_list<RaggedTensor> tensors);

// Of each sequence a's tokens, then b's.
// a, b   : [Ta, ...], [Tb, ...] over the same number of sequences
// return : [Ta + Tb, ...]
// Mask   : makes a new layout, as wide as both: b's columns follow a's width
// Throws : LayoutError, other numbers of sequences; ShapeError; DTypeError
RaggedTensor concat_tokens(const RaggedTensor& a, const RaggedTensor& b);

// The tokens whose column is in [begin, end).
// Mask   : makes a new layout of width end - begin, in which column `begin` is 0
// Edge   : a sequence without such tokens becomes empty
// Throws : ShapeError, not a part of the padded width
RaggedTensor slice_columns(const RaggedTensor& x, int64_t begin, int64_t end);

// Equal slices of the columns, as tf.split(x, num_parts, axis=1) cuts a padded batch and its mask.
// Mask   : makes a new layout for each part
// Throws : ShapeError, num_parts does not divide the padded width
std::vector<RaggedTensor> split_columns(const RaggedTensor& x, int64_t num_parts);

// The tokens that are kept.
// Mask   : makes a new layout, and ends keep; columns and width stay
// Throws : LayoutError, keep is over another layout
RaggedTensor drop_tokens(const RaggedTensor& x, const TokenMask& keep);

// Each sequence backwards. Padding does not move: the first token comes to the last one's place.
// Mask   : passes through
RaggedTensor reverse_tokens(const RaggedTensor& x);

// A row for each token: its sequence's.
// per_sequence : [B, ...]   return : [T, ...]
// Mask         : produces tokens over `layout`
// Edge         : the row of an empty sequence goes nowhere, and gets a gradient of zeros
// Throws       : ShapeError, not one row per sequence
RaggedTensor expand_to_tokens(const Tensor& per_sequence, const RaggedLayout& layout);

}  // namespace nopad::ops
