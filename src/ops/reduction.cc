#include "ops/reduction.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>
#include <vector>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "ops/dispatch_float.h"

namespace nopad::ops {
namespace {

// Features of one group that a task takes, and about how many elements make a task worth handing
// out.
constexpr int64_t kFeaturesPerTask = 512;
constexpr int64_t kElementsPerTask = 8192;

// One group's features [begin, end).
struct Part {
  int64_t group = 0, begin = 0, end = 0;
};

template <class F>
void for_each_part(const RowGroups& groups, F&& f) {
  const int64_t num_blocks = (groups.width + kFeaturesPerTask - 1) / kFeaturesPerTask;
  const int64_t num_parts = groups.layout.num_sequences() * num_blocks;
  if (num_parts == 0) return;
  const int64_t elements = groups.layout.num_tokens() * groups.width / num_parts;
  auto parts = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % num_blocks * kFeaturesPerTask;
      f(Part{i / num_blocks, first, std::min(first + kFeaturesPerTask, groups.width)});
    }
  };
  current_execution().threads().parallel_for(num_parts, kElementsPerTask / (elements + 1), parts);
}

template <class F>
void for_each_kept_row(const RowGroups& groups, int64_t group, F&& f) {
  const bool* const kept = groups.kept();
  const int64_t end = groups.layout.offset(group + 1);
  for (int64_t row = groups.layout.offset(group); row < end; ++row) {
    if (kept == nullptr || kept[row]) f(row);
  }
}

// bf16 is summed, and given back, as f32.
template <class T>
using Result = std::conditional_t<std::is_same_v<T, BFloat16>, float, T>;

template <class F>
Tensor dispatch_rows(std::string_view op, const Tensor& x, F&& f) {
  if (x.dtype() == DType::bf16) return f(BFloat16{});
  if (x.dtype() == DType::f32) return f(float{});
  if (x.dtype() == DType::f64) return f(double{});
  fail<DTypeError>(op, ": x: expected f32, f64 or bf16, got ", x.dtype());
}

template <class T>
T weight_of(const RowGroups& groups, RowWeights weights, int64_t group, int64_t row) {
  if (weights != RowWeights::weighted_mean) return 1;
  return static_cast<T>(row - groups.layout.offset(group) + 1);
}

// What a group's sum is divided by; 1 where nothing takes part.
template <class T>
T divisor_of(const RowGroups& groups, RowWeights weights, int64_t group) {
  if (weights == RowWeights::sum) return 1;
  T total = 0;
  for_each_kept_row(groups, group,
                    [&](int64_t row) { total += weight_of<T>(groups, weights, group, row); });
  if (total == 0) return 1;
  return weights == RowWeights::mean_sqrt_length ? std::sqrt(total) : total;
}

template <class In, class T>
void add_rows(const In* x, const RowGroups& groups, RowWeights weights, const Part& part, T* out) {
  T* const to = out + part.group * groups.width;
  std::fill(to + part.begin, to + part.end, T{0});
  for_each_kept_row(groups, part.group, [&](int64_t row) {
    const In* const from = x + row * groups.width;
    const T weight = weight_of<T>(groups, weights, part.group, row);
    for (int64_t i = part.begin; i < part.end; ++i) to[i] += static_cast<T>(from[i]) * weight;
  });
  if (weights == RowWeights::sum) return;
  const T divisor = divisor_of<T>(groups, weights, part.group);
  for (int64_t i = part.begin; i < part.end; ++i) to[i] /= divisor;
}

// A group of one feature: sums side by side, which do not wait for each other.
template <class In, class T>
void add_column(const In* x, const RowGroups& groups, RowWeights weights, int64_t group, T* out) {
  std::array<double, 8> sums{};
  const int64_t begin = groups.layout.offset(group);
  for_each_kept_row(groups, group, [&](int64_t row) {
    const auto value = static_cast<double>(static_cast<T>(x[row]));
    sums[static_cast<size_t>(row - begin) % sums.size()] +=
        value * weight_of<double>(groups, weights, group, row);
  });
  double sum = 0;
  for (const double part : sums) sum += part;
  out[group] = static_cast<T>(sum / divisor_of<double>(groups, weights, group));
}

// Whether x wins over what was best so far. The first NaN wins and stays.
template <Pick kPick, class T>
bool beats(T x, T best) {
  const bool ordered = kPick == Pick::largest ? x <= best : x >= best;
  return !ordered && best == best;
}

template <Pick kPick, Wanted kWanted, class In, class T>
void pick_best(const In* x, const RowGroups& groups, const Part& part, T* out, int64_t* rows) {
  bool is_first = true;
  for_each_kept_row(groups, part.group, [&](int64_t row) {
    const In* const from = x + row * groups.width;
    for (int64_t i = part.begin; i < part.end; ++i) {
      const auto value = static_cast<T>(from[i]);
      const bool wins = is_first || beats<kPick>(value, out[i]);
      out[i] = wins ? value : out[i];
      if constexpr (kWanted == Wanted::values_and_rows) rows[i] = wins ? row : rows[i];
    }
    is_first = false;
  });
}

// The first or the last row of a group that takes part; -1 where none does.
int64_t row_at_end(const RowGroups& groups, Pick pick, int64_t group) {
  const bool* const kept = groups.kept();
  const int64_t begin = groups.layout.offset(group), end = groups.layout.offset(group + 1);
  for (int64_t i = 0; i < end - begin; ++i) {
    const int64_t row = pick == Pick::first ? begin + i : end - 1 - i;
    if (kept == nullptr || kept[row]) return row;
  }
  return -1;
}

template <Wanted kWanted, class In, class T>
void pick_end(const In* x, const RowGroups& groups, Pick pick, const Part& part, T* out,
              int64_t* rows) {
  const int64_t row = row_at_end(groups, pick, part.group);
  if (row < 0) return;
  for (int64_t i = part.begin; i < part.end; ++i) {
    out[i] = static_cast<T>(x[row * groups.width + i]);
    if constexpr (kWanted == Wanted::values_and_rows) rows[i] = row;
  }
}

template <Wanted kWanted, class In, class T>
void pick_part(const In* x, const RowGroups& groups, Pick pick, const Part& part, T* out,
               int64_t* rows) {
  std::fill(out + part.begin, out + part.end, T{0});
  if constexpr (kWanted == Wanted::values_and_rows) {
    std::fill(rows + part.begin, rows + part.end, int64_t{-1});
  }
  switch (pick) {
    case Pick::largest: return pick_best<Pick::largest, kWanted>(x, groups, part, out, rows);
    case Pick::smallest: return pick_best<Pick::smallest, kWanted>(x, groups, part, out, rows);
    case Pick::first:
    case Pick::last: return pick_end<kWanted>(x, groups, pick, part, out, rows);
  }
}

Shape result_shape(const RowGroups& groups) {
  return {groups.layout.num_sequences(), groups.width};
}

// [groups, width]
Tensor sum_rows(std::string_view op, const Tensor& x, const RowGroups& groups, RowWeights weights) {
  return dispatch_rows(op, x, [&]<class In>(In) {
    using T = Result<In>;
    Tensor out = Tensor::empty(result_shape(groups), dtype_of<T>);
    const In* const from = x.values<In>().data();
    T* const to = out.mutable_values<T>().data();
    for_each_part(groups, [&](const Part& part) {
      if (groups.width == 1) {
        add_column(from, groups, weights, part.group, to);
      } else {
        add_rows(from, groups, weights, part, to);
      }
    });
    return out;
  });
}

// The gradient of x, [rows, width].
Tensor spread_rows(const Tensor& d_out, const RowGroups& groups, RowWeights weights) {
  Tensor d_x = Tensor::zeros({groups.layout.num_tokens(), groups.width}, d_out.dtype());
  dispatch_float("spread_rows", "d_out", d_out, [&]<class T>(T) {
    const T* const from = d_out.values<T>().data();
    T* const to = d_x.mutable_values<T>().data();
    for_each_part(groups, [&](const Part& part) {
      const T divisor = divisor_of<T>(groups, weights, part.group);
      for_each_kept_row(groups, part.group, [&](int64_t row) {
        const T weight = weight_of<T>(groups, weights, part.group, row) / divisor;
        for (int64_t i = part.begin; i < part.end; ++i) {
          to[row * groups.width + i] = from[part.group * groups.width + i] * weight;
        }
      });
    });
  });
  return d_x;
}

PickedRows pick_rows(std::string_view op, const Tensor& x, const RowGroups& groups, Pick pick,
                     Wanted wanted) {
  PickedRows out;
  out.values = dispatch_rows(op, x, [&]<class In>(In) {
    using T = Result<In>;
    Tensor values = Tensor::empty(result_shape(groups), dtype_of<T>);
    const In* const from = x.values<In>().data();
    T* const to = values.mutable_values<T>().data();
    if (wanted == Wanted::values) {
      for_each_part(groups, [&](const Part& part) {
        pick_part<Wanted::values>(from, groups, pick, part, to + part.group * groups.width,
                                  static_cast<int64_t*>(nullptr));
      });
      return values;
    }
    out.rows = Tensor::empty(result_shape(groups), DType::i64);
    int64_t* const rows = out.rows.mutable_values<int64_t>().data();
    for_each_part(groups, [&](const Part& part) {
      const int64_t first = part.group * groups.width;
      pick_part<Wanted::values_and_rows>(from, groups, pick, part, to + first, rows + first);
    });
    return values;
  });
  return out;
}

// The gradient of x, [rows, width].
Tensor scatter_rows(const Tensor& d_out, const RowGroups& groups, const Tensor& rows) {
  Tensor d_x = Tensor::zeros({groups.layout.num_tokens(), groups.width}, d_out.dtype());
  dispatch_float("scatter_rows", "d_out", d_out, [&]<class T>(T) {
    const T* const from = d_out.values<T>().data();
    const int64_t* const row = rows.values<int64_t>().data();
    T* const to = d_x.mutable_values<T>().data();
    for_each_part(groups, [&](const Part& part) {
      const int64_t first = part.group * groups.width;
      for (int64_t i = first + part.begin; i < first + part.end; ++i) {
        if (row[i] >= 0) to[row[i] * groups.width + i - first] = from[i];
      }
    });
  });
  return d_x;
}

}  // namespace

Tensor reduce_sum(const Reduction& r, const Tensor& x, RowWeights weights) {
  Tensor out = sum_rows(r.op, x, r.groups, weights).reshape(r.shape);
  if (autograd::should_record({&x})) {
    autograd::record(out, r.op, {x},
                     [groups = r.groups, shape = x.shape(), weights](const Tensor& d_out) {
                       return std::vector{spread_rows(d_out, groups, weights).reshape(shape)};
                     });
  }
  return out;
}

PickedRows reduce_pick(const Reduction& r, const Tensor& x, Pick pick, Wanted wanted) {
  const bool records = autograd::should_record({&x});
  if (records) wanted = Wanted::values_and_rows;
  PickedRows out = pick_rows(r.op, x, r.groups, pick, wanted);
  out.values = out.values.reshape(r.shape);
  if (wanted == Wanted::values_and_rows) out.rows = out.rows.reshape(r.shape);
  if (records) {
    autograd::record(out.values, r.op, {x},
                     [groups = r.groups, shape = x.shape(), rows = out.rows](const Tensor& d_out) {
                       return std::vector{scatter_rows(d_out, groups, rows).reshape(shape)};
                     });
  }
  return out;
}

}  // namespace nopad::ops
