#include "nopad/ops/embedding.h"

#include <algorithm>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"

namespace nopad::ops {
namespace {

constexpr int64_t kRowsPerTask = 64;

void expect_lookup(const Lookup& lookup, int64_t num_tokens, int64_t width) {
  autograd::expect_no_grad("embedding", {lookup.table});
  if (lookup.table->rank() != 2 || lookup.table->dim(1) != width) {
    fail<ShapeError>("embedding: ", lookup.name, ": expected a table [V, ", width, "], got ",
                     lookup.table->shape());
  }
  if (lookup.ids->shape() != Shape{num_tokens}) {
    fail<ShapeError>("embedding: ", lookup.name, ": expected ", Shape{num_tokens}, ", got ",
                     lookup.ids->shape());
  }
  const auto ids = lookup.ids->values<int32_t>();
  const int64_t vocab = lookup.table->dim(0);
  const auto bad = std::ranges::find_if(ids, [&](int32_t id) { return id < 0 || id >= vocab; });
  if (bad != ids.end()) {
    fail<InputError>("embedding: ", lookup.name, ": expected 0 to ", vocab - 1, ", got ", *bad,
                     " at ", bad - ids.begin());
  }
}

void sum_rows(std::span<const Lookup> lookups, int64_t width, float* out, int64_t begin,
              int64_t end) {
  for (int64_t token = begin; token < end; ++token) {
    float* const to = out + token * width;
    for (const Lookup& lookup : lookups) {
      const int64_t id = lookup.ids->values<int32_t>()[static_cast<size_t>(token)];
      const float* const row = lookup.table->values<float>().data() + id * width;
      if (&lookup == lookups.data()) {
        std::copy_n(row, width, to);
      } else {
        for (int64_t i = 0; i < width; ++i) to[i] += row[i];
      }
    }
  }
}

}  // namespace

Tensor embedding_sum(std::span<const Lookup> lookups) {
  if (lookups.empty()) fail<ShapeError>("embedding: lookups: expected at least one, got none");
  const int64_t num_tokens = lookups[0].ids->num_elements();
  const int64_t width = lookups[0].table->dim(-1);
  for (const Lookup& lookup : lookups) expect_lookup(lookup, num_tokens, width);
  Tensor out = Tensor::empty({num_tokens, width});
  if (out.num_elements() == 0) return out;
  float* const to = out.mutable_values<float>().data();
  auto rows = [&](int64_t begin, int64_t end) { sum_rows(lookups, width, to, begin, end); };
  current_execution().threads().parallel_for(num_tokens, kRowsPerTask, rows);
  return out;
}

}  // namespace nopad::ops
