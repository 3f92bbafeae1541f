#include "nopad/runtime/text_encoder.h"

#include <utility>

#include "nopad/core/error.h"
#include "nopad/ragged/token_mask.h"
#include "nopad/text/lower_case.h"
#include "runtime/sentence_head.h"
#include "runtime/text_model.h"

namespace nopad {
namespace {

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

}  // namespace

struct TextEncoder::Content {
  TextModel model;
  SentenceHead head;
  std::string prompt;
  int64_t prompt_tokens;  // at the front of each text, that the pooling leaves out

  void append(std::string_view text, TokenizedTexts& out) const {
    const size_t before = out.ids.size();
    std::string prepared;
    if (!prompt.empty()) text = prepared = concat(prompt, text);
    if (model.directory.do_lower_case) text = prepared = text::lower_case(text);
    const int64_t cut = model.tokenizer.append(text, model.encode_options, out.ids, out.type_ids);
    out.num_truncated += cut > 0;
    out.lengths.push_back(static_cast<int64_t>(out.ids.size() - before));
  }
};

TextEncoder::TextEncoder(std::unique_ptr<Content> content) : content_(std::move(content)) {}
TextEncoder::~TextEncoder() = default;
TextEncoder::TextEncoder(TextEncoder&&) noexcept = default;
TextEncoder& TextEncoder::operator=(TextEncoder&&) noexcept = default;

TextEncoder TextEncoder::load(const std::filesystem::path& path, const ModelOptions& options,
                              const SentenceOptions& sentence) {
  TextModel model = TextModel::load(path, options);
  const ExecutionScope scope(model.execution);
  SentenceHead head(model.directory.modules, model.encoder.config().hidden_size, sentence.pooling,
                    sentence.normalize);
  std::string prompt = choose_prompt(model.directory, sentence.prompt_name);
  // As sentence-transformers counts them: the prompt with its frame, without the last separator.
  const int64_t prompt_tokens = prompt.empty() || head.includes_prompt()
                                    ? 0
                                    : std::ssize(model.tokenizer.encode(prompt).ids) - 1;
  return TextEncoder(std::make_unique<Content>(
      Content{std::move(model), std::move(head), std::move(prompt), prompt_tokens}));
}

int64_t TextEncoder::dim() const noexcept { return content_->head.dim(); }
int64_t TextEncoder::max_length() const noexcept {
  return content_->model.encode_options.max_length;
}
ComputeType TextEncoder::dtype() const noexcept {
  return content_->model.compute == nn::Compute::bf16 ? ComputeType::bf16 : ComputeType::f32;
}
const Execution& TextEncoder::execution() const noexcept { return content_->model.execution; }

void TextEncoder::append(std::string_view text, TokenizedTexts& out) const {
  content_->append(text, out);
}

TokenizedTexts TextEncoder::tokenize(std::span<const std::string> texts) const {
  TokenizedTexts out;
  for_each_text(texts.size(), [&](size_t i) { content_->append(texts[i], out); });
  return out;
}

Tensor TextEncoder::encode(const TokenizedTexts& texts) const {
  return content_->model.make_rows(texts, dim(), [&](const RaggedTensor& hidden) {
    return content_->head(hidden, make_keep(hidden.layout(), content_->prompt_tokens));
  });
}

Tensor TextEncoder::embed(std::span<const std::string> texts) const {
  return encode(tokenize(texts));
}

Tensor TextEncoder::embed(std::initializer_list<std::string> texts) const {
  return embed(std::span(texts.begin(), texts.size()));
}

}  // namespace nopad
