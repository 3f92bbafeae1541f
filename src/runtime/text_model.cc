#include "runtime/text_model.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/tensor.h"
#include "nopad/ragged/layout.h"

namespace nopad {
namespace {

nn::Compute choose_compute(ComputeType dtype, Isa isa) {
  if (dtype == ComputeType::f32) return nn::Compute::f32;
  if (dtype == ComputeType::bf16) {
    if (!has_tiles(isa)) {
      fail<OptionError>("dtype: bf16 needs matrix tiles (AMX), which ", isa,
                        " has not; take f32, or the instruction set amx-emulated to look at bf16's "
                        "results slowly");
    }
    return nn::Compute::bf16;
  }
  return isa == Isa::amx ? nn::Compute::bf16 : nn::Compute::f32;
}

int64_t choose_max_length(const io::ModelDirectory& directory, int64_t max_tokens,
                          const std::optional<int64_t>& wanted, int64_t frame_size) {
  if (!wanted) {
    return io::max_sequence_length(directory.max_seq_length, directory.model_max_length,
                                   max_tokens);
  }
  if (*wanted < frame_size || *wanted > max_tokens) {
    fail<OptionError>("max_length: expected ", frame_size, " (the special tokens) to ", max_tokens,
                      " (the model's positions), got ", *wanted);
  }
  return *wanted;
}

void expect_count(const char* name, const std::vector<int32_t>& values,
                  const RaggedLayout& layout) {
  if (std::ssize(values) != layout.num_tokens()) {
    fail<ShapeError>(name, ": expected one for each token of ", layout, ", got ", values.size());
  }
}

// The elements of tokens [begin, end); none if there are no values at all.
Tensor slice(const std::vector<int32_t>& values, int64_t begin, int64_t end) {
  if (values.empty()) return {};
  const auto part =
      std::span(values).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
  return Tensor::from_values(part, {end - begin});
}

TokenizedTexts join(std::span<const text::Encoding> texts) {
  TokenizedTexts out;
  for (const text::Encoding& text : texts) {
    out.ids.insert(out.ids.end(), text.ids.begin(), text.ids.end());
    out.type_ids.insert(out.type_ids.end(), text.type_ids.begin(), text.type_ids.end());
    out.lengths.push_back(std::ssize(text.ids));
  }
  return out;
}

}  // namespace

ComputeType compute_type_from_string(std::string_view name) {
  if (name == "auto") return ComputeType::automatic;
  if (name == "f32") return ComputeType::f32;
  if (name == "bf16") return ComputeType::bf16;
  fail<OptionError>("dtype: expected auto, f32 or bf16, got ", name);
}

TextModel TextModel::load(const std::filesystem::path& path, const ModelOptions& options) {
  if (options.batch_tokens < 1) {
    fail<OptionError>("batch_tokens: expected 1 or more, got ", options.batch_tokens);
  }
  io::ModelDirectory directory = io::describe_directory(path);
  const models::EncoderConfig config = models::encoder_config(directory.config);
  const nn::Compute compute = choose_compute(options.dtype, options.isa);
  Execution execution({.num_threads = options.num_threads, .isa = options.isa});
  const ExecutionScope scope(execution);
  auto weights = models::open_weights(directory.transformer, config);
  text::Tokenizer tokenizer = text::Tokenizer::load(directory.transformer);
  if (tokenizer.vocab_size() > config.vocab_size) {
    fail<FormatError>(path.string(), ": vocabulary: expected at most config.json's vocab_size ",
                      config.vocab_size, " tokens, got ", tokenizer.vocab_size());
  }
  const text::EncodeOptions encode_options{
      .max_length = choose_max_length(directory, config.max_tokens(), options.max_length,
                                      tokenizer.frame_size()),
      .truncation = options.truncate ? text::Truncation::longest_first : text::Truncation::none,
      .match_special_tokens = options.match_special_tokens};
  models::Encoder encoder = models::Encoder::load(config, *weights, compute);
  return {.directory = std::move(directory),
          .execution = std::move(execution),
          .compute = compute,
          .tokenizer = std::move(tokenizer),
          .weights = std::move(weights),
          .encoder = std::move(encoder),
          .encode_options = encode_options,
          .batch_tokens = options.batch_tokens};
}

text::Encoding TextModel::tokenize(std::string_view text) const {
  return tokenizer.encode(text, encode_options);
}

text::Encoding TextModel::tokenize(std::string_view first, std::string_view second) const {
  return tokenizer.encode_pair(first, second, encode_options);
}

void TextModel::run(const TokenizedTexts& texts, const OnBatch& on_batch) const {
  const ExecutionScope scope(execution);
  const autograd::NoGradScope no_grad;
  const auto all = RaggedLayout::from_lengths(texts.lengths);
  expect_count("ids", texts.ids, all);
  if (!texts.type_ids.empty()) expect_count("type_ids", texts.type_ids, all);
  for (const SequenceRange range : batch_by_tokens(texts.lengths, {.max_tokens = batch_tokens})) {
    const int64_t begin = all.offset(range.begin), end = all.offset(range.end);
    const auto lengths = std::span(texts.lengths)
                             .subspan(static_cast<size_t>(range.begin),
                                      static_cast<size_t>(range.end - range.begin));
    const RaggedTensor ids(slice(texts.ids, begin, end), RaggedLayout::from_lengths(lengths));
    on_batch(range, encoder(ids, slice(texts.type_ids, begin, end)));
  }
}

void TextModel::run(std::span<const text::Encoding> texts, const OnBatch& on_batch) const {
  run(join(texts), on_batch);
}

Tensor TextModel::make_rows(const TokenizedTexts& texts, int64_t width,
                            const MakeRows& rows_of) const {
  Tensor out = Tensor::empty({std::ssize(texts.lengths), width});
  run(texts, [&](SequenceRange range, const RaggedTensor& hidden) {
    const Tensor rows = rows_of(hidden);
    std::ranges::copy(rows.values<float>(),
                      out.mutable_values<float>().begin() + range.begin * width);
  });
  return out;
}

Tensor TextModel::make_rows(std::span<const text::Encoding> texts, int64_t width,
                            const MakeRows& rows_of) const {
  return make_rows(join(texts), width, rows_of);
}

}  // namespace nopad
