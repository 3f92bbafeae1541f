// A notebook about padding in PyTorch and transformers, cell by cell. Weights and expected values are
// those that PyTorch gave; the first argument is the folder that they lie in. A BERT of width 48 with
// random weights stands for the notebook's bert-base-uncased.
#include <string>
#include <vector>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/io/model_config.h"
#include "nopad/models/encoder.h"
#include "nopad/nn/linear.h"
#include "nopad/nn/lstm.h"
#include "nopad/ops/arithmetic.h"
#include "nopad/ops/attention.h"
#include "nopad/ops/rearrange.h"
#include "nopad/ops/reduce.h"
#include "nopad/ops/select.h"
#include "nopad/ragged/convert.h"
#include "nopad/text/tokenizer.h"
#include "notebook.h"

namespace nopad::examples {
namespace {

constexpr int64_t kWidth = 48;

// A padded batch of ids, and which of them are tokens.
struct Batch {
  Tensor text_to_id;  // [B, L]
  Tensor keep;        // [B, L]
};

// Cells 8 to 12.
Batch tokenize(Notebook& notebook, const text::Tokenizer& tokenizer) {
  notebook.cell("8 to 10", "text_token_list and text_to_id");
  std::vector<Tensor> ids;
  for (const std::string text : {"hello boy", "i am a fish"}) {
    const text::Encoding encoding =
        tokenizer.encode("[CLS]" + text + "[SEP]", {.add_frame = false});
    std::string tokens;
    for (const int32_t id : encoding.ids) {
      tokens += (tokens.empty() ? "" : " ") + std::string(tokenizer.token(id));
    }
    notebook.say(tokens);
    ids.push_back(Tensor::from_values<int32_t>(encoding.ids, {std::ssize(encoding.ids)}));
    notebook.show(ids.back());
  }
  notebook.cell("11", "data_length and pad_sequence");
  const RaggedLayout layout = from_sequences(ids).layout();
  notebook.show(layout.lengths(), "tokens.data_length");
  const Tensor text_to_id = pad_sequence(ids, {.batch_first = true});
  notebook.show(text_to_id, "tokens.text_to_id");
  notebook.cell("12", "att, the mask that transformers takes");
  notebook.show(hf_attention_mask_from_keep(layout.keep()), "tokens.att");
  return {text_to_id, layout.keep()};
}

// Cells 18 to 21.
RaggedTensor run_bert(Notebook& notebook, const std::filesystem::path& directory,
                      const Batch& batch) {
  const auto config = models::encoder_config(io::ModelConfig::load(directory / "config.json"));
  const auto weights = models::open_weights(directory, config);
  const auto bert_model = models::Encoder::load(config, *weights, nn::Compute::f32);
  notebook.cell("18", "bert_model: tokens in, tokens out, and no mask to hand over");
  RaggedTensor bert_output = bert_model(from_padded(batch.text_to_id, batch.keep));
  notebook.show(bert_output, "bert.bert_output");
  notebook.say(
      "In PyTorch the rows 4 and 5 of the first text are not zero, and wait to be masked.\n"
      "Here there are no such rows; to_padded, which shows them, fills them in.");
  notebook.cell("19 to 21", "the sizes that are left: tokens and features");
  notebook.show(bert_output.values());
  return bert_output;
}

// Cells 27 to 78.
RaggedTensor run_linear(Notebook& notebook, const RaggedTensor& bert_output, const Tensor& keep) {
  const nn::Linear linear_model =
      nn::Linear::load(notebook.recording(), "linear.weights", kWidth, 1, nn::Compute::f32);
  notebook.cell("27 to 29", "linear_output");
  RaggedTensor linear_output = linear_model(bert_output);
  notebook.show(linear_output, "linear.linear_output");

  notebook.cell("33", "att.unsqueeze(-1)");
  const Tensor att = hf_attention_mask_from_keep(keep);
  notebook.show(ops::expand_dims(att, -1));
  notebook.cell("54 to 57", "att_mask.byte()");
  const Tensor wide = ops::tile(ops::expand_dims(att, 1), {1, kWidth, 1});
  const Tensor att_mask = ops::equal(ops::transpose(wide, {0, 2, 1}), 0);
  notebook.show(att_mask.to(DType::u8), "linear.att_mask");
  notebook.cell("65 and 66", "masked_fill");
  const Tensor padded = to_padded(bert_output);
  try {
    ops::masked_fill(padded, att_mask.to(DType::u8), 0);
    notebook.say("took bytes");
  } catch (const DTypeError& error) {
    notebook.say(std::string("with .byte(), which today's PyTorch refuses as well:\n") +
                 error.what() + "\nMended here: the mask is bool.");
  }
  const Tensor masked_bert_output = ops::masked_fill(padded, att_mask, 0);
  notebook.show(masked_bert_output, "linear.masked_bert_output");

  notebook.cell("67 to 78", "masked_linear_output: of padding, the bias; of tokens, what it was");
  const Tensor masked_linear_output = linear_model(masked_bert_output);
  notebook.show(masked_linear_output, "linear.masked_linear_output");
  const auto of_tokens = from_padded(masked_linear_output, keep).values();
  notebook.say("how far the tokens' rows are apart:");
  notebook.show(Notebook::largest_difference(of_tokens, linear_output.values()));
  return linear_output;
}

// Cells 81 and 82.
void run_minimum(Notebook& notebook, const RaggedTensor& linear_output) {
  notebook.cell("81", "min over features: each token by itself, so padding does no harm");
  notebook.show(linear_output.with_values(ops::min(linear_output.values(), -1)),
                "minimum.over_features.values");
  notebook.show(linear_output.with_values(ops::argmin(linear_output.values(), -1)),
                "minimum.over_features.indices");
  notebook.cell("82", "min over time, of what PyTorch has in the padding as well");
  const Tensor with_padding = notebook.recorded("linear.linear_output");
  notebook.show(ops::min(with_padding, 1), "minimum.over_time_with_padding.values");
  notebook.show(ops::argmin(with_padding, 1), "minimum.over_time_with_padding.indices");
  notebook.say("and of the tokens alone:");
  const ops::TokenExtremum lowest = ops::argmin_over_tokens(linear_output);
  notebook.show(lowest.values, "minimum.over_time.values");
  notebook.show(lowest.columns, "minimum.over_time.indices");
}

// What cell 84 hands to the LSTM.
void pack(Notebook& notebook, const RaggedTensor& bert_output) {
  notebook.cell("84", "pack_padded_sequence");
  const Tensor padded = to_padded(bert_output);
  const std::vector<int64_t> lengths{4, 6};
  try {
    pack_padded_sequence(padded, lengths, {.batch_first = true});
    notebook.say("packed");
  } catch (const LayoutError& error) {
    notebook.say(error.what());
  }
  const PackedSequence packed =
      pack_padded_sequence(padded, lengths, {.batch_first = true, .enforce_sorted = false});
  const auto show = [&](std::string_view name, const std::vector<int64_t>& values) {
    notebook.say(name);
    notebook.show(Tensor::from_values<int64_t>(values, {std::ssize(values)}),
                  "lstm.packed." + std::string(name));
  };
  notebook.say("with enforce_sorted=False; data:");
  notebook.show(packed.data, "lstm.packed.data");
  show("batch_sizes", packed.batch_sizes);
  show("sorted_indices", packed.sorted_indices);
  show("unsorted_indices", packed.unsorted_indices);
}

// Cell 83, over tokens. Nobody sorts, packs or unpacks.
void run_lstm(Notebook& notebook, const RaggedTensor& bert_output) {
  notebook.cell("83", "LSTM");
  const nn::LSTM lstm({.units = 50, .bidirectional = true});
  lstm.load_pytorch(notebook.recording(), "lstm.weights");
  const auto [output, h_n, c_n] = lstm(bert_output);
  notebook.show(output, "lstm.output");
  notebook.compare(to_packed(output).data, notebook.recorded("lstm.packed_output"),
                   "packed output");
  notebook.say("h_n and c_n, each text's own:");
  notebook.show(h_n, "lstm.h_n");
  notebook.show(c_n, "lstm.c_n");
  notebook.say("how far PyTorch is from it where the padding was left in, forward and backward:");
  const Tensor with_padding =
      from_padded(notebook.recorded("lstm.output_with_padding"), output.layout().keep()).values();
  const std::vector<Tensor> ours = ops::split(output.values(), 2, -1);
  const std::vector<Tensor> theirs = ops::split(with_padding, 2, -1);
  for (size_t i = 0; i < 2; ++i) {
    notebook.show(Notebook::largest_difference(ours[i], theirs[i]));
  }
}

// What the notebook set out to learn: which mask does attention want where Q != K = V?
void run_cross_attention(Notebook& notebook, const RaggedTensor& bert_output) {
  notebook.cell(" ", "Q != K = V: the texts attend to one another, queries 4 and 6, keys 6 and 4");
  const RaggedTensor keys =
      from_sequences(std::vector<Tensor>{bert_output.sequence(1), bert_output.sequence(0)});
  const RaggedTensor out = ops::attention(bert_output, keys, keys, {.num_heads = 4});
  notebook.show(out);
  notebook.say("the mask that PyTorch would want is the keys', true = ignore:");
  notebook.show(torch_key_padding_mask_from_keep(keys.layout().keep()));
  const auto alone = [](const Tensor& sequence) { return from_sequences(std::vector{sequence}); };
  const RaggedTensor first_key = alone(keys.sequence(0));
  const RaggedTensor first =
      ops::attention(alone(bert_output.sequence(0)), first_key, first_key, {.num_heads = 4});
  notebook.say("how far the first pair is from the first pair alone:");
  notebook.show(Notebook::largest_difference(first.values(), out.sequence(0)));
}

int run(const std::filesystem::path& folder) {
  const autograd::NoGradScope inference;
  Notebook notebook(folder / "pytorch.safetensors");
  notebook.heading("embedding");
  const Batch batch = tokenize(notebook, text::Tokenizer::load(folder / "bert"));
  const RaggedTensor bert_output = run_bert(notebook, folder / "bert", batch);
  notebook.heading("linear");
  const RaggedTensor linear_output = run_linear(notebook, bert_output, batch.keep);
  notebook.heading("max and min");
  run_minimum(notebook, linear_output);
  notebook.heading("RNN");
  pack(notebook, bert_output);
  run_lstm(notebook, bert_output);
  notebook.heading("cross-attention");
  run_cross_attention(notebook, bert_output);
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
