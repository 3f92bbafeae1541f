// What a notebook does with BertForPreTraining, RobertaForMaskedLM, RobertaModel and AlbertModel: loads
// each, prints what its checkpoint lacks, and looks at hidden states, masked words and sentence pairs.
//
// pretrained BERT ROBERTA_MASKED_LM ROBERTA ALBERT [IDS IDS]
// Each of the first four is a model directory. Directories without a tokenizer take the token ids of
// two texts instead, such as 2,7,4,3; the second token is then the one to predict.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/core/error.h"
#include "nopad/models/encoder.h"
#include "nopad/models/masked_lm_head.h"
#include "nopad/models/next_sentence_head.h"
#include "nopad/ops/select.h"
#include "nopad/ops/softmax.h"
#include "nopad/text/tokenizer.h"

namespace {

using nopad::DType;
using nopad::RaggedLayout;
using nopad::RaggedTensor;
using nopad::Tensor;
using nopad::text::Tokenizer;

// Two texts as token ids, and the masked token of the first one.
struct Texts {
  std::vector<std::vector<int32_t>> ids;
  int64_t masked = 1;
};

// A directory's encoder, and what its heads are loaded from.
struct Pretrained {
  explicit Pretrained(const std::filesystem::path& directory)
      : config(nopad::io::ModelConfig::load(directory / "config.json")),
        encoder_config(nopad::models::encoder_config(config)),
        weights(nopad::models::open_weights(directory, encoder_config)),
        encoder(nopad::models::Encoder::load(encoder_config, *weights, nopad::nn::Compute::f32)) {}

  nopad::io::ModelConfig config;
  nopad::models::EncoderConfig encoder_config;
  std::shared_ptr<const nopad::WeightSource> weights;
  nopad::models::Encoder encoder;
};

RaggedTensor pack(std::span<const std::vector<int32_t>> sequences) {
  std::vector<int32_t> ids;
  std::vector<int64_t> lengths;
  for (const std::vector<int32_t>& sequence : sequences) {
    ids.insert(ids.end(), sequence.begin(), sequence.end());
    lengths.push_back(std::ssize(sequence));
  }
  const auto layout = RaggedLayout::from_lengths(lengths);
  return {Tensor::from_values<int32_t>(ids, {layout.num_tokens()}), layout};
}

std::vector<int32_t> parse_ids(std::string_view text) {
  std::vector<int32_t> ids;
  const char* next = text.data();
  const char* const end = next + text.size();
  while (next < end) {
    const auto [after, error] = std::from_chars(next, end, ids.emplace_back());
    if (error != std::errc() || (after < end && *after != ',')) {
      nopad::fail<nopad::InputError>("expected token ids as in 2,7,4,3, got ", text);
    }
    next = std::min(after + 1, end);
  }
  return ids;
}

// The notebook's texts, the first with its second word masked.
Texts tokenize(const Tokenizer& tokenizer) {
  const auto mask = tokenizer.special_ids().mask;
  if (!mask) nopad::fail<nopad::InputError>("expected a tokenizer with a mask token");
  Texts texts;
  for (const char* const text : {"hello boy", "i am a fish"}) {
    texts.ids.push_back(tokenizer.encode(text).ids);
  }
  texts.masked = std::ssize(texts.ids[0]) - 2;
  texts.ids[0][static_cast<size_t>(texts.masked)] = *mask;
  return texts;
}

// As from_pretrained prints what it could not find, and what it had no use for.
void print_report(const char* model, const Pretrained& pretrained,
                  std::vector<nopad::models::ExpectedWeight> expected) {
  const auto encoder = nopad::models::Encoder::expected_weights(pretrained.encoder_config);
  expected.insert(expected.end(), encoder.begin(), encoder.end());
  std::printf("%s\n%s", model,
              to_string(nopad::models::compare_weights(*pretrained.weights, expected)).c_str());
}

RaggedTensor print_hidden(const Pretrained& pretrained, const Texts& texts) {
  RaggedTensor hidden = pretrained.encoder(pack(texts.ids));
  std::printf("  last hidden state %s over %s, begins with %.4f\n",
              to_string(hidden.values().shape()).c_str(), to_string(hidden.layout()).c_str(),
              static_cast<double>(hidden.values().values<float>()[0]));
  return hidden;
}

// The three likeliest words at the masked token.
void print_predictions(const Tensor& logits, const std::optional<Tokenizer>& tokenizer) {
  const Tensor shares = nopad::ops::softmax(logits);
  const std::span<const float> share = shares.values<float>();
  std::vector<int32_t> ids(share.size());
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(i);
  const auto likelier = [&](int32_t a, int32_t b) {
    return share[static_cast<size_t>(a)] > share[static_cast<size_t>(b)];
  };
  const auto top = std::min<std::ptrdiff_t>(3, std::ssize(ids));
  std::ranges::partial_sort(ids, ids.begin() + top, likelier);
  for (std::ptrdiff_t i = 0; i < top; ++i) {
    const int32_t id = ids[static_cast<size_t>(i)];
    const std::string word = tokenizer ? std::string(tokenizer->token(id)) : std::to_string(id);
    std::printf("  predicts %s with %.4f\n", word.c_str(),
                static_cast<double>(share[static_cast<size_t>(id)]));
  }
}

// The head sees the masked token alone: no logits of other tokens are computed.
void predict(const Pretrained& pretrained, const RaggedTensor& hidden, const Texts& texts,
             const std::optional<Tokenizer>& tokenizer) {
  const auto head = nopad::models::MaskedLmHead::load(pretrained.config, *pretrained.weights);
  print_predictions(head(hidden.values().rows(texts.masked, texts.masked + 1)), tokenizer);
}

// Whether the second text follows the first: both as one sequence, of token types 0 and 1.
void print_next_sentence(const Pretrained& pretrained, const Texts& texts) {
  std::vector<int32_t> pair = texts.ids[0];
  pair.insert(pair.end(), texts.ids[1].begin() + 1, texts.ids[1].end());
  std::vector<int32_t> types(pair.size(), 1);
  std::ranges::fill_n(types.begin(), std::ssize(texts.ids[0]), 0);
  const auto head = nopad::models::NextSentenceHead::load(pretrained.config, *pretrained.weights);
  const RaggedTensor hidden = pretrained.encoder(
      pack({&pair, 1}), Tensor::from_values<int32_t>(types, {std::ssize(types)}));
  const Tensor shares = nopad::ops::softmax(head(pretrained.encoder.pool(hidden)));
  std::printf("  follows with %.4f\n", static_cast<double>(shares.values<float>()[0]));
}

struct Arguments {
  std::span<char*> directories;
  std::span<char*> ids;

  std::optional<Tokenizer> tokenizer(size_t directory) const {
    if (!ids.empty()) return std::nullopt;
    return Tokenizer::load(directories[directory]);
  }
  Texts texts(const std::optional<Tokenizer>& tokenizer) const {
    return tokenizer ? tokenize(*tokenizer) : Texts{{parse_ids(ids[0]), parse_ids(ids[1])}};
  }
};

void run_bert(const Arguments& arguments) {
  const Pretrained bert(arguments.directories[0]);
  const auto tokenizer = arguments.tokenizer(0);
  const Texts texts = arguments.texts(tokenizer);
  auto expected = nopad::models::MaskedLmHead::expected_weights(bert.config, *bert.weights);
  const auto next = nopad::models::NextSentenceHead::expected_weights(bert.config);
  expected.insert(expected.end(), next.begin(), next.end());
  print_report("BertForPreTraining", bert, std::move(expected));
  predict(bert, print_hidden(bert, texts), texts, tokenizer);
  print_next_sentence(bert, texts);
}

void run_masked_lm(const Arguments& arguments) {
  const Pretrained roberta(arguments.directories[1]);
  const auto tokenizer = arguments.tokenizer(1);
  const Texts texts = arguments.texts(tokenizer);
  print_report("RobertaForMaskedLM", roberta,
               nopad::models::MaskedLmHead::expected_weights(roberta.config, *roberta.weights));
  predict(roberta, print_hidden(roberta, texts), texts, tokenizer);
}

void run_encoder(const char* name, const Arguments& arguments, size_t directory) {
  const Pretrained pretrained(arguments.directories[directory]);
  print_report(name, pretrained, {});
  const RaggedTensor hidden =
      print_hidden(pretrained, arguments.texts(arguments.tokenizer(directory)));
  if (!pretrained.encoder.has_pooler()) return;
  std::printf("  pooled %s\n", to_string(pretrained.encoder.pool(hidden).shape()).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> all(argv, static_cast<size_t>(argc));
  if (all.size() != 5 && all.size() != 7) {
    std::fputs("usage: pretrained BERT ROBERTA_MASKED_LM ROBERTA ALBERT [IDS IDS]\n", stderr);
    return 2;
  }
  const Arguments arguments{.directories = all.subspan(1, 4), .ids = all.subspan(5)};
  try {
    run_bert(arguments);
    run_masked_lm(arguments);
    run_encoder("RobertaModel", arguments, 2);
    run_encoder("AlbertModel", arguments, 3);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pretrained: %s\n", error.what());
    return 1;
  }
}
