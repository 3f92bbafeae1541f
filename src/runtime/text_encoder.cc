#include "nopad/runtime/text_encoder.h"

#include <algorithm>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/io/checkpoint.h"
#include "nopad/io/sentence_transformers.h"
#include "nopad/models/bert.h"
#include "nopad/ragged/batching.h"
#include "nopad/text/lower_case.h"
#include "nopad/text/tokenizer.h"
#include "runtime/sentence_head.h"

namespace nopad {
namespace {

nn::Compute choose_compute(ComputeType dtype, Isa isa) {
  if (dtype == ComputeType::f32) return nn::Compute::f32;
  if (dtype == ComputeType::bf16) {
    if (!has_tiles(isa)) {
      fail<OptionError>("TextEncoder: dtype: bf16 needs matrix tiles (AMX), which ", isa,
                        " has not; take f32, or the instruction set amx-emulated to look at bf16's "
                        "results slowly");
    }
    return nn::Compute::bf16;
  }
  return isa == Isa::amx ? nn::Compute::bf16 : nn::Compute::f32;
}

std::string choose_prompt(const io::ModelDirectory& directory,
                          const std::optional<std::string>& wanted) {
  const std::optional<std::string>& name = wanted ? wanted : directory.default_prompt_name;
  if (!name) return {};
  const auto found = directory.prompts.find(*name);
  if (found == directory.prompts.end()) {
    std::string known;
    for (const auto& [key, text] : directory.prompts)
      known += concat(known.empty() ? "" : ", ", key);
    fail<OptionError>("TextEncoder: prompt_name: expected one of {", known, "}, got ", *name);
  }
  return found->second;
}

int64_t choose_max_length(const io::ModelDirectory& directory, const io::BertConfig& config,
                          const std::optional<int64_t>& wanted, int64_t frame_size) {
  const int64_t limit = io::max_sequence_length(directory.max_seq_length,
                                                directory.model_max_length, config.max_tokens());
  if (!wanted) return limit;
  if (*wanted < frame_size || *wanted > config.max_tokens()) {
    fail<OptionError>("TextEncoder: max_length: expected ", frame_size, " (the special tokens) to ",
                      config.max_tokens(), " (the model's positions), got ", *wanted);
  }
  return *wanted;
}

// The tokens that take part in the pooling: all, or all after a prompt of `prompt_tokens` tokens.
TokenMask make_keep(const RaggedLayout& layout, int64_t prompt_tokens) {
  if (prompt_tokens == 0) return TokenMask::all(layout);
  Tensor keep = Tensor::empty({layout.num_tokens()}, DType::boolean);
  auto next = keep.mutable_values<bool>().begin();
  for (int64_t b = 0; b < layout.num_sequences(); ++b) {
    for (int64_t i = 0; i < layout.length(b); ++i) *next++ = i >= prompt_tokens;
  }
  return TokenMask::from_tensor(layout, keep);
}

void expect_count(const char* name, const std::vector<int32_t>& values,
                  const RaggedLayout& layout) {
  if (std::ssize(values) != layout.num_tokens()) {
    fail<ShapeError>("TextEncoder: ", name, ": expected one for each token of ", layout, ", got ",
                     values.size());
  }
}

}  // namespace

ComputeType compute_type_from_string(std::string_view name) {
  if (name == "auto") return ComputeType::automatic;
  if (name == "f32") return ComputeType::f32;
  if (name == "bf16") return ComputeType::bf16;
  fail<OptionError>("dtype: expected auto, f32 or bf16, got ", name);
}

struct TextEncoder::Content {
  Execution execution;
  text::Tokenizer tokenizer;
  models::BertModel model;
  SentenceHead head;
  nn::Compute compute;
  text::EncodeOptions encode_options;
  int64_t batch_tokens;
  bool lowers_case;  // of the text, whatever the tokenizer does
  std::string prompt;
  int64_t prompt_tokens;  // at the front of each text, that the pooling leaves out

  void append(std::string_view text, TokenizedTexts& out) const {
    const size_t before = out.ids.size();
    std::string prepared;
    if (!prompt.empty()) text = prepared = concat(prompt, text);
    if (lowers_case) text = prepared = text::lower_case(text);
    const int64_t cut = tokenizer.append(text, encode_options, out.ids, out.type_ids);
    out.num_truncated += cut > 0;
    out.lengths.push_back(static_cast<int64_t>(out.ids.size() - before));
  }

  // The texts [range.begin, range.end) of `texts`, whose tokens `all` tells apart.
  Tensor encode_batch(const TokenizedTexts& texts, const RaggedLayout& all,
                      SequenceRange range) const {
    const auto first = static_cast<size_t>(all.offset(range.begin));
    const int64_t num_tokens = all.offset(range.end) - all.offset(range.begin);
    const auto part = [&](const std::vector<int32_t>& values) {
      return Tensor::from_values(std::span(values).subspan(first, static_cast<size_t>(num_tokens)),
                                 {num_tokens});
    };
    const auto layout =
        RaggedLayout::from_lengths(std::span(texts.lengths)
                                       .subspan(static_cast<size_t>(range.begin),
                                                static_cast<size_t>(range.end - range.begin)));
    const RaggedTensor hidden = model(RaggedTensor(part(texts.ids), layout),
                                      texts.type_ids.empty() ? Tensor() : part(texts.type_ids));
    return head(hidden, make_keep(layout, prompt_tokens));
  }
};

TextEncoder::TextEncoder(std::unique_ptr<Content> content) : content_(std::move(content)) {}
TextEncoder::~TextEncoder() = default;
TextEncoder::TextEncoder(TextEncoder&&) noexcept = default;
TextEncoder& TextEncoder::operator=(TextEncoder&&) noexcept = default;

TextEncoder TextEncoder::load(const std::filesystem::path& path,
                              const TextEncoderOptions& options) {
  const io::ModelDirectory directory = io::describe_directory(path);
  const io::BertConfig config = directory.config.bert();
  const nn::Compute compute = choose_compute(options.dtype, options.isa);
  Execution execution({.num_threads = options.num_threads, .isa = options.isa});
  const ExecutionScope scope(execution);
  const auto weights = io::without_prefix(io::open_checkpoint(directory.transformer), "bert.");
  text::Tokenizer tokenizer = text::Tokenizer::load(directory.transformer);
  if (tokenizer.vocab_size() > config.vocab_size) {
    fail<FormatError>(path.string(), ": vocabulary: expected at most config.json's vocab_size ",
                      config.vocab_size, " tokens, got ", tokenizer.vocab_size());
  }
  models::BertModel model = models::BertModel::load(config, *weights, compute);
  SentenceHead head(directory.modules, config.hidden_size, options.pooling, options.normalize);
  const int64_t max_length =
      choose_max_length(directory, config, options.max_length, tokenizer.frame_size());
  const text::EncodeOptions encode_options{
      .max_length = max_length,
      .truncation = options.truncate ? text::Truncation::longest_first : text::Truncation::none,
      .match_special_tokens = options.match_special_tokens};
  if (options.batch_tokens < 1) {
    fail<OptionError>("TextEncoder: batch_tokens: expected 1 or more, got ", options.batch_tokens);
  }
  std::string prompt = choose_prompt(directory, options.prompt_name);
  // As sentence-transformers counts them: the prompt with its frame, without the last separator.
  const int64_t prompt_tokens =
      prompt.empty() || head.includes_prompt() ? 0 : std::ssize(tokenizer.encode(prompt).ids) - 1;
  return TextEncoder(std::make_unique<Content>(
      Content{std::move(execution), std::move(tokenizer), std::move(model), std::move(head),
              compute, encode_options, options.batch_tokens, directory.do_lower_case,
              std::move(prompt), prompt_tokens}));
}

int64_t TextEncoder::dim() const noexcept { return content_->head.dim(); }
int64_t TextEncoder::max_length() const noexcept { return content_->encode_options.max_length; }
ComputeType TextEncoder::dtype() const noexcept {
  return content_->compute == nn::Compute::bf16 ? ComputeType::bf16 : ComputeType::f32;
}
const Execution& TextEncoder::execution() const noexcept { return content_->execution; }

void TextEncoder::append(std::string_view text, TokenizedTexts& out) const {
  content_->append(text, out);
}

TokenizedTexts TextEncoder::tokenize(std::span<const std::string> texts) const {
  TokenizedTexts out;
  for (size_t i = 0; i < texts.size(); ++i) {
    try {
      content_->append(texts[i], out);
    } catch (const InputError& error) {
      fail<InputError>("text ", i, ": ", error.what());
    } catch (const LimitError& error) {
      fail<LimitError>("text ", i, ": ", error.what());
    }
  }
  return out;
}

Tensor TextEncoder::encode(const TokenizedTexts& texts) const {
  const ExecutionScope scope(content_->execution);
  const autograd::NoGradScope no_grad;
  const auto all = RaggedLayout::from_lengths(texts.lengths);
  expect_count("ids", texts.ids, all);
  if (!texts.type_ids.empty()) expect_count("type_ids", texts.type_ids, all);
  Tensor out = Tensor::empty({all.num_sequences(), dim()});
  for (const SequenceRange range :
       batch_by_tokens(texts.lengths, {.max_tokens = content_->batch_tokens})) {
    const Tensor rows = content_->encode_batch(texts, all, range);
    std::ranges::copy(rows.values<float>(),
                      out.mutable_values<float>().begin() + range.begin * dim());
  }
  return out;
}

Tensor TextEncoder::embed(std::span<const std::string> texts) const {
  return encode(tokenize(texts));
}

Tensor TextEncoder::embed(std::initializer_list<std::string> texts) const {
  return embed(std::span(texts.begin(), texts.size()));
}

}  // namespace nopad
