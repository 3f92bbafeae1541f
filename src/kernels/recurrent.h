// The cells of recurrent layers: what follows the product of a step's states with their weight.
#pragma once

#include <cstdint>

#include "nopad/core/activation.h"
#include "nopad/core/isa.h"

namespace nopad::kernels {

// A matrix with a row per token, of which a step touches the rows of its own tokens.
template <class T>
struct TokenRows {
  T* first = nullptr;  // null: there is no such matrix
  int64_t stride = 0;
  T* of(int64_t token) const noexcept { return first + token * stride; }
};

// What all cells share. A step is that of several sequences at once, each at its own token. Token
// rows belong to those tokens; all other matrices are [rows, ...] without gaps. A row's result
// depends on its row alone.
struct RecurrentStep {
  int64_t rows = 0, units = 0;      // units: U
  const int64_t* tokens = nullptr;  // [rows]
};

// Gates in the order i, f, g, o: c = σ(f) c + σ(i) tanh(g), h = σ(o) tanh(c).
template <class T>
struct LstmStep : RecurrentStep {
  TokenRows<const T> inputs = {};  // [4U] the gates' share that comes from the input
  const T* sums = nullptr;         // [4U] the share that comes from h
  T* h = nullptr;                  // [U] becomes the new state; and so does c
  T* c = nullptr;
  TokenRows<T> output = {};       // [U] gets h
  TokenRows<T> saved_gates = {};  // [4U] gets the gates after σ and tanh, or none
  TokenRows<T> saved_cells = {};  // [U] gets c as it was before, or none
};

// In: the gradients of the output, and those of h and c that later steps found. Out: those of the
// sums, and of c before the step. That of h is a product of d_sums, which is left to the caller.
template <class T>
struct LstmBackwardStep : RecurrentStep {
  TokenRows<const T> saved_gates = {}, saved_cells = {}, d_output = {};
  const T* d_h = nullptr;      // [U]
  T* d_c = nullptr;            // [U] in and out
  T* d_sums = nullptr;         // [4U]
  TokenRows<T> d_inputs = {};  // [4U] gets the values of d_sums
};

// Gates in the order r, z, n: h = n + σ(z) (h - n), n = tanh(input + σ(r) sum). With the reset
// before the product, n = tanh(input + sum) and the sum is that of σ(r) h.
// A step has two parts. `gru_gates` puts r and z in place of their sums, and writes reset_h;
// `gru_state` does the rest, once the caller has made the sums of n from reset_h.
template <class T>
struct GruStep : RecurrentStep {
  bool reset_after = true;
  TokenRows<const T> inputs = {};  // [3U] the gates' share that comes from the input
  T* sums = nullptr;               // [3U] the share that comes from h
  T* h = nullptr;                  // [U] becomes the new state
  T* reset_h = nullptr;            // [U] gets r h; not used with the reset after
  TokenRows<T> output = {};        // [U] gets h
  TokenRows<T> saved = {};         // [4U] gets r, z, n and the sum of n, or none
};

// The same two parts, the other way round: `gru_state_backward`, then the caller's product for
// d_reset_h, then `gru_gates_backward`; with the reset after, the first part is all.
template <class T>
struct GruBackwardStep : RecurrentStep {
  bool reset_after = true;
  TokenRows<const T> saved = {}, d_output = {};
  TokenRows<const T> previous = {};  // [U] h before the step
  const T* d_h = nullptr;            // [U]
  T* d_kept_h = nullptr;             // [U] gets the gradient of h before, less what d_sums adds
  T* d_sums = nullptr;               // [3U]
  const T* d_reset_h = nullptr;      // [U]
  TokenRows<T> d_inputs = {};        // [3U]
};

// h = activation(input + sum); tanh or relu.
template <class T>
struct RnnStep : RecurrentStep {
  Activation activation = Activation::tanh;
  TokenRows<const T> inputs = {};  // [U]
  const T* sums = nullptr;         // [U]
  T* h = nullptr;                  // [U] becomes the new state
  TokenRows<T> output = {};        // [U] gets h
};

template <class T>
struct RnnBackwardStep : RecurrentStep {
  Activation activation = Activation::tanh;
  TokenRows<const T> output = {}, d_output = {};
  const T* d_h = nullptr;      // [U]
  T* d_sums = nullptr;         // [U]
  TokenRows<T> d_inputs = {};  // [U] gets the values of d_sums
};

template <class T>
struct RecurrentCells {
  void (*lstm)(const LstmStep<T>& step) noexcept;
  void (*lstm_backward)(const LstmBackwardStep<T>& step) noexcept;
  void (*gru_gates)(const GruStep<T>& step) noexcept;
  void (*gru_state)(const GruStep<T>& step) noexcept;
  void (*gru_state_backward)(const GruBackwardStep<T>& step) noexcept;
  void (*gru_gates_backward)(const GruBackwardStep<T>& step) noexcept;
  void (*rnn)(const RnnStep<T>& step) noexcept;
  void (*rnn_backward)(const RnnBackwardStep<T>& step) noexcept;
};
// T is float or double; for double the reference, whatever the instruction set.
template <class T>
const RecurrentCells<T>& recurrent_cells(Isa isa) noexcept;

namespace ref {
template <class T>
const RecurrentCells<T>& recurrent_cells() noexcept;
}  // namespace ref

}  // namespace nopad::kernels
