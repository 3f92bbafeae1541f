// How a layer is tried on made-up batches before a model is built around it.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <numeric>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/nn/layer.h"
#include "nopad/nn/symbol.h"

namespace nopad::nn {
namespace {

// Two widths, so that a dimension that follows the width shows; many numbers divide both.
constexpr std::array<int64_t, 2> kWidths = {12, 24};
constexpr int64_t kNumSequences = 4;

// One batch: an empty sequence, a full one, and two between, others for every layout.
RaggedLayout made_up_layout(int64_t number, int64_t width) {
  const std::array<int64_t, kNumSequences> lengths = {width, 0, 2 + (3 + number) % (width - 2), 1};
  return RaggedLayout::from_lengths(lengths);
}

// Numbers without a pattern, zeros among them. Integers are 0 and 1: ids of any vocabulary.
template <class T>
T made_up_value(uint64_t i) {
  const uint64_t mixed = (i + 1) * 0x9E3779B97F4A7C15u >> 40;
  if constexpr (std::is_same_v<T, BFloat16>) {
    return BFloat16(made_up_value<float>(i));
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(static_cast<double>(mixed) * 0x1p-23 - 1);
  } else {
    return static_cast<T>(mixed % 3 != 0);
  }
}

Tensor made_up_tensor(int64_t rows, const Spec& spec, int64_t width, uint64_t salt) {
  std::vector<int64_t> dims{rows};
  for (const int64_t dim : spec.row) dims.push_back(dim == kAny ? width : dim);
  Tensor out = Tensor::empty(Shape(dims), spec.dtype);
  dispatch(spec.dtype, [&](auto zero) {
    using T = decltype(zero);
    uint64_t i = salt << 32;
    for (T& value : out.mutable_values<T>()) value = made_up_value<T>(i++);
  });
  return out;
}

// Values for the specs; those of equal layouts share one.
std::vector<Value> made_up_values(std::span<const Spec> specs, int64_t width) {
  std::map<int, RaggedLayout> layouts;
  std::vector<Value> values;
  for (const Spec& spec : specs) {
    if (!spec.is_ragged) {
      values.emplace_back(made_up_tensor(kNumSequences, spec, width, values.size()));
      continue;
    }
    const auto number = static_cast<int64_t>(layouts.size());
    const auto [place, unused] = layouts.try_emplace(spec.layout, made_up_layout(number, width));
    const RaggedLayout& layout = place->second;
    values.emplace_back(
        RaggedTensor(made_up_tensor(layout.num_tokens(), spec, width, values.size()), layout));
  }
  return values;
}

// One sequence of every input, as a batch of its own.
std::vector<Value> only(std::span<const Value> batch, int64_t sequence) {
  std::vector<Value> out;
  for (const Value& value : batch) {
    if (!value.is_ragged()) {
      out.emplace_back(value.dense().rows(sequence, sequence + 1));
      continue;
    }
    const std::array length{value.ragged().layout().length(sequence)};
    out.emplace_back(
        RaggedTensor(value.ragged().sequence(sequence), RaggedLayout::from_lengths(length)));
  }
  return out;
}

// Every token of every input as a sequence of its own.
std::vector<Value> token_by_token(std::span<const Value> batch) {
  std::vector<Value> out;
  for (const Value& value : batch) {
    if (!value.is_ragged()) {
      out.push_back(value);
      continue;
    }
    const std::vector<int64_t> ones(static_cast<size_t>(value.ragged().layout().num_tokens()), 1);
    out.emplace_back(RaggedTensor(value.values(), RaggedLayout::from_lengths(ones)));
  }
  return out;
}

Tensor part_of(const Value& value, int64_t sequence) {
  if (value.is_ragged()) return value.ragged().sequence(sequence);
  return value.dense().rows(sequence, sequence + 1);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         (a.num_bytes() == 0 || std::memcmp(a.bytes(), b.bytes(), a.num_bytes()) == 0);
}

void expect_alone(const Layer& layer, std::span<const Value> batch,
                  std::span<const Value> outputs) {
  for (int64_t b = 0; b < kNumSequences; ++b) {
    const std::vector<Value> alone = layer.apply(only(batch, b));
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (same_bits(part_of(outputs[i], b), part_of(alone[i], 0))) continue;
      fail<LayoutError>(layer.kind(), ": output: a sequence of length ",
                        part_of(outputs[i], b).shape(),
                        " gets another result in a batch than "
                        "alone: the layer mixes sequences");
    }
  }
}

void expect_token_by_token(const Layer& layer, std::span<const Value> batch,
                           std::span<const Value> outputs) {
  const std::vector<Value> apart = layer.apply(token_by_token(batch));
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (same_bits(outputs[i].values(), apart[i].values())) continue;
    fail<LayoutError>(layer.kind(),
                      ": output: a token's result depends on its neighbours, and the "
                      "layer's rule is passes; one that mixes tokens is a SequenceLayer");
  }
}

void expect_independence(const Layer& layer, std::span<const Value> batch,
                         std::span<const Value> outputs) {
  const MaskRule rule = layer.mask_rule();
  // What a re-laying layer does may depend on the padded width, and a dense batch is one.
  if (rule != MaskRule::passes && rule != MaskRule::mixes && rule != MaskRule::reduces) return;
  expect_alone(layer, batch, outputs);
  const bool has_tokens = std::ranges::any_of(batch, &Value::is_ragged);
  const bool has_rows = !std::ranges::all_of(batch, &Value::is_ragged);
  if (rule == MaskRule::passes && has_tokens && !has_rows) {
    expect_token_by_token(layer, batch, outputs);
  }
}

// Whether the two are over one layout in every batch that was tried.
using Batches = std::array<std::vector<Value>, kWidths.size()>;
bool share_layout(const Batches& a, size_t i, const Batches& b, size_t j) {
  for (size_t width = 0; width < kWidths.size(); ++width) {
    if (!a[width][i].is_ragged() || !b[width][j].is_ragged()) return false;
    if (!(a[width][i].ragged().layout() == b[width][j].ragged().layout())) return false;
  }
  return true;
}

int layout_of(const Batches& in, std::span<const Spec> inputs, const Batches& out, size_t output,
              std::span<const Spec> outputs_before) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (share_layout(out, output, in, i)) return inputs[i].layout;
  }
  for (size_t i = 0; i < outputs_before.size(); ++i) {
    if (share_layout(out, output, out, i)) return outputs_before[i].layout;
  }
  return make_layout_number();
}

// What two results have in common.
Spec merge(const Layer& layer, const Value& a, const Value& b) {
  Spec spec = Spec::of(a);
  const Spec other = Spec::of(b);
  if (spec.is_ragged != other.is_ragged || spec.row.size() != other.row.size() ||
      spec.dtype != other.dtype) {
    fail<ShapeError>(layer.kind(),
                     ": output: expected the same kind of result at every width, got ", spec,
                     " and ", other);
  }
  for (size_t i = 0; i < spec.row.size(); ++i) {
    if (spec.row[i] != other.row[i]) spec.row[i] = kAny;
  }
  return spec;
}

std::vector<Spec> try_call(const Layer& layer, std::span<const Spec> inputs) {
  Batches in, out;
  layer.build(inputs);
  for (size_t i = 0; i < kWidths.size(); ++i) {
    in[i] = made_up_values(inputs, kWidths[i]);
    out[i] = layer.apply(in[i]);
    expect_independence(layer, in[i], out[i]);
  }
  std::vector<Spec> outputs;
  for (size_t i = 0; i < out[0].size(); ++i) {
    Spec spec = merge(layer, out[0][i], out[1][i]);
    if (spec.is_ragged) spec.layout = layout_of(in, inputs, out, i, outputs);
    outputs.push_back(std::move(spec));
  }
  return outputs;
}

// A batch norm in training mixes sequences, as it should: layers are tried out of training.
class EvalScope {
 public:
  explicit EvalScope(const Layer& layer) : layer_(layer), was_training_(layer.is_training()) {
    if (was_training_) layer_.eval();
  }
  ~EvalScope() {
    if (was_training_) layer_.train();
  }
  EvalScope(const EvalScope&) = delete;
  EvalScope& operator=(const EvalScope&) = delete;

 private:
  const Layer& layer_;
  bool was_training_;
};

// The same exception, with the layer's kind before its message.
template <class E>
[[noreturn]] void rethrow_from(const Layer& layer, const E& error) {
  const std::string_view message = error.what();
  if (message.starts_with(layer.kind())) throw error;
  throw E(concat(layer.kind(), ": ", message));
}

}  // namespace

int make_layout_number() {
  static std::atomic<int> last{0};
  return ++last;
}

std::vector<Spec> check_call(const Layer& layer, std::span<const Spec> inputs) {
  const autograd::NoGradScope no_grad;
  const EvalScope eval(layer);
  try {
    return try_call(layer, inputs);
  } catch (const ShapeError& error) {
    rethrow_from(layer, error);
  } catch (const DTypeError& error) {
    rethrow_from(layer, error);
  } catch (const LayoutError& error) {
    rethrow_from(layer, error);
  } catch (const WeightError& error) {
    rethrow_from(layer, error);
  } catch (const OptionError& error) {
    rethrow_from(layer, error);
  } catch (const InputError& error) {
    rethrow_from(layer, error);
  }
}

}  // namespace nopad::nn
