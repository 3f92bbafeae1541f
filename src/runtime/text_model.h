// TextModel: a model directory made ready to run: what all pipelines are heads on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/core/tensor.h"
#include "nopad/core/weight_source.h"
#include "nopad/io/sentence_transformers.h"
#include "nopad/models/encoder.h"
#include "nopad/nn/linear.h"
#include "nopad/ragged/batching.h"
#include "nopad/ragged/tensor.h"
#include "nopad/runtime/model_options.h"
#include "nopad/runtime/tokenized_texts.h"
#include "nopad/text/tokenizer.h"

namespace nopad {

struct TextModel {
  io::ModelDirectory directory;
  Execution execution;
  nn::Compute compute;
  text::Tokenizer tokenizer;
  std::shared_ptr<const WeightSource> weights;  // of the encoder and of heads
  models::Encoder encoder;
  text::EncodeOptions encode_options;
  int64_t batch_tokens;

  // Throws FileError, FormatError, WeightError: naming the file; OptionError: bf16 on a machine
  // without tiles, a length or a budget that makes no sense.
  static TextModel load(const std::filesystem::path& path, const ModelOptions& options);

  // Within max_length. Throws as Tokenizer::encode.
  text::Encoding tokenize(std::string_view text) const;
  text::Encoding tokenize(std::string_view first, std::string_view second) const;

  // What is done with the texts [texts.begin, texts.end) and their last hidden states [T, D], f32 or
  // bf16.
  using OnBatch = std::function<void(SequenceRange texts, const RaggedTensor& hidden)>;
  // Runs the encoder over batches within the token budget, in the order of the texts. Neither this
  // nor what on_batch() computes records gradients.
  // Throws InputError, an id outside the vocabulary; LimitError, longer than the model's positions;
  //        ShapeError, ids or type_ids that are not one for each token of the lengths
  void run(const TokenizedTexts& texts, const OnBatch& on_batch) const;
  void run(std::span<const text::Encoding> texts, const OnBatch& on_batch) const;
  // The same where each batch's last hidden states become rows [its texts, width] f32.
  // return : [texts, width] f32
  using MakeRows = std::function<Tensor(const RaggedTensor& hidden)>;
  Tensor make_rows(const TokenizedTexts& texts, int64_t width, const MakeRows& rows_of) const;
  Tensor make_rows(std::span<const text::Encoding> texts, int64_t width,
                   const MakeRows& rows_of) const;
};

// Calls f(i) for i from 0 to count - 1. What it throws of a text gets "text 3: " put before it.
template <class F>
void for_each_text(size_t count, F&& f) {
  for (size_t i = 0; i < count; ++i) {
    try {
      f(i);
    } catch (const InputError& error) {
      fail<InputError>("text ", i, ": ", error.what());
    } catch (const LimitError& error) {
      fail<LimitError>("text ", i, ": ", error.what());
    }
  }
}

}  // namespace nopad
