#include "nopad/runtime/text_classifier.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "nopad/core/error.h"
#include "nopad/models/next_sentence_head.h"
#include "nopad/models/sequence_classifier.h"
#include "nopad/ops/softmax.h"
#include "runtime/expect_head.h"
#include "runtime/text_model.h"

namespace nopad {
namespace {

using Head = std::variant<models::SequenceClassifier, models::NextSentenceHead>;

constexpr HeadName kClassifier{"sequence classification", "ForSequenceClassification"};

bool is_saved_as(const io::ModelConfig& config, std::string_view ending) {
  return std::ranges::any_of(config.architectures(),
                             [&](const std::string& name) { return name.ends_with(ending); });
}

// Checkpoints for pre-training are often said to be masked language models.
Head load_head(const TextModel& model) {
  const io::ModelConfig& config = model.directory.config;
  if (!is_saved_as(config, kClassifier.ending) &&
      models::NextSentenceHead::is_in(config, *model.weights)) {
    if (!model.encoder.has_pooler()) {
      fail<WeightError>(model.directory.transformer.string(),
                        ": expected a pooler, which the next-sentence head reads, got none");
    }
    return models::NextSentenceHead::load(config, *model.weights);
  }
  expect_head(model, kClassifier,
              models::SequenceClassifier::expected_weights(config, *model.weights));
  return models::SequenceClassifier::load(config, *model.weights);
}

std::vector<std::string> labels_of(const Head& head, const io::ModelConfig& config) {
  if (const auto* const classifier = std::get_if<models::SequenceClassifier>(&head)) {
    return classifier->labels();
  }
  const bool are_named = config.labels().size() == 2 && config.labels()[0] != "LABEL_0";
  if (are_named) return config.labels();
  if (config.model_type() == "albert") return {"in_order", "swapped"};
  return {"next", "random"};
}

// One tokenized text for each of `count`.
template <class Tokenize>
std::vector<text::Encoding> tokenize_each(size_t count, const Tokenize& tokenize) {
  std::vector<text::Encoding> out(count);
  for_each_text(count, [&](size_t i) { out[i] = tokenize(i); });
  return out;
}

}  // namespace

struct TextClassifier::Content {
  TextModel model;
  Head head;
  std::vector<std::string> labels;

  Tensor logits(const RaggedTensor& hidden) const {
    if (const auto* const classifier = std::get_if<models::SequenceClassifier>(&head)) {
      return (*classifier)(hidden);
    }
    return std::get<models::NextSentenceHead>(head)(model.encoder.pool(hidden));
  }
  Tensor scores(const Tensor& logits) const {
    const auto* const classifier = std::get_if<models::SequenceClassifier>(&head);
    return classifier != nullptr ? classifier->scores(logits) : ops::softmax(logits);
  }
  int64_t num_labels() const noexcept { return std::ssize(labels); }
};

TextClassifier::TextClassifier(std::unique_ptr<Content> content) : content_(std::move(content)) {}
TextClassifier::~TextClassifier() = default;
TextClassifier::TextClassifier(TextClassifier&&) noexcept = default;
TextClassifier& TextClassifier::operator=(TextClassifier&&) noexcept = default;

TextClassifier TextClassifier::load(const std::filesystem::path& path,
                                    const ModelOptions& options) {
  TextModel model = TextModel::load(path, options);
  const ExecutionScope scope(model.execution);
  Head head = load_head(model);
  std::vector<std::string> labels = labels_of(head, model.directory.config);
  return TextClassifier(
      std::make_unique<Content>(Content{std::move(model), std::move(head), std::move(labels)}));
}

const std::vector<std::string>& TextClassifier::labels() const noexcept { return content_->labels; }

bool TextClassifier::is_exclusive() const noexcept {
  const auto* const classifier = std::get_if<models::SequenceClassifier>(&content_->head);
  return classifier == nullptr || classifier->score_function() == models::ScoreFunction::softmax;
}

bool TextClassifier::wants_pairs() const noexcept {
  return std::holds_alternative<models::NextSentenceHead>(content_->head);
}

text::Encoding TextClassifier::tokenize(std::string_view text) const {
  if (wants_pairs()) {
    fail<OptionError>("TextClassifier: expected a pair of texts, which is what the model at ",
                      content_->model.directory.transformer.string(), " reads, got one text");
  }
  return content_->model.tokenize(text);
}

text::Encoding TextClassifier::tokenize(std::string_view first, std::string_view second) const {
  return content_->model.tokenize(first, second);
}

Tensor TextClassifier::logits(std::span<const text::Encoding> texts) const {
  return content_->model.make_rows(texts, content_->num_labels(), [&](const RaggedTensor& hidden) {
    return content_->logits(hidden);
  });
}

Tensor TextClassifier::scores(std::span<const text::Encoding> texts) const {
  return content_->model.make_rows(texts, content_->num_labels(), [&](const RaggedTensor& hidden) {
    return content_->scores(content_->logits(hidden));
  });
}

Tensor TextClassifier::classify(std::span<const std::string> texts) const {
  return scores(tokenize_each(texts.size(), [&](size_t i) { return tokenize(texts[i]); }));
}

Tensor TextClassifier::classify(std::span<const std::pair<std::string, std::string>> pairs) const {
  return scores(tokenize_each(pairs.size(),
                              [&](size_t i) { return tokenize(pairs[i].first, pairs[i].second); }));
}

}  // namespace nopad
