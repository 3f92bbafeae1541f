#include "nopad/nn/initializer.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <utility>
#include <vector>

#include "nopad/core/error.h"

namespace nopad::nn {
namespace {

struct Stream {
  uint64_t seed = 0;
  uint64_t draws = 0;  // tensors drawn so far
};
thread_local Stream stream;

// The standard's engines give the same numbers everywhere, its distributions do not.
class Draw {
 public:
  Draw() {
    std::seed_seq seed{stream.seed, stream.seed >> 32, stream.draws++};
    engine_.seed(seed);
  }
  // In [0, 1).
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  // Box and Muller's.
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  std::mt19937_64 engine_;
};

double glorot_limit(const Shape& shape) {
  if (shape.rank() < 2) {
    fail<ShapeError>("glorot_uniform: shape: expected [outputs, inputs, ...], got ", shape);
  }
  const int64_t receptive = shape.num_elements() / std::max<int64_t>(1, shape[0] * shape[1]);
  return std::sqrt(6.0 / static_cast<double>((shape[0] + shape[1]) * receptive));
}

// Gram and Schmidt's, on the rows of [rows, columns] with rows <= columns.
void orthonormalize(std::vector<double>& values, size_t rows, size_t columns) {
  for (size_t i = 0; i < rows; ++i) {
    double* const row = values.data() + i * columns;
    for (size_t j = 0; j < i; ++j) {
      const double* const other = values.data() + j * columns;
      double dot = 0;
      for (size_t k = 0; k < columns; ++k) dot += row[k] * other[k];
      for (size_t k = 0; k < columns; ++k) row[k] -= dot * other[k];
    }
    double norm = 0;
    for (size_t k = 0; k < columns; ++k) norm += row[k] * row[k];
    for (size_t k = 0; k < columns; ++k) row[k] /= std::sqrt(norm);
  }
}

std::vector<double> orthogonal(Draw& draw, const Shape& shape) {
  if (shape.rank() != 2) {
    fail<ShapeError>("orthogonal: shape: expected [outputs, inputs], got ", shape);
  }
  const auto rows = static_cast<size_t>(shape[0]), columns = static_cast<size_t>(shape[1]);
  const size_t few = std::min(rows, columns), many = std::max(rows, columns);
  std::vector<double> values(few * many);
  std::ranges::generate(values, [&] { return draw.normal(); });
  orthonormalize(values, few, many);
  if (rows <= columns) return values;
  std::vector<double> transposed(values.size());
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j) transposed[i * columns + j] = values[j * rows + i];
  }
  return transposed;
}

std::vector<double> draw_values(const Initializer& initializer, const Shape& shape) {
  using Kind = Initializer::Kind;
  const auto scale = static_cast<double>(initializer.scale);
  Draw draw;
  std::vector<double> values(static_cast<size_t>(shape.num_elements()));
  const auto uniform = [&](double limit) {
    std::ranges::generate(values, [&] { return limit * (2 * draw.uniform() - 1); });
  };
  switch (initializer.kind) {
    case Kind::zeros: break;
    case Kind::ones: std::ranges::fill(values, 1); break;
    case Kind::constant: std::ranges::fill(values, scale); break;
    case Kind::uniform: uniform(scale); break;
    case Kind::normal: std::ranges::generate(values, [&] { return scale * draw.normal(); }); break;
    case Kind::glorot_uniform: uniform(glorot_limit(shape)); break;
    case Kind::orthogonal: return orthogonal(draw, shape);
  }
  return values;
}

}  // namespace

SeedScope::SeedScope(uint64_t seed) noexcept
    : previous_seed_(stream.seed), previous_draws_(stream.draws) {
  stream = {seed, 0};
}

SeedScope::~SeedScope() { stream = {previous_seed_, previous_draws_}; }

Tensor make_initialized(const Initializer& initializer, const Shape& shape, DType dtype) {
  const std::vector<double> values = draw_values(initializer, shape);
  return Tensor::from_values<double>(values, shape).to(dtype);
}

}  // namespace nopad::nn
