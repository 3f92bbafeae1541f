#include "nopad/nn/multi_head_attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "nn/layer_gradients.h"
#include "nn/recorded_border.h"
#include "nn/recorded_layer.h"
#include "nopad/core/error.h"
#include "nopad/nn/embedding.h"
#include "nopad/nn/layer_norm.h"
#include "nopad/nn/linear.h"
#include "nopad/nn/merge.h"
#include "nopad/nn/model.h"
#include "nopad/nn/pooling.h"
#include "nopad/nn/sequential.h"
#include "nopad/ops/operators.h"
#include "nopad/ops/tokens.h"
#include "nopad/ragged/convert.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad::nn {
namespace {

using test::RecordedCase;
using Config = MultiHeadAttention::Config;

RaggedTensor tokens(const std::vector<int64_t>& lengths, int64_t width, uint64_t seed = 1) {
  const RaggedLayout layout = RaggedLayout::from_lengths(lengths);
  return {test::Random(seed).tensor({layout.num_tokens(), width}), layout};
}

// Built for inputs of these widths, with random biases, so that a forgotten one shows.
MultiHeadAttention built(const Config& config, const std::vector<int64_t>& widths,
                         DType dtype = DType::f32) {
  const SeedScope seed(3);
  const MultiHeadAttention attention(config);
  attention.to(dtype);
  std::vector<Spec> specs;
  for (const int64_t width : widths) specs.push_back(Spec::ragged({width}, dtype));
  attention.build(specs);
  for (const auto& [name, parameter] : attention.parameters()) {
    if (name.ends_with("bias")) parameter.assign(test::Random(5).tensor(parameter->shape()));
  }
  return attention;
}

Tensor parameter(const Layer& layer, const std::string& name) {
  for (const NamedParameter& p : layer.parameters()) {
    if (p.name == name) return *p.parameter;
  }
  fail<WeightError>("test: no parameter ", name);
}

// One head whose scores are all alike, and whose values are its inputs.
MultiHeadAttention averaging() {
  const MultiHeadAttention attention = built({.num_heads = 1, .use_bias = false}, {2});
  attention.parameters()[0].parameter.assign(
      test::tensor_of<float>({6, 2}, {0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1}));
  attention.parameters()[1].parameter.assign(test::tensor_of<float>({2, 2}, {1, 0, 0, 1}));
  return attention;
}

TEST(MultiHeadAttention, EqualScoresGiveTheAverageOfWhatIsSeen) {
  const RaggedTensor x(test::tensor_of<float>({3, 2}, {1, 2, 3, 6, 5, 5}),
                       RaggedLayout::from_lengths(std::array<int64_t, 2>{2, 1}));
  EXPECT_EQ(test::list<float>(averaging()(x).values()), (std::vector<float>{2, 4, 2, 4, 5, 5}));
  EXPECT_EQ(test::list<float>(averaging()(x, AttentionPattern::causal()).values()),
            (std::vector<float>{1, 2, 2, 4, 5, 5}));
}

TEST(MultiHeadAttention, WeightsAreNamedAndShapedAsInPyTorch) {
  const auto shapes = [](const Layer& layer) {
    std::string out;
    for (const auto& [name, parameter] : layer.parameters()) {
      out += concat(name, " ", parameter->shape(), "; ");
    }
    return out;
  };
  EXPECT_EQ(shapes(built({.num_heads = 2}, {6})),
            "in_proj_weight [18, 6]; in_proj_bias [18]; out_proj.weight [6, 6]; "
            "out_proj.bias [6]; ");
  EXPECT_EQ(
      shapes(built({.num_heads = 2, .key_dim = 5, .value_dim = 4, .output_dim = 3}, {6, 7, 8})),
      "q_proj_weight [10, 6]; k_proj_weight [10, 7]; v_proj_weight [8, 8]; "
      "in_proj_bias [28]; out_proj.weight [3, 8]; out_proj.bias [3]; ");
}

// The value of a call on a memory whose padding is taken out inside, since its grid is another one.
test::RecordedCall with_memory(const RecordedCase& recorded, const MultiHeadAttention& attention,
                               std::vector<std::string> names) {
  const Tensor keep = recorded.tensor("memory_keep");
  names.insert(names.begin(), "input");
  return {.inputs = names, .call = [=](std::span<const Value> values) -> std::vector<Value> {
            std::vector<Value> inputs = {values[0]};
            for (const Value& value : values.subspan(1)) {
              inputs.push_back(take_tokens(value.dense(), keep));
            }
            return attention.apply(inputs);
          }};
}

TEST(MultiHeadAttention, EqualsPyTorchOnItself) {
  const auto check = [](const std::string& name, const Config& config) {
    SCOPED_TRACE(name);
    test::expect_as_recorded(
        built(config, {6}), built(config, {6}), RecordedCase("layers/torch_attention", name), {},
        [](const Layer& layer, const WeightSource& source) { layer.load(source); });
  };
  check("self_attention", {.num_heads = 2});
  check("self_attention_causal", {.num_heads = 2, .pattern = AttentionPattern::causal()});
  check("self_attention_no_bias", {.num_heads = 2, .use_bias = false});
  check("self_attention_holes", {.num_heads = 2});
}

TEST(MultiHeadAttention, EqualsPyTorchOnAMemoryOfOtherLengths) {
  const auto check = [](const std::string& name, const std::vector<int64_t>& widths,
                        const std::vector<std::string>& inputs) {
    SCOPED_TRACE(name);
    const RecordedCase recorded("layers/torch_attention", name);
    const MultiHeadAttention attention = built({.num_heads = 2}, widths);
    test::expect_as_recorded(
        attention, built({.num_heads = 2}, widths), recorded,
        with_memory(recorded, attention, inputs),
        [](const Layer& layer, const WeightSource& source) { layer.load(source); });
  };
  check("cross_attention", {6, 6}, {"memory"});
  check("cross_attention_widths", {6, 4, 3}, {"key", "value"});
}

const auto load_keras = [](const MultiHeadAttention& attention, const WeightSource& source) {
  attention.load_keras(source, "multi_head_attention");
};

TEST(MultiHeadAttention, EqualsKerasOnItself) {
  const auto check = [](const std::string& name, const Config& config) {
    SCOPED_TRACE(name);
    test::expect_as_recorded(MultiHeadAttention(config), MultiHeadAttention(config),
                             RecordedCase("layers/keras_attention", name), {}, load_keras);
  };
  const AttentionPattern causal = AttentionPattern::causal();
  check("self_attention", {.num_heads = 2, .key_dim = 3});
  check("self_attention_causal", {.num_heads = 2, .key_dim = 3, .pattern = causal});
  check("self_attention_holes", {.num_heads = 2, .key_dim = 3});
  check("self_attention_holes_causal", {.num_heads = 2, .key_dim = 3, .pattern = causal});
  check("self_attention_no_bias", {.num_heads = 2, .key_dim = 3, .use_bias = false});
  check("self_attention_output_width",
        {.num_heads = 2, .key_dim = 3, .value_dim = 4, .output_dim = 5});
}

TEST(MultiHeadAttention, KerasWeightsOfOtherSizesAreRefused) {
  const auto source = RecordedCase("layers/keras_attention", "self_attention").weights();
  test::expect_error<WeightError>(
      [&] { MultiHeadAttention({.num_heads = 3}).load_keras(source, "multi_head_attention"); },
      concat(source.description(),
             ": multi_head_attention/query/kernel: expected [6, 3, 3], got [6, 2, 3]"));
  // Weights of heads of 3, where the settings say 4, or the input is too wide.
  const MultiHeadAttention wide({.num_heads = 2, .key_dim = 4});
  wide.load_keras(source, "multi_head_attention");
  test::expect_error<WeightError>([&] { wide(tokens({2}, 6)); },
                                  "in_proj_weight: expected [24, 6] for this input, got [18, 6]");
}

TEST(MultiHeadAttention, EqualsKerasOnAMemoryOfOtherLengths) {
  for (const std::string name :
       {"cross_attention", "cross_attention_causal", "cross_attention_widths"}) {
    SCOPED_TRACE(name);
    Config config{.num_heads = 2, .key_dim = 3, .value_dim = 4};
    if (name.ends_with("causal")) config.pattern = AttentionPattern::causal();
    const RecordedCase recorded("layers/keras_attention", name);
    const MultiHeadAttention attention(config);
    test::expect_as_recorded(attention, MultiHeadAttention(config), recorded,
                             with_memory(recorded, attention, {"memory"}), load_keras);
  }
}

// x = norm_1(x + attention(x)), x = norm_2(x + outer(inner(x))): the sums keep the mask, which in
// Keras they lose.
struct KerasBlock {
  Embedding embedding{{.vocab = 10, .dim = 6, .mask_zero = true}};
  MultiHeadAttention attention{{.num_heads = 2, .key_dim = 3}};
  LayerNorm norm_1{{.eps = 1e-3f}}, norm_2{{.eps = 1e-3f}};
  Dense inner{{.units = 7, .activation = Activation::relu}}, outer{{.units = 6}};
  Model model = make();

  Model make() const {
    const Symbol ids = input("ids", Spec::dense({kAny}, DType::i32));
    const Symbol embedded = embedding(ids);
    const Symbol mixed = norm_1(Add()(embedded, attention(embedded)));
    const Symbol tokens = norm_2(Add()(mixed, outer(inner(mixed))));
    return Model({ids}, {tokens, GlobalAveragePooling1D()(tokens)});
  }
  void load(const WeightSource& source) const {
    embedding.load_keras(source, "transformer_block/embedding");
    attention.load_keras(source, "transformer_block/attention");
    norm_1.load_keras(source, "transformer_block/norm_1");
    inner.load_keras(source, "transformer_block/inner");
    outer.load_keras(source, "transformer_block/outer");
    norm_2.load_keras(source, "transformer_block/norm_2");
  }
};

TEST(MultiHeadAttention, ATransformerBlockEqualsKeras) {
  const KerasBlock block, gradients;
  test::expect_as_recorded(block.model, gradients.model,
                           RecordedCase("layers/keras_models", "transformer_block"),
                           {.inputs = {"ids"}, .outputs = {"tokens", "mean"}, .input_keep = ""},
                           [&](const Layer& to, const WeightSource& source) {
                             (to.is_same(block.model) ? block : gradients).load(source);
                           });
}

TEST(MultiHeadAttention, GradientsAgreeWithDifferences) {
  const RaggedTensor x = tokens({3, 0, 1, 4}, 4), memory = tokens({2, 3, 0, 5}, 3, 2);
  test::expect_layer_gradients(built({.num_heads = 2}, {4}), {x});
  test::expect_layer_gradients(built({.num_heads = 2, .pattern = AttentionPattern::causal()}, {4}),
                               {x});
  // Values wider than keys, then narrower.
  test::expect_layer_gradients(built({.num_heads = 2, .key_dim = 1, .value_dim = 3}, {4}), {x});
  test::expect_layer_gradients(
      built({.num_heads = 1, .key_dim = 3, .value_dim = 2, .output_dim = 1}, {4, 3}), {x, memory});
}

TEST(MultiHeadAttention, ASequenceInABatchIsTheSequenceAlone) {
  const autograd::NoGradScope no_grad;
  const RaggedTensor x = tokens({3, 0, 1, 17, 8}, 12);
  for (const int64_t value_dim : {0, 5}) {
    const MultiHeadAttention own = built({.num_heads = 3, .value_dim = value_dim}, {12});
    test::expect_batch_equals_alone([&](const RaggedTensor& batch) { return own(batch); }, x);
    const MultiHeadAttention cross = built({.num_heads = 3, .value_dim = value_dim}, {12, 12});
    test::expect_batch_equals_alone(
        [&](const RaggedTensor& batch) {
          return cross(batch, ops::concat_tokens(batch, ops::reverse_tokens(batch)));
        },
        x);
  }
}

TEST(MultiHeadAttention, AQueryThatSeesNothingGivesTheOutputBiasExactly) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const MultiHeadAttention attention = built({.num_heads = 2}, {4, 4}, dtype);
    const RaggedTensor x = tokens({2, 1}, 4), memory = tokens({0, 3}, 4, 2);
    Tensor queries = x.values().to(dtype), keys = memory.values().to(dtype);
    autograd::require_grad(queries);
    const RaggedTensor out = attention(x.with_values(queries), memory.with_values(keys));
    const Tensor bias = autograd::detach(parameter(attention, "out_proj.bias"));
    const Tensor rows = autograd::detach(out.values());
    test::expect_same_bits(rows.rows(0, 1).reshape({4}), bias);
    test::expect_same_bits(rows.rows(1, 2).reshape({4}), bias);
    const auto gradients =
        autograd::backward(out.values(), test::Random(4).tensor({3, 4}).to(dtype));
    test::expect_same_bits(gradients.of(queries).rows(0, 2), Tensor::zeros({2, 4}, dtype));
    for (const auto& [name, parameter] : attention.parameters()) {
      const Tensor d_weight = gradients.of(*parameter).to(DType::f64);
      for (const double d : d_weight.values<double>()) ASSERT_TRUE(std::isfinite(d)) << name;
    }
  }
}

TEST(MultiHeadAttention, NoTokensGiveNoRowsAndZeroGradients) {
  for (const std::vector<int64_t>& lengths : {std::vector<int64_t>{}, {0, 0}}) {
    for (const int64_t value_dim : {0, 3}) {
      const MultiHeadAttention attention = built({.num_heads = 2, .value_dim = value_dim}, {4});
      const RaggedTensor out = attention(tokens(lengths, 4));
      EXPECT_EQ(out.values().shape(), (Shape{0, 4}));
      const auto gradients = autograd::backward(out.values(), Tensor::zeros({0, 4}));
      for (const auto& [name, parameter] : attention.parameters()) {
        test::expect_same_bits(gradients.of(*parameter), Tensor::zeros(parameter->shape()));
      }
    }
  }
}

// What gives NaN or a shifted view elsewhere: the first columns are padding, so the causal rows
// there see nothing, and the padding holds NaN.
TEST(MultiHeadAttention, CausalOverLeftPaddingStartsAtTheFirstRealToken) {
  const MultiHeadAttention attention =
      built({.num_heads = 2, .pattern = AttentionPattern::causal()}, {4});
  const Tensor keep = test::bools({2, 4}, {0, 0, 1, 1, 1, 1, 1, 1});
  Tensor padded = test::Random(1).tensor({2, 4, 4});
  std::ranges::fill(padded.mutable_values<float>().first(8),
                    std::numeric_limits<float>::quiet_NaN());
  const RaggedTensor x = from_padded(padded, keep);
  const RaggedTensor out = attention(x);
  const RaggedTensor first(x.values().rows(0, 1),
                           RaggedLayout::from_lengths(std::array<int64_t, 1>{1}));
  test::expect_same_bits(autograd::detach(out.values()).rows(0, 1),
                         autograd::detach(attention(first).values()));
  const Tensor back = to_padded(out.with_values(autograd::detach(out.values())));
  for (const float value : back.values<float>()) EXPECT_TRUE(std::isfinite(value));
}

TEST(MultiHeadAttention, ACallsPatternNarrowsTheSetting) {
  const autograd::NoGradScope no_grad;
  const RaggedTensor x = tokens({5, 3}, 4);
  const MultiHeadAttention causal =
      built({.num_heads = 2, .pattern = AttentionPattern::causal()}, {4});
  const MultiHeadAttention full = built({.num_heads = 2}, {4});
  test::expect_same_bits(causal(x, AttentionPattern::window(1, 1)).values(),
                         full(x, AttentionPattern::window(1, 0)).values());
  // Two documents in one sequence are as two sequences.
  const RaggedTensor ids(test::tensor_of<int32_t>({8}, {0, 0, 1, 1, 1, 0, 0, 0}), x.layout());
  const RaggedTensor apart(x.values(), RaggedLayout::from_lengths(std::array<int64_t, 3>{2, 3, 3}));
  test::expect_close(full(x, AttentionPattern::segments(ids)).values(), full(apart).values(),
                     test::kF32);
}

TEST(MultiHeadAttention, QueryKeyAndValueMayAllDiffer) {
  const autograd::NoGradScope no_grad;
  const RaggedTensor query = tokens({3, 2}, 4), key = tokens({2, 5}, 4, 2);
  const MultiHeadAttention attention = built({.num_heads = 2}, {4});
  test::expect_same_bits(attention(query, key).values(), attention(query, key, key).values());
  // An order of its own in each: the keys' order is not seen.
  const RaggedTensor turned = ops::reverse_tokens(key);
  test::expect_close(attention(query, turned, turned).values(), attention(query, key).values(),
                     test::kF32);
  EXPECT_EQ(attention(query, key).layout(), query.layout());
}

TEST(MultiHeadAttention, ASumWithItsInputKeepsTheLayout) {
  const RaggedTensor x = tokens({3, 0, 2}, 4);
  const MultiHeadAttention attention = built({.num_heads = 2}, {4});
  EXPECT_EQ((x + attention(x)).layout(), x.layout());
  const Symbol in = input("x", Spec::ragged({4}));
  const Symbol sum = Add()(in, attention(in));
  EXPECT_EQ(sum.spec().layout, in.spec().layout);
  const Model model(in, sum);
  test::expect_same_bits(model(x).values(), (x + attention(x)).values());
}

TEST(MultiHeadAttention, IsPartOfModels) {
  const Sequential chain{MultiHeadAttention({.num_heads = 2}), Linear({.units = 3})};
  EXPECT_EQ(chain(tokens({3, 1}, 4)).ragged().values().dim(-1), 3);
  const Symbol query = input("query", Spec::ragged({4}));
  const Symbol key = input("key", Spec::ragged({3}));
  const Symbol value = input("value", Spec::ragged({2}), key);
  const Symbol out = MultiHeadAttention({.num_heads = 2})(query, key, value);
  EXPECT_EQ(to_string(out.spec()), "[T, 4] f32");
  EXPECT_EQ(out.spec().layout, query.spec().layout);
  const Model model({query, key, value}, {out});
  const RaggedTensor keys = tokens({2, 5}, 3);
  const std::array<Value, 3> inputs = {tokens({3, 1}, 4), keys,
                                       keys.with_values(test::Random(2).tensor({7, 2}))};
  EXPECT_EQ(model(inputs)[0].ragged().layout(), inputs[0].ragged().layout());
}

TEST(MultiHeadAttention, DropsWeightsInTrainingAlone) {
  const RaggedTensor x = tokens({9, 4}, 4);
  const Config config{.num_heads = 2, .dropout = 0.5, .seed = 7};
  const MultiHeadAttention attention = built(config, {4}), twin = built(config, {4});
  const Tensor plain = attention(x).values();
  test::expect_same_bits(attention(x).values(), plain);
  attention.train();
  twin.train();
  const Tensor first = attention(x).values(), second = attention(x).values();
  EXPECT_NE(test::list<float>(first), test::list<float>(plain));
  EXPECT_NE(test::list<float>(first), test::list<float>(second));
  test::expect_same_bits(twin(x).values(), first);
  test::expect_same_bits(twin(x).values(), second);
  attention.eval();
  test::expect_same_bits(attention(x).values(), plain);
}

TEST(MultiHeadAttention, SaysWhatDoesNotFit) {
  const RaggedTensor x = tokens({2, 1}, 6);
  test::expect_error<OptionError>([&] { MultiHeadAttention()(x); },
                                  "MultiHeadAttention: num_heads: expected 1 to 16777216, got 0");
  test::expect_error<ShapeError>(
      [&] { MultiHeadAttention({.num_heads = 4})(x); },
      "MultiHeadAttention: query: expected a width that 4 heads divide, since key_dim is not "
      "given, got 6");
  test::expect_error<OptionError>([] { MultiHeadAttention({.num_heads = 1, .dropout = 2}); },
                                  "Dropout: rate: expected 0 to 1, got 2");
  test::expect_error<OptionError>(
      [&] {
        const RaggedTensor ids(Tensor::zeros({3}, DType::i32), x.layout());
        MultiHeadAttention({.num_heads = 1, .pattern = AttentionPattern::segments(ids)});
      },
      "MultiHeadAttention: pattern: expected full, causal or a window as a setting, got a pattern "
      "for certain tokens; give it to the call");
  const MultiHeadAttention attention = built({.num_heads = 2}, {6});
  test::expect_error<LayoutError>(
      [&] {
        attention(x, tokens({2, 1, 3}, 6));
      },
      "attention: k: expected 2 sequences as in q, got 3");
  test::expect_error<LayoutError>(
      [&] {
        attention(x, tokens({2, 1}, 6), tokens({1, 2}, 6));
      },
      "attention: v: expected the keys' layout (B=2, T=3), got (B=2, T=3)");
  test::expect_error<ShapeError>(
      [&] {
        attention(x, tokens({2, 1}, 5));
      },
      "linear: x: expected [..., 6], got [3, 5]");
  const Value dense = Tensor::zeros({2, 6});
  test::expect_error<LayoutError>(
      [&] { attention.apply(std::span(&dense, 1)); },
      "MultiHeadAttention: input: expected tokens and their layout, got the dense [2, 6]; take its "
      "padding out first: Embedding, Masking or from_padded");
  const std::vector<Value> four(4, x);
  test::expect_error<ShapeError>([&] { attention.apply(four); },
                                 "MultiHeadAttention: inputs: expected 1 to 3, got 4");
}

}  // namespace
}  // namespace nopad::nn
