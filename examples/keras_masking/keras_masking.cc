// A notebook about masks in Keras, cell by cell. Weights and expected values are those that Keras
// gave; the first argument is the folder that they lie in.
#include "custom_layers.h"

#include <cmath>
#include <string>
#include <vector>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/nn/masking.h"
#include "nopad/nn/model.h"
#include "nopad/nn/pooling.h"
#include "nopad/nn/sequential.h"
#include "nopad/ops/attention.h"
#include "nopad/ops/matmul.h"
#include "nopad/ops/operators.h"
#include "nopad/ops/rearrange.h"
#include "nopad/ops/softmax.h"
#include "nopad/ragged/convert.h"
#include "notebook.h"

namespace nopad::examples {
namespace {

// Cell 12. From here on the batch is padded, and zeros are padding.
Tensor pad(Notebook& notebook) {
  notebook.cell("12", "pad_sequences");
  Tensor padded_inputs =
      pad_sequences({{83, 91, 1, 645, 1253, 927}, {73, 8, 3215, 55, 927}, {711, 632, 71}},
                    {.padding = Side::right});
  notebook.show(padded_inputs, "models.padded_inputs");
  return padded_inputs;
}

// Cells 4, 16 and 17: a mask is made once and follows the values.
void run_models(Notebook& notebook, const Tensor& padded_inputs) {
  const std::string weights = "models.weights.";
  const nn::Embedding embedding({.vocab = 5000, .dim = 16, .mask_zero = true});
  const nn::LSTM lstm({.units = 32});
  embedding.load_keras(notebook.recording(), weights + "embedding");
  lstm.load_keras(notebook.recording(), weights + "lstm");

  notebook.cell("4", "the mask that Embedding makes");
  const RaggedTensor masked_output = embedding(padded_inputs);
  notebook.show(masked_output.layout().keep(), "models.embedding_mask");
  notebook.say("its output, from which padding is gone:");
  notebook.show(masked_output, "models.masked_output");

  notebook.cell("16", "Sequential");
  const nn::Sequential sequential{embedding, lstm};
  notebook.show(sequential(padded_inputs).dense(), "models.sequential_output");
  const std::string summary = to_string(sequential.summary());
  notebook.say(summary.substr(0, summary.rfind('\n')));

  notebook.cell(" ", "the functional model");
  const nn::Symbol inputs = nn::input("inputs", nn::Spec::dense({nn::kAny}, DType::i32));
  const nn::Model functional(inputs, lstm(embedding(inputs)));
  notebook.show(functional(padded_inputs).dense(), "models.functional_output");

  notebook.cell("17", "MyLayer");
  const MyLayer layer;
  layer.load_keras(notebook.recording(), weights);
  notebook.show(layer(notebook.recorded("models.my_layer_inputs")), "models.my_layer_output");
}

// Cells 13 and 23: the mask that Masking makes of a batch of features.
RaggedTensor mask_features(Notebook& notebook, const Tensor& padded_inputs) {
  notebook.cell("13", "the mask that Masking makes");
  const Tensor unmasked_embedding =
      ops::tile(ops::expand_dims(padded_inputs, -1), {1, 1, 10}).to(DType::f32);
  RaggedTensor masked_embedding = nn::Masking()(unmasked_embedding);
  notebook.show(masked_embedding.layout().keep(), "custom_layers.masking_mask");
  notebook.cell("23", "masked_embedding");
  notebook.show(masked_embedding, "custom_layers.masked_embedding");
  return masked_embedding;
}

// Cell 32: Keras builds it, and gives the first half the mask of the whole.
void build_default(Notebook& notebook, const RaggedTensor& masked_embedding) {
  notebook.cell("32", "Default, the broken layer");
  const nn::Symbol x = nn::input("x", nn::Spec::of(masked_embedding));
  try {
    Default()(x);
    notebook.say("was built");
  } catch (const LayoutError& error) {
    notebook.say(std::string("does not build: ") + error.what());
  }
}

// Cells 34 and 37, and the layer that takes the mask.
void run_custom_layers(Notebook& notebook, const RaggedTensor& masked_embedding) {
  notebook.cell("34", "TemporalSplit");
  const std::vector<RaggedTensor> halves = TemporalSplit()(masked_embedding);
  notebook.show(halves[0].layout().keep(), "custom_layers.first_half_mask");
  notebook.show(halves[1].layout().keep(), "custom_layers.second_half_mask");
  notebook.compare(to_padded(halves[0]), notebook.recorded("custom_layers.first_half"),
                   "first half");
  notebook.compare(to_padded(halves[1]), notebook.recorded("custom_layers.second_half"),
                   "second half");
  notebook.say("the second half's mean; Keras gives NaN where nothing is left:");
  notebook.show(nn::GlobalAveragePooling1D()(halves[1]));

  notebook.cell("37", "CustomEmbedding");
  const Tensor ids = notebook.recorded("custom_layers.custom_embedding_inputs");
  const CustomEmbedding layer({.input_dim = 10, .output_dim = 32, .mask_zero = true});
  const nn::Spec spec = nn::Spec::of(ids);
  layer.build({&spec, 1});
  layer.parameters()[0].parameter.assign(notebook.recorded("custom_layers.custom_embedding_table"));
  const RaggedTensor y = layer(ids);
  notebook.show(y.layout().keep(), "custom_layers.custom_embedding_mask");
  notebook.show(y, "custom_layers.custom_embedding_output");

  notebook.cell(" ", "MaskConsumer: the number of real tokens");
  notebook.show(MaskConsumer()(masked_embedding));
  notebook.compare(masked_embedding.layout().keep(),
                   notebook.recorded("custom_layers.mask_consumer_mask"), "mask_consumer_mask");
}

struct Attention {
  Tensor output, weights;
};

// Cell 40, over a padded batch: [B, H, L, K], and 1 = hidden in the mask.
Attention scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                       const Tensor* hidden) {
  Tensor scores =
      ops::matmul(q, k, {.transpose_b = true}) / std::sqrt(static_cast<double>(k.dim(-1)));
  if (hidden != nullptr) scores = scores + *hidden * -1e9;
  const Tensor weights = ops::softmax(scores);
  return {ops::matmul(weights, v), weights};
}

// The same rows as tokens: [B, H, L, K] to [T, H K].
RaggedTensor to_tokens(const Tensor& heads, const Tensor& keep) {
  const Tensor by_token = ops::transpose(heads, {0, 2, 1, 3});
  return from_padded(ops::reshape(by_token, {heads.dim(0), heads.dim(2), -1}), keep);
}

struct MaskedAttention {
  std::string name;      // as recorded
  const Tensor* hidden;  // the notebook's mask
  const Tensor* keys;    // which keys are tokens
  AttentionPattern pattern;
};

// Cells 40 to 42: attention with the notebook's masks, and with none.
void run_attention(Notebook& notebook) {
  notebook.cell("42", "create_padding_mask");
  const Tensor padding = create_padding_mask(notebook.recorded("attention.seq"));
  notebook.show(padding, "attention.padding_mask");
  notebook.cell("41", "create_look_ahead_mask");
  const Tensor look_ahead = create_look_ahead_mask(3);
  notebook.show(look_ahead, "attention.look_ahead_mask");

  notebook.cell("40", "scaled_dot_product_attention");
  notebook.say(
      "The notebook adds its mask to `scaled_score`, which it never sets, and softmax reads\n"
      "another variable. Mended here: the mask is added to the scores that softmax reads.");
  const Tensor q = notebook.recorded("attention.q"), k = notebook.recorded("attention.k"),
               v = notebook.recorded("attention.v");
  const Tensor both = ops::maximum(padding, look_ahead);
  const Tensor real = keep_from_tf_padding_mask(padding);
  const Tensor all = RaggedLayout::from_lengths(std::vector<int64_t>{3, 3, 3}).keep();
  const std::vector<MaskedAttention> masks{
      {"none", nullptr, &all, AttentionPattern::full()},
      {"padding", &padding, &real, AttentionPattern::full()},
      {"look_ahead", &look_ahead, &all, AttentionPattern::causal()},
      {"both", &both, &real, AttentionPattern::causal()}};
  for (const auto& [name, hidden, keys, pattern] : masks) {
    const std::string recorded = "attention.attention_" + name;
    const Attention padded = scaled_dot_product_attention(q, k, v, hidden);
    notebook.say("weights, mask " + name + ":");
    notebook.show(padded.weights, recorded + ".weights");
    notebook.compare(padded.output, notebook.recorded(recorded + ".output"), name);
    // Without any mask: the keys are those that exist, and who may see whom is a rule.
    const RaggedTensor tokens =
        ops::attention(to_tokens(q, all), to_tokens(k, *keys), to_tokens(v, *keys),
                       {.num_heads = 2, .pattern = pattern});
    notebook.compare(tokens.values(),
                     to_tokens(notebook.recorded(recorded + ".output"), all).values(),
                     name + ", over tokens");
  }
}

int run(const std::filesystem::path& folder) {
  const autograd::NoGradScope inference;
  Notebook notebook(folder / "keras.safetensors");
  notebook.heading("padding and the masks it needs");
  const Tensor padded_inputs = pad(notebook);
  run_models(notebook, padded_inputs);
  notebook.heading("layers of one's own");
  const RaggedTensor masked_embedding = mask_features(notebook, padded_inputs);
  build_default(notebook, masked_embedding);
  run_custom_layers(notebook, masked_embedding);
  notebook.heading("masks in attention");
  run_attention(notebook);
  return notebook.finish();
}

}  // namespace
}  // namespace nopad::examples

int main(int argc, char** argv) {
  try {
    return nopad::examples::run(argc > 1 ? argv[1] : "tests/data/notebooks");
  } catch (const nopad::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
