// Checks that hold for every op and layer over a ragged batch: no sequence feels its neighbours.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "nopad/core/tensor.h"
#include "nopad/ragged/tensor.h"
#include "tolerance.h"

namespace nopad::test {

// One sequence as a batch of its own, with its own copy of the elements.
inline RaggedTensor alone(const RaggedTensor& batch, int64_t sequence) {
  const Tensor rows = batch.sequence(sequence);
  Tensor own = Tensor::empty(rows.shape(), rows.dtype());
  std::copy_n(rows.bytes(), rows.num_bytes(), own.mutable_bytes());
  const std::array length{batch.layout().length(sequence)};
  return {std::move(own), RaggedLayout::from_lengths(length)};
}

// The part of a result that belongs to one sequence: its tokens, or its row.
inline Tensor part_of(const RaggedTensor& result, int64_t sequence) {
  return result.sequence(sequence);
}
inline Tensor part_of(const Tensor& result, int64_t sequence) {
  return result.rows(sequence, sequence + 1);
}

// Every element of the other sequences becomes NaN (floats) or is left alone (other types).
inline RaggedTensor with_poisoned_neighbours(const RaggedTensor& batch, int64_t sequence) {
  const Tensor& values = batch.values();
  Tensor poisoned = Tensor::empty(values.shape(), values.dtype());
  std::copy_n(values.bytes(), values.num_bytes(), poisoned.mutable_bytes());
  const int64_t num_tokens = batch.layout().num_tokens();
  const int64_t width = num_tokens == 0 ? 0 : values.num_elements() / num_tokens;
  const auto poison = [&](auto elements) {
    using T = typename decltype(elements)::value_type;
    for (int64_t i = 0; i < std::ssize(elements); ++i) {
      const int64_t token = i / width;
      const bool mine =
          token >= batch.layout().offset(sequence) && token < batch.layout().offset(sequence + 1);
      if (!mine) elements[static_cast<size_t>(i)] = std::numeric_limits<T>::quiet_NaN();
    }
  };
  if (values.dtype() == DType::f32) poison(poisoned.mutable_values<float>());
  if (values.dtype() == DType::f64) poison(poisoned.mutable_values<double>());
  return batch.with_values(poisoned);
}

// f : RaggedTensor to RaggedTensor (over any layout of as many sequences) or to Tensor [B, ...]
// Fails the running test, at the caller's line, unless each sequence's part of f(batch) has the
// bits of f(that sequence alone), and keeps them when all other sequences are NaN.
template <class F>
void expect_batch_equals_alone(F&& f, const RaggedTensor& batch,
                               const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  const auto together = f(batch);
  for (int64_t b = 0; b < batch.layout().num_sequences(); ++b) {
    SCOPED_TRACE(testing::Message()
                 << "sequence " << b << " of length " << batch.layout().length(b));
    const Tensor expected = part_of(f(alone(batch, b)), 0);
    expect_same_bits(part_of(together, b), expected, file, line);
    expect_same_bits(part_of(f(with_poisoned_neighbours(batch, b)), b), expected, file, line);
  }
}

}  // namespace nopad::test
