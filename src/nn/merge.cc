#include "nopad/nn/merge.h"

#include <limits>
#include <string>

#include "nn/aligned_tokens.h"
#include "nopad/core/error.h"
#include "nopad/ops/arithmetic.h"
#include "nopad/ops/rearrange.h"
#include "nopad/ops/tokens.h"

namespace nopad::nn {
namespace {

constexpr std::array<std::string_view, 3> kMergeMasks = {"same", "any", "all"};

std::string name_of(MergeOp op) {
  constexpr std::array<std::string_view, 6> kNames = {"Add",     "Subtract", "Multiply",
                                                      "Average", "Maximum",  "Minimum"};
  return std::string(kNames[static_cast<size_t>(op)]);
}

// What changes nothing.
double neutral(MergeOp op) {
  switch (op) {
    case MergeOp::multiply: return 1;
    case MergeOp::maximum: return -std::numeric_limits<double>::infinity();
    case MergeOp::minimum: return std::numeric_limits<double>::infinity();
    default: return 0;
  }
}

Tensor combine(MergeOp op, const Tensor& a, const Tensor& b) {
  switch (op) {
    case MergeOp::add:
    case MergeOp::average: return ops::add(a, b);
    case MergeOp::subtract: return ops::subtract(a, b);
    case MergeOp::multiply: return ops::multiply(a, b);
    case MergeOp::maximum: return ops::maximum(a, b);
    case MergeOp::minimum: return ops::minimum(a, b);
  }
  fail<InternalError>("Merge: op: got the unknown value ", static_cast<int>(op));
}

// The sum over as many inputs as have the token.
Tensor divide_by_present(const Tensor& sum, const AlignedTokens& aligned) {
  if (aligned.num_present.empty()) {
    return ops::divide(sum, static_cast<double>(aligned.values.size()));
  }
  std::vector<int64_t> column(static_cast<size_t>(sum.rank()), 1);
  column[0] = sum.dim(0);
  const Tensor counts = Tensor::from_values<int64_t>(aligned.num_present, Shape(column));
  return ops::divide(sum, counts.to(sum.dtype()));
}

Value merge(MergeOp op, const MergeConfig& config, std::span<const Value> inputs) {
  const AlignedTokens aligned = align_tokens(name_of(op), config, inputs, neutral(op));
  Tensor out = aligned.values[0];
  for (size_t i = 1; i < aligned.values.size(); ++i) out = combine(op, out, aligned.values[i]);
  if (op == MergeOp::average) out = divide_by_present(out, aligned);
  return aligned.with(std::move(out));
}

void expect_several(std::string_view who, std::span<const Value> inputs) {
  if (inputs.size() < 2) {
    fail<ShapeError>(who, ": inputs: expected two or more, got ", inputs.size());
  }
}

MaskRule rule_of(MergeMasks masks) {
  return masks == MergeMasks::same ? MaskRule::passes : MaskRule::relays;
}

Value concat_tokens(std::span<const Value> inputs) {
  RaggedTensor out = inputs[0].ragged("Concatenate");
  for (const Value& input : inputs.subspan(1)) {
    out = ops::concat_tokens(out, input.ragged("Concatenate"));
  }
  return out;
}

}  // namespace

template <MergeOp op>
Merge<op>::Merge(const Config& config) : MergeLayer<Merge>(name_of(op)), config_(config) {}

template <MergeOp op>
MaskRule Merge<op>::mask_rule() const noexcept {
  return rule_of(config_.merge_masks);
}

template <MergeOp op>
std::vector<Value> Merge<op>::call_values(std::span<const Value> inputs) const {
  expect_several(this->kind(), inputs);
  if (op == MergeOp::subtract) this->expect_inputs(inputs.size(), 2);
  return {merge(op, config_, inputs)};
}

template <MergeOp op>
void Merge<op>::visit_config(ConfigVisitor& visitor) {
  visitor.choice("merge_masks", config_.merge_masks, kMergeMasks);
  visitor.field("broadcast_dense", config_.broadcast_dense);
}

template class Merge<MergeOp::add>;
template class Merge<MergeOp::subtract>;
template class Merge<MergeOp::multiply>;
template class Merge<MergeOp::average>;
template class Merge<MergeOp::maximum>;
template class Merge<MergeOp::minimum>;

MaskRule Concatenate::mask_rule() const noexcept {
  return config_.axis == ConcatAxis::tokens ? MaskRule::relays : rule_of(config_.merge_masks);
}

std::vector<Value> Concatenate::call_values(std::span<const Value> inputs) const {
  expect_several(kind(), inputs);
  if (config_.axis == ConcatAxis::tokens) return {concat_tokens(inputs)};
  const MergeConfig config{config_.merge_masks, config_.broadcast_dense};
  const AlignedTokens aligned = align_tokens(kind(), config, inputs, 0);
  if (aligned.values[0].rank() < 2) {
    fail<ShapeError>("Concatenate: input 0: expected features, [..., D], got ",
                     aligned.values[0].shape());
  }
  return {aligned.with(ops::concat(aligned.values, -1))};
}

void Concatenate::visit_config(ConfigVisitor& visitor) {
  static constexpr std::array<std::string_view, 2> kAxes = {"features", "tokens"};
  visitor.choice("axis", config_.axis, kAxes);
  visitor.choice("merge_masks", config_.merge_masks, kMergeMasks);
  visitor.field("broadcast_dense", config_.broadcast_dense);
}

}  // namespace nopad::nn
