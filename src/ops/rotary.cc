#include "nopad/ops/rotary.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "kernels/rotary.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "ops/row_tasks.h"

namespace nopad::ops {
namespace {

// What is turned in each row: `num_heads` heads from its begin on.
struct Heads {
  int64_t num_heads;
  int64_t head_size;
  float direction = 1;
};

// Turns the heads of all tokens and copies what else is in their rows. to may be from.
template <class T>
void rotate_rows(const T* from, T* to, int64_t row_width, const RaggedLayout& layout,
                 const Heads& heads, const RotaryTable& table) {
  const auto rotate = kernels::rotate_row<T>(current_execution().isa());
  const int64_t num_pairs = table.rotary_size() / 2;
  const float* const cos = table.cos().values<float>().data();
  const float* const sin = table.sin().values<float>().data();
  const int64_t width = heads.num_heads * heads.head_size;
  for_row_tasks(layout.num_tokens(), row_width, [&](int64_t begin, int64_t end) {
    const auto offsets = layout.offsets();
    auto next = std::ranges::upper_bound(offsets, begin);
    for (int64_t token = begin; token < end; ++token) {
      while (token == *next) ++next;
      const int64_t at = (token - *(next - 1)) * num_pairs;
      rotate({.x = from + token * row_width,
              .y = to + token * row_width,
              .cos = cos + at,
              .sin = sin + at,
              .num_heads = heads.num_heads,
              .head_size = heads.head_size,
              .num_pairs = num_pairs,
              .direction = heads.direction});
      if (from != to) {
        std::copy_n(from + token * row_width + width, row_width - width,
                    to + token * row_width + width);
      }
    }
  });
}

template <class T>
Tensor rotated(const Tensor& x, const RaggedLayout& layout, const Heads& heads,
               const RotaryTable& table) {
  Tensor out = Tensor::empty(x.shape(), x.dtype());
  rotate_rows(x.values<T>().data(), out.mutable_values<T>().data(), x.dim(1), layout, heads, table);
  return out;
}

Tensor rotated_any(const Tensor& x, const RaggedLayout& layout, const Heads& heads,
                   const RotaryTable& table) {
  if (x.dtype() == DType::f32) return rotated<float>(x, layout, heads, table);
  if (x.dtype() == DType::f64) return rotated<double>(x, layout, heads, table);
  return rotated<BFloat16>(x, layout, heads, table);
}

// Of `parts` operands side by side; gives the size of their heads.
int64_t expect_operand(std::string_view op, const RaggedTensor& x, int64_t parts, int64_t num_heads,
                       const RotaryTable& table) {
  const Shape& shape = x.values().shape();
  if (shape.rank() != 2 || shape[1] % parts != 0) {
    fail<ShapeError>(op, ": expected [T, ", parts == 1 ? "D" : "3 D", "], got ", shape);
  }
  const int64_t width = shape[1] / parts;
  if (num_heads < 1 || width == 0 || width % num_heads != 0) {
    fail<ShapeError>(op, ": num_heads: expected a divisor of the width ", width, ", got ",
                     num_heads);
  }
  if (width / num_heads < table.rotary_size()) {
    fail<ShapeError>(op, ": num_heads: expected heads of at least the table's rotary size ",
                     table.rotary_size(), ", got ", width / num_heads);
  }
  if (x.layout().max_length() > table.max_tokens()) {
    fail<LimitError>(op, ": expected sequences of at most the table's ", table.max_tokens(),
                     " tokens, got one of ", x.layout().max_length());
  }
  return width / num_heads;
}

}  // namespace

std::vector<float> rotary_frequencies(double theta, int64_t rotary_size) {
  if (!(theta > 0) || !std::isfinite(theta)) {
    fail<OptionError>("rotary_frequencies: theta: expected a number above 0, got ", theta);
  }
  if (rotary_size < 2 || rotary_size % 2 != 0) {
    fail<OptionError>("rotary_frequencies: rotary_size: expected an even number above 0, got ",
                      rotary_size);
  }
  std::vector<float> out;
  for (int64_t i = 0; i < rotary_size; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(rotary_size);
    const auto power = static_cast<float>(
        std::pow(static_cast<double>(static_cast<float>(theta)), static_cast<double>(exponent)));
    out.push_back(1.0f / power);
  }
  return out;
}

RotaryTable::RotaryTable(std::span<const float> inverse_frequencies, int64_t max_tokens,
                         float scale) {
  if (inverse_frequencies.empty()) {
    fail<OptionError>("RotaryTable: inverse_frequencies: expected at least one, got none");
  }
  if (max_tokens < 0) {
    fail<OptionError>("RotaryTable: max_tokens: expected 0 or more, got ", max_tokens);
  }
  const Shape shape{max_tokens, std::ssize(inverse_frequencies)};
  cos_ = Tensor::empty(shape);
  sin_ = Tensor::empty(shape);
  float* cos = cos_.mutable_values<float>().data();
  float* sin = sin_.mutable_values<float>().data();
  for (int64_t position = 0; position < max_tokens; ++position) {
    for (const float frequency : inverse_frequencies) {
      // The product is rounded to f32 before its cosine is taken, as PyTorch does.
      const double angle = static_cast<float>(position) * frequency;
      *cos++ = static_cast<float>(std::cos(angle)) * scale;
      *sin++ = static_cast<float>(std::sin(angle)) * scale;
    }
  }
}

RaggedTensor rotary(const RaggedTensor& x, int64_t num_heads, const RotaryTable& table) {
  const int64_t head_size = expect_operand("rotary: x", x, 1, num_heads, table);
  const Tensor& values = x.values();
  if (values.dtype() == DType::bf16) {
    autograd::expect_no_grad("rotary", {&values});
  } else if (values.dtype() != DType::f32 && values.dtype() != DType::f64) {
    fail<DTypeError>("rotary: x: expected f32, f64 or bf16, got ", values.dtype());
  }
  const Heads heads{num_heads, head_size};
  Tensor out = rotated_any(values, x.layout(), heads, table);
  if (autograd::should_record({&values})) {
    const Heads back{num_heads, head_size, -1};
    autograd::record(out, "rotary", {values},
                     [layout = x.layout(), back, table](const Tensor& d_out) {
                       return std::vector{rotated_any(d_out, layout, back, table)};
                     });
  }
  return x.with_values(out);
}

RaggedTensor rotate_query_key(RaggedTensor qkv, int64_t num_heads, const RotaryTable& table) {
  const int64_t head_size = expect_operand("rotate_query_key: qkv", qkv, 3, num_heads, table);
  const DType dtype = qkv.values().dtype();
  if (dtype != DType::f32 && dtype != DType::bf16) {
    fail<DTypeError>("rotate_query_key: qkv: expected f32 or bf16, got ", dtype);
  }
  autograd::expect_no_grad("rotate_query_key", {&qkv.values()});
  const Heads heads{2 * num_heads, head_size};
  if (!qkv.values().is_sole_owner()) {
    return qkv.with_values(rotated_any(qkv.values(), qkv.layout(), heads, table));
  }
  Tensor values = qkv.values();
  const int64_t row_width = values.dim(1);
  const auto rotate = [&]<class T>(T*) {
    T* const rows = values.mutable_values<T>().data();
    rotate_rows<T>(rows, rows, row_width, qkv.layout(), heads, table);
  };
  dtype == DType::f32 ? rotate(static_cast<float*>(nullptr))
                      : rotate(static_cast<BFloat16*>(nullptr));
  return qkv;
}

}  // namespace nopad::ops
