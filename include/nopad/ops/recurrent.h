// LSTM, GRU and simple RNN over each sequence's real tokens, at a cost that follows their number.
#pragma once

#include "nopad/core/activation.h"
#include "nopad/ragged/tensor.h"

namespace nopad::ops {

// A recurrence takes the gates' share that comes from the input, biases included, for all tokens at
// once (a `linear`), and adds the share that comes from the state, token by token.
//
// N      : the number of directions, 2 for `bidirectional` and else 1; U the number of units
// gates  : [T, N G U] f32 or f64   G gates (LSTM 4, GRU 3, RNN 1), forward's before backward's
// recurrent_weight : [G U, U], or [2, G U, U]   rows are outputs, as in PyTorch; Keras transposed
// h0, c0 : [B, U], or [2, B, U]   the initial state; Tensor() for zeros
// output : [T, N U]   a direction's h after each token, at that token
// h, c   : the shape of h0   the state after each sequence's own last step
//
// `backward` walks from each sequence's last real token to its first, so its final state is that at
// the first token. Both directions of `bidirectional` run at once, as do groups of sequences.
//
// Mask   : consumes the layout and keeps it
// Edge   : an empty sequence has no outputs, and its final state is its initial one; a token whose
//          gradient is zero adds nothing to any gradient, also where it holds a NaN
// Throws : ShapeError; DTypeError, operands of several types, or neither f32 nor f64
// Grad   : every operand
// Cost   : one product of [running sequences, U] x [U, G U] per step; for a gradient the gates and
//          states of all tokens are kept, (G + 1) N U values per token
enum class Direction { forward, backward, bidirectional };

struct RecurrentConfig {
  Direction direction = Direction::forward;
};

struct LstmResult {
  RaggedTensor output;
  Tensor h;
  Tensor c;
};
// c = σ(f) c + σ(i) tanh(g), h = σ(o) tanh(c), gates in the order i, f, g, o.
// Source : https://doi.org/10.1162/neco.1997.9.8.1735, gates as torch.nn.LSTM and keras.layers.LSTM
LstmResult lstm_recurrence(const RaggedTensor& gates, const Tensor& recurrent_weight,
                           const Tensor& h0 = {}, const Tensor& c0 = {},
                           const RecurrentConfig& config = {});

struct RecurrentResult {
  RaggedTensor output;
  Tensor h;
};

// Where r acts: on the product of h, as in cuDNN, PyTorch and Keras (reset_after=True), or on h
// before its product, as in the first paper and Keras (reset_after=False).
enum class GruReset { after, before };
struct GruConfig {
  Direction direction = Direction::forward;
  GruReset reset = GruReset::after;
};
// h = n + σ(z) (h - n), gates in the order r, z, n (Keras stores z, r, n);
// n = tanh(gate + σ(r) (W h + b)), or with the reset before tanh(gate + W (σ(r) h) + b).
// recurrent_bias : [3U], or [2, 3U]   added to the products of h; Tensor() for none
// Source : https://arxiv.org/abs/1406.1078
RecurrentResult gru_recurrence(const RaggedTensor& gates, const Tensor& recurrent_weight,
                               const Tensor& recurrent_bias = {}, const Tensor& h0 = {},
                               const GruConfig& config = {});

struct RnnConfig {
  Direction direction = Direction::forward;
  Activation activation = Activation::tanh;  // or relu
};
// h = activation(gate + W h).
// Throws : OptionError, an activation other than tanh and relu
RecurrentResult rnn_recurrence(const RaggedTensor& gates, const Tensor& recurrent_weight,
                               const Tensor& h0 = {}, const RnnConfig& config = {});

}  // namespace nopad::ops
