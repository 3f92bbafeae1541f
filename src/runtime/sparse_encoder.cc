#include "nopad/runtime/sparse_encoder.h"

#include <utility>

#include "nopad/core/error.h"
#include "nopad/models/sparse_head.h"
#include "nopad/text/lower_case.h"
#include "runtime/expect_head.h"
#include "runtime/text_model.h"

namespace nopad {
namespace {

// As modules.json says; without one, SPLADE's own choices.
models::SparseHead::Config head_config(const io::ModelDirectory& directory) {
  if (directory.modules.empty()) return {};
  const auto* const module = std::get_if<io::SpladeModule>(directory.modules.data());
  if (module == nullptr || directory.modules.size() != 1) {
    fail<FormatError>("modules.json: expected a SpladePooling alone after the Transformer");
  }
  return {.activation = models::sparse_activation_from_string(module->activation),
          .pooling = models::sparse_pooling_from_string(module->pooling)};
}

std::string default_prompt(const io::ModelDirectory& directory) {
  return directory.default_prompt_name ? directory.prompts.at(*directory.default_prompt_name) : "";
}

// What is not 0: NaN as well, so that it is seen.
SparseVector gather(std::span<const float> row) {
  SparseVector out;
  for (size_t id = 0; id < row.size(); ++id) {
    if (row[id] == 0) continue;
    out.ids.push_back(static_cast<int32_t>(id));
    out.weights.push_back(row[id]);
  }
  return out;
}

}  // namespace

struct SparseEncoder::Content {
  TextModel model;
  models::SparseHead head;
  std::string prompt;
};

SparseEncoder::SparseEncoder(std::unique_ptr<Content> content) : content_(std::move(content)) {}
SparseEncoder::~SparseEncoder() = default;
SparseEncoder::SparseEncoder(SparseEncoder&&) noexcept = default;
SparseEncoder& SparseEncoder::operator=(SparseEncoder&&) noexcept = default;

SparseEncoder SparseEncoder::load(const std::filesystem::path& path, const ModelOptions& options) {
  TextModel model = TextModel::load(path, options);
  const ExecutionScope scope(model.execution);
  const io::ModelConfig& config = model.directory.config;
  expect_head(model, {"masked words", "ForMaskedLM"},
              models::MaskedLmHead::expected_weights(config, *model.weights));
  models::SparseHead head(models::MaskedLmHead::load(config, *model.weights),
                          head_config(model.directory));
  std::string prompt = default_prompt(model.directory);
  return SparseEncoder(
      std::make_unique<Content>(Content{std::move(model), std::move(head), std::move(prompt)}));
}

int64_t SparseEncoder::dim() const noexcept { return content_->head.vocab_size(); }
const text::Tokenizer& SparseEncoder::tokenizer() const noexcept {
  return content_->model.tokenizer;
}

text::Encoding SparseEncoder::tokenize(std::string_view text) const {
  std::string prepared;
  if (!content_->prompt.empty()) text = prepared = concat(content_->prompt, text);
  if (content_->model.directory.do_lower_case) text = prepared = text::lower_case(text);
  return content_->model.tokenize(text);
}

std::vector<SparseVector> SparseEncoder::encode(std::span<const text::Encoding> texts) const {
  std::vector<SparseVector> out;
  content_->model.run(texts, [&](SequenceRange, const RaggedTensor& hidden) {
    const Tensor rows = content_->head(hidden);
    for (int64_t row = 0; row < rows.dim(0); ++row) {
      out.push_back(gather(rows.rows(row, row + 1).values<float>()));
    }
  });
  return out;
}

std::vector<SparseVector> SparseEncoder::embed(std::span<const std::string> texts) const {
  std::vector<text::Encoding> encodings(texts.size());
  for_each_text(texts.size(), [&](size_t i) { encodings[i] = tokenize(texts[i]); });
  return encode(encodings);
}

}  // namespace nopad
