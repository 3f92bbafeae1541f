#include "nopad/runtime/reranker.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "nopad/core/error.h"
#include "nopad/models/sequence_classifier.h"
#include "runtime/expect_head.h"
#include "runtime/text_model.h"

namespace nopad {

struct Reranker::Content {
  TextModel model;
  models::SequenceClassifier classifier;
};

Reranker::Reranker(std::unique_ptr<Content> content) : content_(std::move(content)) {}
Reranker::~Reranker() = default;
Reranker::Reranker(Reranker&&) noexcept = default;
Reranker& Reranker::operator=(Reranker&&) noexcept = default;

Reranker Reranker::load(const std::filesystem::path& path, const ModelOptions& options) {
  TextModel model = TextModel::load(path, options);
  const ExecutionScope scope(model.execution);
  const io::ModelConfig& config = model.directory.config;
  expect_head(model, {"sequence classification", "ForSequenceClassification"},
              models::SequenceClassifier::expected_weights(config, *model.weights));
  auto classifier = models::SequenceClassifier::load(config, *model.weights);
  if (classifier.labels().size() != 1) {
    fail<FormatError>(model.directory.transformer.string(),
                      ": expected a classifier of one label, got ", classifier.labels().size());
  }
  return Reranker(std::make_unique<Content>(Content{std::move(model), std::move(classifier)}));
}

text::Encoding Reranker::tokenize(std::string_view query, std::string_view document) const {
  return content_->model.tokenize(query, document);
}

std::vector<float> Reranker::scores(std::span<const text::Encoding> pairs) const {
  const models::SequenceClassifier& classifier = content_->classifier;
  const Tensor rows = content_->model.make_rows(pairs, 1, [&](const RaggedTensor& hidden) {
    return classifier.rerank_scores(classifier(hidden));
  });
  const auto values = rows.values<float>();
  return {values.begin(), values.end()};
}

std::vector<RankedDocument> Reranker::rank(std::string_view query,
                                           std::span<const std::string> documents,
                                           int64_t top) const {
  std::vector<text::Encoding> pairs(documents.size());
  for_each_text(documents.size(), [&](size_t i) { pairs[i] = tokenize(query, documents[i]); });
  return rank_scores(scores(pairs), top);
}

std::vector<RankedDocument> rank_scores(std::span<const float> scores, int64_t top) {
  if (top < 0) fail<OptionError>("rank: top: expected 0 or more, got ", top);
  std::vector<RankedDocument> out;
  for (const float score : scores) out.push_back({std::ssize(out), score});
  const auto key = [](const RankedDocument& document) {
    return std::isnan(document.score) ? -std::numeric_limits<float>::infinity() : document.score;
  };
  std::ranges::stable_sort(out, std::ranges::greater(), key);
  if (top > 0 && top < std::ssize(out)) out.resize(static_cast<size_t>(top));
  return out;
}

}  // namespace nopad
