#include "nopad/ops/embedding.h"

#include <algorithm>
#include <vector>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "ops/dispatch_float.h"

namespace nopad::ops {
namespace {

constexpr int64_t kRowsPerTask = 64;

template <class Id>
void expect_ids(std::span<const Id> ids, const Lookup& lookup) {
  const int64_t vocab = lookup.table->dim(0);
  const auto bad = std::ranges::find_if(ids, [&](Id id) { return id < 0 || id >= vocab; });
  if (bad != ids.end()) {
    fail<InputError>("embedding: ", lookup.name, ": expected 0 to ", vocab - 1, ", got ", *bad,
                     " at ", bad - ids.begin());
  }
}

void expect_lookup(const Lookup& lookup, const Tensor& first_table, const Shape& ids) {
  const Tensor& table = *lookup.table;
  if (table.rank() != 2 || table.dim(1) != first_table.dim(-1)) {
    fail<ShapeError>("embedding: ", lookup.name, ": expected a table [V, ", first_table.dim(-1),
                     "], got ", table.shape());
  }
  if (table.dtype() != first_table.dtype()) {
    fail<DTypeError>("embedding: ", lookup.name, ": expected a table of ", first_table.dtype(),
                     ", got ", table.dtype());
  }
  if (lookup.ids->shape() != ids) {
    fail<ShapeError>("embedding: ", lookup.name, ": expected ", ids, ", got ", lookup.ids->shape());
  }
  if (lookup.ids->dtype() == DType::i32) {
    expect_ids(lookup.ids->values<int32_t>(), lookup);
  } else if (lookup.ids->dtype() == DType::i64) {
    expect_ids(lookup.ids->values<int64_t>(), lookup);
  } else {
    fail<DTypeError>("embedding: ", lookup.name, ": expected i32 or i64, got ",
                     lookup.ids->dtype());
  }
}

int64_t id_at(const Tensor& ids, int64_t token) {
  const auto i = static_cast<size_t>(token);
  return ids.dtype() == DType::i32 ? ids.values<int32_t>()[i] : ids.values<int64_t>()[i];
}

template <class T>
void sum_rows(std::span<const Lookup> lookups, int64_t width, T* out, int64_t begin, int64_t end) {
  for (int64_t token = begin; token < end; ++token) {
    T* const to = out + token * width;
    for (const Lookup& lookup : lookups) {
      const T* const row = lookup.table->values<T>().data() + id_at(*lookup.ids, token) * width;
      if (&lookup == lookups.data()) {
        std::copy_n(row, width, to);
      } else {
        for (int64_t i = 0; i < width; ++i) to[i] += row[i];
      }
    }
  }
}

// The gradient of a table: each token's row is added to that of its id. Threads share out the
// columns, so that every element is one sum in the order of the tokens.
template <class T>
Tensor scatter_add(const Tensor& d_out, const Tensor& ids, const Shape& table) {
  constexpr int64_t kColumnsPerTask = 64;
  Tensor d_table = Tensor::zeros(table, d_out.dtype());
  const int64_t width = table[1];
  const T* const from = d_out.values<T>().data();
  T* const to = d_table.mutable_values<T>().data();
  auto columns = [&](int64_t begin, int64_t end) {
    for (int64_t token = 0; token < ids.num_elements(); ++token) {
      T* const row = to + id_at(ids, token) * width;
      for (int64_t i = begin; i < end; ++i) row[i] += from[token * width + i];
    }
  };
  current_execution().threads().parallel_for(width, kColumnsPerTask, columns);
  return d_table;
}

template <class T>
void record_lookups(Tensor& out, std::span<const Lookup> lookups) {
  struct Saved {
    Tensor ids;
    Shape table;
    bool needs_grad;
  };
  std::vector<Tensor> tables;
  std::vector<Saved> saved;
  for (const Lookup& lookup : lookups) {
    tables.push_back(*lookup.table);
    saved.push_back({*lookup.ids, lookup.table->shape(), autograd::needs_grad(*lookup.table)});
  }
  if (!autograd::should_record(tables)) return;
  autograd::record(out, "embedding", tables, [saved](const Tensor& d_out) {
    std::vector<Tensor> gradients;
    for (const Saved& lookup : saved) {
      gradients.push_back(lookup.needs_grad ? scatter_add<T>(d_out, lookup.ids, lookup.table)
                                            : Tensor());
    }
    return gradients;
  });
}

// ids : the shape that all have
Tensor look_up(std::span<const Lookup> lookups, const Shape& ids) {
  const Tensor& table = *lookups[0].table;
  return dispatch_float("embedding", "table", table, [&]<class T>(T) {
    for (const Lookup& lookup : lookups) expect_lookup(lookup, table, ids);
    std::vector<int64_t> dims(ids.dims().begin(), ids.dims().end());
    dims.push_back(table.dim(1));
    Tensor out = Tensor::empty(Shape(dims), table.dtype());
    T* const to = out.mutable_values<T>().data();
    auto rows = [&](int64_t begin, int64_t end) {
      sum_rows(lookups, table.dim(1), to, begin, end);
    };
    current_execution().threads().parallel_for(ids.num_elements(), kRowsPerTask, rows);
    record_lookups<T>(out, lookups);
    return out;
  });
}

}  // namespace

Tensor embedding(const Tensor& table, const Tensor& ids) {
  const Lookup lookup{&table, &ids, "ids"};
  return look_up(std::span(&lookup, 1), ids.shape());
}

Tensor embedding_sum(std::span<const Lookup> lookups) {
  if (lookups.empty()) fail<ShapeError>("embedding: lookups: expected at least one, got none");
  return look_up(lookups, Shape{lookups[0].ids->num_elements()});
}

}  // namespace nopad::ops
