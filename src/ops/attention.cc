#include "nopad/ops/attention.h"

#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "ops/attention_call.h"

namespace nopad::ops {
namespace {

void expect_rank_2(const RaggedTensor& x, const char* name) {
  if (x.values().rank() != 2) {
    fail<ShapeError>("attention: ", name, ": expected [T, D], got ", x.values().shape());
  }
}

void expect_config(const AttentionConfig& config, int64_t width) {
  if (config.num_heads < 1 || width % config.num_heads != 0 || width == 0) {
    fail<ShapeError>("attention: num_heads: expected a divisor of the width ", width, ", got ",
                     config.num_heads);
  }
  if (!(config.dropout.rate >= 0 && config.dropout.rate <= 1)) {
    fail<OptionError>("attention: dropout: expected a rate of 0 to 1, got ", config.dropout.rate);
  }
}

void expect_relative_positions(const AttentionConfig& config, const RaggedLayout& layout,
                               int64_t head_size, DType dtype) {
  if (!config.relative_positions.has_value()) return;
  const RelativePositions& positions = *config.relative_positions;
  const bool is_bias = positions.kind() == RelativePositions::Kind::bias;
  const int64_t num_distances = 2 * positions.max_tokens() - 1;
  const Shape expected =
      is_bias ? Shape{config.num_heads, num_distances} : Shape{num_distances, head_size};
  if (positions.table().shape() != expected) {
    fail<ShapeError>("attention: relative_positions: expected a table ", expected, ", got ",
                     positions.table().shape());
  }
  const DType table_dtype = dtype == DType::f64 ? DType::f64 : DType::f32;
  if (positions.table().dtype() != table_dtype) {
    fail<DTypeError>("attention: relative_positions: expected a table of ", table_dtype,
                     " beside operands of ", dtype, ", got ", positions.table().dtype());
  }
  if (layout.max_length() > positions.max_tokens()) {
    fail<LimitError>("attention: relative_positions: expected sequences of at most ",
                     positions.max_tokens(), " tokens, got one of ", layout.max_length());
  }
}

void expect_operands(const RaggedTensor& q, const RaggedTensor& k, const RaggedTensor& v,
                     const AttentionConfig& config) {
  expect_rank_2(q, "q");
  const int64_t width = q.values().dim(1);
  expect_config(config, width);
  if (k.layout() != v.layout()) {
    fail<LayoutError>("attention: v: expected the keys' layout ", k.layout(), ", got ", v.layout());
  }
  if (q.layout().num_sequences() != k.layout().num_sequences()) {
    fail<LayoutError>("attention: k: expected ", q.layout().num_sequences(),
                      " sequences as in q, got ", k.layout().num_sequences());
  }
  for (const auto& [name, operand] : {std::pair{"k", &k}, std::pair{"v", &v}}) {
    if (operand->values().shape() != Shape{k.layout().num_tokens(), width}) {
      fail<ShapeError>("attention: ", name, ": expected ", Shape{k.layout().num_tokens(), width},
                       ", got ", operand->values().shape());
    }
    if (operand->values().dtype() != q.values().dtype()) {
      fail<DTypeError>("attention: ", name, ": expected ", q.values().dtype(), " as q, got ",
                       operand->values().dtype());
    }
  }
  config.pattern.expect_layouts(q.layout(), k.layout(), "attention");
  if (config.relative_positions.has_value()) {
    expect_layout(k.layout(), q.layout(), "attention: k: beside relative positions", "the query");
  }
  expect_relative_positions(config, q.layout(), width / config.num_heads, q.values().dtype());
}

void expect_packed_operand(const RaggedTensor& qkv, const AttentionConfig& config) {
  expect_rank_2(qkv, "qkv");
  if (qkv.values().dim(1) % 3 != 0) {
    fail<ShapeError>("attention: qkv: expected [T, 3 D], got ", qkv.values().shape());
  }
  expect_config(config, qkv.values().dim(1) / 3);
  config.pattern.expect_layouts(qkv.layout(), qkv.layout(), "attention");
  const int64_t head_size = qkv.values().dim(1) / 3 / config.num_heads;
  expect_relative_positions(config, qkv.layout(), head_size, qkv.values().dtype());
}

// The operands of a call, with the table of relative positions at their end where there is one.
std::vector<Tensor> inputs_of(std::vector<Tensor> operands, const AttentionConfig& config) {
  if (config.relative_positions.has_value()) {
    operands.push_back(config.relative_positions->table());
  }
  return operands;
}

// The gradient of that table, zeros to add to; empty where none is wanted.
Tensor make_d_table(const AttentionConfig& config) {
  if (!config.relative_positions.has_value()) return {};
  const Tensor& table = config.relative_positions->table();
  return autograd::needs_grad(table) ? Tensor::zeros(table.shape(), table.dtype()) : Tensor();
}

template <class T>
T* elements_or_null(Tensor& tensor) {
  return tensor.num_elements() == 0 ? nullptr : tensor.mutable_values<T>().data();
}

// The operands of a call; what backward captures.
struct Operands {
  Tensor q, k, v;
  RaggedLayout queries, keys;
  AttentionConfig config;
  bool needs_q, needs_k, needs_v;

  template <class T>
  AttentionCall<T> call() const {
    return {.q = q.values<T>().data(),
            .k = k.values<T>().data(),
            .v = v.values<T>().data(),
            .q_stride = q.dim(1),
            .kv_stride = q.dim(1),
            .width = q.dim(1),
            .queries = queries,
            .keys = keys,
            .config = config};
  }

  template <class T>
  std::vector<Tensor> differentiate(AttentionCall<T> call, const Tensor& d_out) const {
    // A query's gradient is written, a key's is added up.
    Tensor d_q = needs_q ? Tensor::empty(q.shape(), q.dtype()) : Tensor();
    Tensor d_k = needs_k ? Tensor::zeros(k.shape(), k.dtype()) : Tensor();
    Tensor d_v = needs_v ? Tensor::zeros(v.shape(), v.dtype()) : Tensor();
    Tensor d_table = make_d_table(config);
    ops::differentiate<T>(
        call, {d_out.values<T>().data(), elements_or_null<T>(d_q), elements_or_null<T>(d_k),
               elements_or_null<T>(d_v), elements_or_null<T>(d_table)});
    std::vector<Tensor> gradients{d_q, d_k, d_v};
    if (config.relative_positions.has_value()) gradients.push_back(d_table);
    return gradients;
  }
};

struct PackedOperands {
  Tensor qkv;
  RaggedLayout layout;
  AttentionConfig config;

  template <class T>
  AttentionCall<T> call() const {
    const T* const base = qkv.values<T>().data();
    const int64_t width = qkv.dim(1) / 3;
    return {.q = base,
            .k = base + width,
            .v = base + 2 * width,
            .q_stride = 3 * width,
            .kv_stride = 3 * width,
            .width = width,
            .queries = layout,
            .keys = layout,
            .config = config};
  }

  template <class T>
  std::vector<Tensor> differentiate(AttentionCall<T> call, const Tensor& d_out) const {
    Tensor d_qkv = Tensor::zeros(qkv.shape(), qkv.dtype());
    T* const d_q = d_qkv.mutable_values<T>().data();
    Tensor d_table = make_d_table(config);
    ops::differentiate<T>(call, {d_out.values<T>().data(), d_q, d_q + call.width,
                                 d_q + 2 * call.width, elements_or_null<T>(d_table)});
    std::vector<Tensor> gradients{d_qkv};
    if (config.relative_positions.has_value()) gradients.push_back(d_table);
    return gradients;
  }
};

// Computes, and records what comes back from it where one of `inputs` needs a gradient.
template <class T, class AnyOperands>
Tensor run(const AnyOperands& operands, const std::vector<Tensor>& inputs) {
  using Sum = kernels::AttentionSum<T>;
  const bool is_recorded = autograd::should_record(inputs);
  AttentionCall<T> call = operands.template call<T>();
  const int64_t num_tokens = call.queries.num_tokens();
  Tensor out = Tensor::empty({num_tokens, call.width}, dtype_of<T>);
  call.out = out.mutable_values<T>().data();
  Tensor log_sums;
  if (is_recorded) {
    log_sums = Tensor::empty({call.config.num_heads, num_tokens}, dtype_of<Sum>);
    call.log_sums = log_sums.mutable_values<Sum>().data();
  }
  attend(call);
  if constexpr (!std::is_same_v<T, BFloat16>) {
    if (!is_recorded) return out;
    auto backward = [operands, result = out, log_sums](const Tensor& d_out) mutable {
      AttentionCall<T> again = operands.template call<T>();
      again.out = result.mutable_values<T>().data();
      again.log_sums = log_sums.mutable_values<Sum>().data();
      return operands.template differentiate<T>(again, d_out);
    };
    autograd::record(out, "attention", inputs, std::move(backward));
  }
  return out;
}

// Chooses T by the operands' dtype.
template <class AnyOperands>
Tensor run_any(const AnyOperands& operands, const std::vector<Tensor>& inputs) {
  switch (const DType dtype = inputs.front().dtype()) {
    case DType::f32: return run<float>(operands, inputs);
    case DType::f64: return run<double>(operands, inputs);
    case DType::bf16:
      for (const Tensor& input : inputs) autograd::expect_no_grad("attention", {&input});
      if (operands.config.dropout.rate > 0) {
        fail<OptionError>("attention: dropout: expected a rate of 0 in bf16, got ",
                          operands.config.dropout.rate);
      }
      return run<BFloat16>(operands, inputs);
    default: fail<DTypeError>("attention: q: expected f32, f64 or bf16, got ", dtype);
  }
}

}  // namespace

RaggedTensor attention(const RaggedTensor& q, const RaggedTensor& k, const RaggedTensor& v,
                       const AttentionConfig& config) {
  expect_operands(q, k, v, config);
  const Operands operands{.q = autograd::detach(q.values()),
                          .k = autograd::detach(k.values()),
                          .v = autograd::detach(v.values()),
                          .queries = q.layout(),
                          .keys = k.layout(),
                          .config = config,
                          .needs_q = autograd::needs_grad(q.values()),
                          .needs_k = autograd::needs_grad(k.values()),
                          .needs_v = autograd::needs_grad(v.values())};
  return q.with_values(run_any(operands, inputs_of({q.values(), k.values(), v.values()}, config)));
}

RaggedTensor self_attention(const RaggedTensor& qkv, const AttentionConfig& config) {
  expect_packed_operand(qkv, config);
  const PackedOperands operands{autograd::detach(qkv.values()), qkv.layout(), config};
  return qkv.with_values(run_any(operands, inputs_of({qkv.values()}, config)));
}

}  // namespace nopad::ops
