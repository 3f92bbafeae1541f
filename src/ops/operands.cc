#include "ops/operands.h"

#include <cmath>
#include <vector>

#include "nopad/core/error.h"
#include "nopad/ops/rearrange.h"

namespace nopad::ops {
namespace {

bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::bf16;
}

Tensor with_rank(const Tensor& values, int rank) {
  if (values.rank() == rank) return values;
  const auto dims = values.shape().dims();
  std::vector<int64_t> widened(dims.begin(), dims.end());
  widened.insert(widened.begin() + 1, static_cast<size_t>(rank - values.rank()), 1);
  return reshape(values, widened);
}

}  // namespace

Tensor scalar_of(double value, DType dtype, std::string_view where) {
  const Tensor exact = Tensor::from_values<double>(std::span(&value, 1), {});
  Tensor out = exact.to(dtype);
  if (!is_float(dtype) && out.to(DType::f64).values<double>()[0] != value) {
    fail<OptionError>(where, ": expected a number that ", dtype, " holds, got ", value);
  }
  return out;
}

TokenOperands token_operands(std::string_view where, std::string_view owner, const RaggedTensor& a,
                             const RaggedTensor& b) {
  expect_layout(b.layout(), a.layout(), where, owner);
  const int rank = std::max(a.values().rank(), b.values().rank());
  return {with_rank(a.values(), rank), with_rank(b.values(), rank)};
}

void expect_token_operand(std::string_view where, const Tensor& plain, const RaggedTensor& ragged) {
  const int most = ragged.values().rank() - 1;
  if (plain.rank() > most) {
    fail<ShapeError>(where, ": expected at most ", most,
                     " axes, to be broadcast to each token of the ragged ", ragged.values().shape(),
                     ", got ", plain.shape(),
                     "; values per token must be a RaggedTensor, which has the layout");
  }
}

}  // namespace nopad::ops
