#include "nopad/runtime/token_tagger.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "nopad/core/error.h"
#include "nopad/models/token_classifier.h"
#include "nopad/ops/softmax.h"
#include "runtime/entities.h"
#include "runtime/expect_head.h"
#include "runtime/text_model.h"
#include "runtime/text_windows.h"
#include "text/unicode.h"

namespace nopad {
namespace {

constexpr std::array<std::pair<std::string_view, Aggregation>, 5> kAggregations = {
    {{"none", Aggregation::none},
     {"simple", Aggregation::simple},
     {"first", Aggregation::first},
     {"max", Aggregation::max},
     {"average", Aggregation::average}}};

// Where nothing says which tokens begin words, those do that stand behind a blank.
bool is_inside_word(std::string_view text, const text::Span& span) {
  const auto begin = static_cast<size_t>(span.begin);
  return begin > 0 && text[begin - 1] != ' ' && (begin == text.size() || text[begin] != ' ');
}

}  // namespace

Aggregation aggregation_from_string(std::string_view name) {
  const auto* const found =
      std::ranges::find(kAggregations, name, &std::pair<std::string_view, Aggregation>::first);
  if (found == kAggregations.end()) {
    fail<OptionError>("aggregation: expected none, simple, first, max or average, got ", name);
  }
  return found->second;
}

struct TokenTagger::Content {
  TextModel model;
  models::TokenClassifier head;

  // As the pipeline finds it: a token that continues a word has a prefix that the text has not.
  bool continues_word(std::string_view text, const text::Span& span, int32_t id) const;
  // scores : [length, C] of the window's tokens
  std::vector<TaggedSpan> find_entities(std::string_view text, const text::Encoding& window,
                                        const Tensor& scores, Aggregation aggregation) const;
};

bool TokenTagger::Content::continues_word(std::string_view text, const text::Span& span,
                                          int32_t id) const {
  const text::Tokenizer& tokenizer = model.tokenizer;
  if (id == tokenizer.special_ids().unknown) return false;
  if (tokenizer.continuing_prefix().empty()) return is_inside_word(text, span);
  return text::count_characters(tokenizer.token(id)) !=
         text::count_characters(text::slice(text, span));
}

std::vector<TaggedSpan> TokenTagger::Content::find_entities(std::string_view text,
                                                            const text::Encoding& window,
                                                            const Tensor& scores,
                                                            Aggregation aggregation) const {
  std::vector<ScoredToken> tokens;
  const auto rows = scores.values<float>();
  const size_t num_labels = head.labels().size();
  for (size_t i = 0; i < window.size(); ++i) {
    if (window.sources[i] == text::Source::frame) continue;
    tokens.push_back({.span = window.spans[i],
                      .scores = rows.subspan(i * num_labels, num_labels),
                      .continues_word = continues_word(text, window.spans[i], window.ids[i])});
  }
  return nopad::find_entities(tokens, head.labels(), aggregation);
}

TokenTagger::TokenTagger(std::unique_ptr<Content> content) : content_(std::move(content)) {}
TokenTagger::~TokenTagger() = default;
TokenTagger::TokenTagger(TokenTagger&&) noexcept = default;
TokenTagger& TokenTagger::operator=(TokenTagger&&) noexcept = default;

TokenTagger TokenTagger::load(const std::filesystem::path& directory, const ModelOptions& options) {
  TextModel model = TextModel::load(directory, options);
  const ExecutionScope scope(model.execution);
  const io::ModelConfig& config = model.directory.config;
  expect_head(model, {"token classification", "ForTokenClassification"},
              models::TokenClassifier::expected_weights(config, *model.weights));
  models::TokenClassifier head = models::TokenClassifier::load(config, *model.weights);
  return TokenTagger(std::make_unique<Content>(Content{std::move(model), std::move(head)}));
}

const std::vector<std::string>& TokenTagger::labels() const noexcept {
  return content_->head.labels();
}

std::vector<text::Encoding> TokenTagger::tokenize(std::string_view text,
                                                  const TagOptions& options) const {
  if (!options.stride) return {content_->model.tokenize(text)};
  if (options.aggregation == Aggregation::none) {
    fail<OptionError>("TokenTagger: stride: expected an aggregation other than none with it");
  }
  text::EncodeOptions encode_options = content_->model.encode_options;
  encode_options.truncation = text::Truncation::longest_first;
  encode_options.stride = *options.stride;
  return content_->model.tokenizer.encode_windows(text, encode_options);
}

std::vector<std::vector<TaggedSpan>> TokenTagger::tag(
    std::span<const std::string> texts, std::span<const std::vector<text::Encoding>> windows,
    const TagOptions& options) const {
  if (texts.size() != windows.size()) {
    fail<ShapeError>("TokenTagger: windows: expected those of ", texts.size(), " texts, got ",
                     windows.size());
  }
  const TextWindows all(windows);
  std::vector<std::vector<TaggedSpan>> out(texts.size());
  content_->model.run(all.encodings, [&](SequenceRange range, const RaggedTensor& hidden) {
    const RaggedTensor scores = ops::softmax(content_->head(hidden));
    for (int64_t i = range.begin; i < range.end; ++i) {
      const text::Encoding& window = all.encodings[static_cast<size_t>(i)];
      const size_t text = all.texts[static_cast<size_t>(i)];
      expect_within(window, text::Source::first, texts[text]);
      std::vector<TaggedSpan> found = content_->find_entities(
          texts[text], window, scores.sequence(i - range.begin), options.aggregation);
      std::ranges::move(found, std::back_inserter(out[text]));
    }
  });
  for (size_t i = 0; i < out.size(); ++i) {
    if (windows[i].size() > 1) out[i] = merge_windows(std::move(out[i]), texts[i]);
  }
  return out;
}

std::vector<std::vector<TaggedSpan>> TokenTagger::tag(std::span<const std::string> texts,
                                                      const TagOptions& options) const {
  std::vector<std::vector<text::Encoding>> windows(texts.size());
  for_each_text(texts.size(), [&](size_t i) { windows[i] = tokenize(texts[i], options); });
  return tag(texts, windows, options);
}

}  // namespace nopad
