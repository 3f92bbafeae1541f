#include "nopad/nn/transformer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "expect_error.h"
#include "nn/layer_gradients.h"
#include "nn/recorded_border.h"
#include "nn/recorded_layer.h"
#include "nopad/core/error.h"
#include "nopad/nn/model.h"
#include "nopad/nn/sequential.h"
#include "nopad/ops/tokens.h"
#include "nopad/ragged/convert.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad::nn {
namespace {

using test::RecordedCase;
using Encoder = TransformerEncoderLayer;
using Decoder = TransformerDecoderLayer;

// As the recordings have them.
constexpr int64_t kWidth = 6, kHeads = 2, kInner = 7;
const Encoder::Config kEncoder{
    .hidden_size = kWidth, .num_heads = kHeads, .intermediate_size = kInner};
const Decoder::Config kDecoder{
    .hidden_size = kWidth, .num_heads = kHeads, .intermediate_size = kInner};

RaggedTensor tokens(const std::vector<int64_t>& lengths, int64_t width = kWidth,
                    uint64_t seed = 1) {
  const RaggedLayout layout = RaggedLayout::from_lengths(lengths);
  return {test::Random(seed).tensor({layout.num_tokens(), width}), layout};
}

// Random biases and norms, so that a forgotten one shows.
template <class L>
L built(const typename L::Config& config, size_t num_inputs) {
  const SeedScope seed(3);
  const L layer(config);
  const std::vector<Spec> specs(num_inputs, Spec::ragged({config.hidden_size}));
  layer.build(specs);
  test::Random random(5);
  for (const auto& [name, parameter] : layer.parameters()) {
    if (parameter->rank() == 1) parameter.assign(random.tensor(parameter->shape(), 0.2f, 1));
  }
  return layer;
}
Encoder encoder(const Encoder::Config& config = kEncoder) { return built<Encoder>(config, 1); }
Decoder decoder(const Decoder::Config& config = kDecoder) { return built<Decoder>(config, 2); }

Encoder::Config with(Encoder::Config config, Activation activation, bool norm_first) {
  config.activation = activation;
  config.norm_first = norm_first;
  return config;
}

const auto load = [](const Layer& layer, const WeightSource& source) { layer.load(source); };

TEST(TransformerEncoderLayer, EqualsPyTorch) {
  for (const bool norm_first : {false, true}) {
    for (const Activation activation : {Activation::relu, Activation::gelu}) {
      const std::string name =
          concat("encoder_layer_", norm_first ? "pre_" : "post_", to_string(activation));
      SCOPED_TRACE(name);
      const Encoder::Config config = with(kEncoder, activation, norm_first);
      test::expect_as_recorded(encoder(config), encoder(config),
                               RecordedCase("layers/torch_transformer", name), {}, load);
    }
  }
}

TEST(TransformerEncoderLayer, EqualsPyTorchWhenCausal) {
  Encoder::Config config = kEncoder;
  config.pattern = AttentionPattern::causal();
  const RecordedCase recorded("layers/torch_transformer", "encoder_layer_causal");
  test::expect_as_recorded(encoder(config), encoder(config), recorded, {}, load);
  // The same by the pattern of a call.
  const Encoder layer = encoder();
  layer.load(recorded.weights());
  const RaggedTensor out = layer(recorded.ragged("input"), AttentionPattern::causal());
  test::expect_close(autograd::detach(out.values()), recorded.ragged("output").values(),
                     test::kRecorded);
}

TEST(TransformerEncoderLayer, AStackEqualsPyTorchsEncoder) {
  const auto make = [] {
    const Sequential stack{encoder(), encoder(), LayerNorm()};
    stack.build(Spec::ragged({kWidth}));
    return stack;
  };
  test::expect_as_recorded(make(), make(), RecordedCase("layers/torch_transformer", "encoder"), {},
                           [](const Sequential& stack, const WeightSource& source) {
                             stack.layer(0).load(source, "layers.0");
                             stack.layer(1).load(source, "layers.1");
                             stack.layer(2).load(source, "norm");
                           });
}

// The frozen form, too, gives what PyTorch gives.
TEST(TransformerEncoderLayer, FrozenEqualsPyTorch) {
  for (const bool norm_first : {false, true}) {
    const RecordedCase recorded("layers/torch_transformer",
                                norm_first ? "encoder_layer_pre_gelu" : "encoder_layer_post_gelu");
    const Encoder layer = encoder(with(kEncoder, Activation::gelu, norm_first));
    layer.load(recorded.weights());
    const RaggedTensor out = layer.freeze(Compute::f32)(recorded.ragged("input"));
    test::expect_close(out.values(), recorded.ragged("output").values(), test::kRecorded);
  }
}

TEST(TransformerEncoderLayer, FreezingChangesNothingButTheForm) {
  // More tokens than the feed-forward network takes at a time.
  const RaggedTensor x = tokens({700, 0, 1, 500}, 16);
  for (const bool norm_first : {false, true}) {
    for (const bool use_bias : {true, false}) {
      const Encoder layer = encoder({.hidden_size = 16,
                                     .num_heads = 4,
                                     .intermediate_size = 32,
                                     .activation = Activation::gelu,
                                     .norm_first = norm_first,
                                     .use_bias = use_bias,
                                     .pattern = AttentionPattern::window(100, 3)});
      const Tensor before = autograd::detach(layer(x).values());
      const Encoder frozen = layer.freeze(Compute::f32);
      test::expect_close(frozen(x).values(), before, {1e-5, 1e-5});
      EXPECT_TRUE(frozen.parameters().empty());
      // A call's pattern narrows both alike.
      const AttentionPattern causal = AttentionPattern::causal();
      test::expect_close(frozen(x, causal).values(), autograd::detach(layer(x, causal).values()),
                         {1e-5, 1e-5});
      // Training the layer on leaves the frozen one alone.
      const Tensor was = frozen(x).values();
      for (const auto& [name, parameter] : layer.parameters()) {
        parameter.assign(test::Random(8).tensor(parameter->shape()));
      }
      test::expect_same_bits(frozen(x).values(), was);
    }
  }
}

// Settings that nobody wants to know.
class NoReader final : public ConfigVisitor {
 public:
  void field(std::string_view, bool&) override {}
  void field(std::string_view, int64_t&) override {}
  void field(std::string_view, double&) override {}
  void field(std::string_view, std::string&) override {}
  void field(std::string_view, std::vector<int64_t>&) override {}
  void field(std::string_view, std::shared_ptr<const Layer>&) override {}
  void field(std::string_view, std::vector<std::shared_ptr<const Layer>>&) override {}
  void choice(std::string_view, int&, std::span<const std::string_view>) override {}
};

TEST(TransformerEncoderLayer, AFrozenOneCanNeitherBeTrainedNorFrozenNorSaved) {
  Encoder frozen = encoder().freeze(Compute::f32);
  test::expect_error<OptionError>(
      [&] { frozen.freeze(Compute::f32); },
      "TransformerEncoderLayer: freeze: expected a trained layer, got a frozen one");
  test::expect_error<OptionError>(
      [&] {
        NoReader reader;
        frozen.visit_config(reader);
      },
      "TransformerEncoderLayer: config: expected a trained layer, got a frozen one, whose weights "
      "can't be saved; save the layer that was frozen");
  frozen.train();
  test::expect_error<OptionError>(
      [&] { frozen(tokens({2})); },
      "TransformerEncoderLayer: training: expected parameters, got weights packed for inference; "
      "train the layer that was frozen");
}

TEST(TransformerEncoderLayer, GradientsAgreeWithDifferences) {
  const RaggedTensor x = tokens({3, 0, 1}, 4);
  for (const bool norm_first : {false, true}) {
    test::expect_layer_gradients(encoder({.hidden_size = 4,
                                          .num_heads = 2,
                                          .intermediate_size = 3,
                                          .activation = Activation::gelu,
                                          .norm_first = norm_first}),
                                 {x});
  }
}

TEST(TransformerEncoderLayer, ASequenceInABatchIsTheSequenceAlone) {
  const autograd::NoGradScope no_grad;
  const RaggedTensor x = tokens({3, 0, 1, 17, 8}, 24);
  const Encoder layer = encoder({.hidden_size = 24, .num_heads = 3, .intermediate_size = 33});
  const Encoder frozen = layer.freeze(Compute::f32);
  test::expect_batch_equals_alone([&](const RaggedTensor& batch) { return layer(batch); }, x);
  test::expect_batch_equals_alone([&](const RaggedTensor& batch) { return frozen(batch); }, x);
}

TEST(TransformerEncoderLayer, CausalOverLeftPaddingStartsAtTheFirstRealToken) {
  const autograd::NoGradScope no_grad;
  Encoder::Config config = kEncoder;
  config.pattern = AttentionPattern::causal();
  const Encoder trained = encoder(config);
  const Tensor keep = test::bools({2, 4}, {0, 0, 1, 1, 1, 1, 1, 1});
  Tensor padded = test::Random(1).tensor({2, 4, kWidth});
  std::ranges::fill(padded.mutable_values<float>().first(2 * kWidth),
                    std::numeric_limits<float>::quiet_NaN());
  const RaggedTensor x = from_padded(padded, keep);
  for (const Encoder& layer : {trained, trained.freeze(Compute::f32)}) {
    const RaggedTensor out = layer(x);
    const RaggedTensor first(x.values().rows(0, 1),
                             RaggedLayout::from_lengths(std::array<int64_t, 1>{1}));
    test::expect_same_bits(out.values().rows(0, 1), layer(first).values());
    for (const float value : out.values().values<float>()) EXPECT_TRUE(std::isfinite(value));
    EXPECT_EQ(test::list<bool>(out.layout().keep()), test::list<bool>(keep));
  }
}

TEST(TransformerEncoderLayer, NoTokensGiveNoRowsAndZeroGradients) {
  for (const std::vector<int64_t>& lengths : {std::vector<int64_t>{}, {0, 0}}) {
    const Encoder layer = encoder();
    const RaggedTensor out = layer(tokens(lengths));
    EXPECT_EQ(out.values().shape(), (Shape{0, kWidth}));
    const auto gradients = autograd::backward(out.values(), Tensor::zeros({0, kWidth}));
    for (const auto& [name, parameter] : layer.parameters()) {
      test::expect_same_bits(gradients.of(*parameter), Tensor::zeros(parameter->shape()));
    }
    EXPECT_EQ(layer.freeze(Compute::f32)(tokens(lengths)).values().shape(), (Shape{0, kWidth}));
  }
}

TEST(TransformerEncoderLayer, DropsInTrainingAlone) {
  const RaggedTensor x = tokens({9, 4});
  const Encoder layer = encoder();
  const Tensor plain = layer(x).values();
  layer.train();
  const Tensor first = layer(x).values();
  EXPECT_NE(test::list<float>(first), test::list<float>(plain));
  EXPECT_NE(test::list<float>(layer(x).values()), test::list<float>(first));
  layer.eval();
  test::expect_same_bits(layer(x).values(), plain);
  // All dropped: what is left is the residual.
  Encoder::Config config = kEncoder;
  config.norm_first = true;
  config.dropout = 1;
  const Encoder nothing = encoder(config);
  nothing.train();
  test::expect_same_bits(nothing(x).values(), x.values());
}

TEST(TransformerEncoderLayer, IsPartOfModels) {
  const Symbol x = input("x", Spec::ragged({kWidth}));
  const Symbol out = encoder()(x);
  EXPECT_EQ(to_string(out.spec()), "[T, 6] f32");
  EXPECT_EQ(out.spec().layout, x.spec().layout);
  const Model frozen(x, encoder().freeze(Compute::f32)(x));
  EXPECT_EQ(frozen(tokens({2, 3})).ragged().layout(), tokens({2, 3}).layout());
}

TEST(TransformerEncoderLayer, SaysWhatDoesNotFit) {
  test::expect_error<OptionError>(
      [] { Encoder()(tokens({2})); },
      "TransformerEncoderLayer: hidden_size, intermediate_size: expected 1 or more, got 0 and 0");
  test::expect_error<ShapeError>([] { Encoder{kEncoder}(tokens({2}, 5)); },
                                 "TransformerEncoderLayer: x: expected [T, 6], got [T, 5] f32");
  test::expect_error<ShapeError>(
      [] { Encoder({.hidden_size = 6, .num_heads = 4, .intermediate_size = 7})(tokens({2})); },
      "MultiHeadAttention: query: expected a width that 4 heads divide, since key_dim is not "
      "given, got 6");
  const RaggedTensor ids(Tensor::zeros({2}, DType::i32), tokens({2}).layout());
  test::expect_error<OptionError>(
      [&] { Encoder({.hidden_size = 6, .pattern = AttentionPattern::segments(ids)}); },
      "TransformerEncoderLayer: pattern: expected full, causal or a window as a setting, got a "
      "pattern for certain tokens; give it to the call");
}

TEST(TransformerDecoderLayer, EqualsPyTorch) {
  for (const bool norm_first : {false, true}) {
    const RecordedCase recorded("layers/torch_transformer",
                                norm_first ? "decoder_layer_pre" : "decoder_layer_post");
    Decoder::Config config = kDecoder;
    config.norm_first = norm_first;
    const Decoder layer = decoder(config);
    const Tensor keep = recorded.tensor("memory_keep");
    // The memory's padding is taken out inside, since its grid is another one.
    const test::RecordedCall call{
        .inputs = {"input", "memory"}, .call = [&](std::span<const Value> values) {
          const std::array<Value, 2> inputs = {values[0], take_tokens(values[1].dense(), keep)};
          return layer.apply(inputs);
        }};
    test::expect_as_recorded(layer, decoder(config), recorded, call, load);
  }
}

TEST(TransformerDecoderLayer, GradientsAgreeWithDifferences) {
  const RaggedTensor x = tokens({3, 0, 1, 2}, 4), memory = tokens({2, 3, 0, 4}, 4, 2);
  for (const bool norm_first : {false, true}) {
    test::expect_layer_gradients(decoder({.hidden_size = 4,
                                          .num_heads = 2,
                                          .intermediate_size = 3,
                                          .activation = Activation::gelu,
                                          .norm_first = norm_first}),
                                 {x, memory});
  }
}

TEST(TransformerDecoderLayer, SeesNothingThatComesLater) {
  const autograd::NoGradScope no_grad;
  const Decoder layer = decoder();
  const RaggedTensor x = tokens({5}), memory = tokens({7}, kWidth, 2);
  const RaggedTensor begin = ops::slice_columns(x, 0, 3);
  test::expect_same_bits(layer(x, memory).values().rows(0, 3), layer(begin, memory).values());
  Decoder::Config config = kDecoder;
  config.pattern = AttentionPattern::full();
  const Decoder open = decoder(config);
  open.build(std::vector<Spec>(2, Spec::ragged({kWidth})));
  EXPECT_NE(test::list<float>(open(x, memory).values().rows(0, 3)),
            test::list<float>(open(begin, memory).values()));
  test::expect_same_bits(open(x, memory, AttentionPattern::causal()).values(),
                         layer(x, memory).values());
  // Of the memory the first three tokens alone.
  test::expect_same_bits(
      layer(begin, memory, AttentionPattern::full(), AttentionPattern::window(2, 0)).values(),
      layer(begin, ops::slice_columns(memory, 0, 3), AttentionPattern::full(),
            AttentionPattern::window(2, 0))
          .values());
}

TEST(TransformerDecoderLayer, ASequenceInABatchIsTheSequenceAlone) {
  const autograd::NoGradScope no_grad;
  const Decoder layer = decoder({.hidden_size = 24, .num_heads = 3, .intermediate_size = 33});
  test::expect_batch_equals_alone(
      [&](const RaggedTensor& batch) {
        return layer(batch, ops::concat_tokens(batch, ops::reverse_tokens(batch)));
      },
      tokens({3, 0, 1, 17, 8}, 24));
}

TEST(TransformerDecoderLayer, NoTokensGiveNoRowsAndZeroGradients) {
  for (const std::vector<int64_t>& lengths : {std::vector<int64_t>{}, {0, 0}}) {
    const Decoder layer = decoder();
    const RaggedTensor out = layer(tokens(lengths), tokens(lengths));
    EXPECT_EQ(out.values().shape(), (Shape{0, kWidth}));
    const auto gradients = autograd::backward(out.values(), Tensor::zeros({0, kWidth}));
    for (const auto& [name, parameter] : layer.parameters()) {
      test::expect_same_bits(gradients.of(*parameter), Tensor::zeros(parameter->shape()));
    }
  }
}

TEST(TransformerDecoderLayer, IsPartOfModels) {
  const Symbol x = input("x", Spec::ragged({kWidth}));
  const Symbol memory = input("memory", Spec::ragged({kWidth}));
  const Symbol out = decoder()(x, encoder()(memory));
  EXPECT_EQ(out.spec().layout, x.spec().layout);
  const Model model({x, memory}, {out});
  const std::array<Value, 2> inputs = {tokens({3, 1}), tokens({2, 5})};
  EXPECT_EQ(model(inputs)[0].ragged().layout(), inputs[0].ragged().layout());
}

TEST(TransformerDecoderLayer, SaysWhatDoesNotFit) {
  test::expect_error<ShapeError>(
      [] { Decoder{kDecoder}(tokens({2}), tokens({2}, 5)); },
      "TransformerDecoderLayer: memory: expected [T, 6], got [T, 5] f32");
  test::expect_error<LayoutError>(
      [] {
        decoder()(tokens({2}), tokens({1, 1}));
      },
      "attention: k: expected 1 sequences as in q, got 2");
  const Value alone = tokens({2});
  test::expect_error<ShapeError>([&] { decoder().apply(std::span(&alone, 1)); },
                                 "TransformerDecoderLayer: inputs: expected 2, got 1");
}

}  // namespace
}  // namespace nopad::nn
