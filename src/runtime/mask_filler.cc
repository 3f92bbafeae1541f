#include "nopad/runtime/mask_filler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "nopad/core/error.h"
#include "nopad/models/masked_lm_head.h"
#include "nopad/ops/select.h"
#include "nopad/ops/softmax.h"
#include "runtime/expect_head.h"
#include "runtime/text_model.h"

namespace nopad {
namespace {

// Bounds the memory of texts that are masks all over.
constexpr size_t kMasksAtOnce = 64;

// The ids of a model's words that have a token: it may have more rows than its tokenizer has tokens.
std::vector<int32_t> find_words(const text::Tokenizer& tokenizer, int64_t num_rows) {
  std::vector<int32_t> words;
  for (int32_t id = 0; id < std::min(num_rows, tokenizer.vocab_size()); ++id) {
    if (tokenizer.contains(id)) words.push_back(id);
  }
  return words;
}

// Those of `ids` with the largest values, the largest first; of equals the first. NaN comes last.
std::vector<int32_t> find_largest(std::span<const float> values, std::vector<int32_t> ids,
                                  int64_t count) {
  const auto key = [&](int32_t i) {
    const float value = values[static_cast<size_t>(i)];
    return std::isnan(value) ? -std::numeric_limits<float>::infinity() : value;
  };
  const auto middle = ids.begin() + std::min(count, std::ssize(ids));
  std::partial_sort(ids.begin(), middle, ids.end(), [&](int32_t a, int32_t b) {
    return key(a) != key(b) ? key(a) > key(b) : a < b;
  });
  ids.erase(middle, ids.end());
  return ids;
}

struct MaskPlace {
  size_t text;   // which of the texts
  size_t token;  // of the text
};

}  // namespace

struct MaskFiller::Content {
  TextModel model;
  models::MaskedLmHead head;
  int32_t mask_id;
  std::string mask_token;
  std::vector<int32_t> words;  // what may be a candidate

  int64_t count_masks(const text::Encoding& text) const {
    return std::ranges::count(text.ids, mask_id);
  }

  text::Encoding tokenize(std::string_view text) const;
  // The probabilities [places, V] of every word, at the masks of a batch of texts.
  Tensor probabilities(std::span<const MaskPlace> places, SequenceRange texts,
                       const RaggedTensor& hidden) const;
  FilledMask fill(const text::Encoding& text, size_t token, std::span<const float> probabilities,
                  int64_t top) const;
  // Appends each mask to those of its text.
  void fill(std::span<const text::Encoding> texts, std::span<const MaskPlace> places,
            const Tensor& probabilities, int64_t top,
            std::vector<std::vector<FilledMask>>& out) const;
  std::string filled_text(const text::Encoding& text, size_t token, int32_t id) const;
};

text::Encoding MaskFiller::Content::tokenize(std::string_view text) const {
  text::Encoding encoding = model.tokenize(text);
  const int64_t num_masks = count_masks(encoding);
  if (encoding.num_truncated > 0) {
    text::EncodeOptions whole = model.encode_options;
    whole.max_length = 0;
    const int64_t num_wanted = count_masks(model.tokenizer.encode(text, whole));
    if (num_masks < num_wanted) {
      fail<LimitError>("MaskFiller: expected every ", mask_token, " within ",
                       model.encode_options.max_length, " tokens, got ", num_masks, " of ",
                       num_wanted);
    }
  }
  if (num_masks == 0) fail<InputError>("MaskFiller: expected a text with ", mask_token);
  return encoding;
}

Tensor MaskFiller::Content::probabilities(std::span<const MaskPlace> places, SequenceRange texts,
                                          const RaggedTensor& hidden) const {
  Tensor rows = Tensor::empty({std::ssize(places)}, DType::i64);
  auto next = rows.mutable_values<int64_t>().begin();
  for (const MaskPlace& place : places) {
    const int64_t begin = hidden.layout().offset(static_cast<int64_t>(place.text) - texts.begin);
    *next++ = begin + static_cast<int64_t>(place.token);
  }
  return ops::softmax(head(ops::gather_rows(hidden.values(), rows)));
}

// With one mask, as transformers' "sequence"; the masks that others leave stay visible.
std::string MaskFiller::Content::filled_text(const text::Encoding& text, size_t token,
                                             int32_t id) const {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.sources[i] != text::Source::frame) ids.push_back(i == token ? id : text.ids[i]);
  }
  return model.tokenizer.decode(ids, count_masks(text) == 1);
}

FilledMask MaskFiller::Content::fill(const text::Encoding& text, size_t token,
                                     std::span<const float> probabilities, int64_t top) const {
  FilledMask out{.span = text.spans[token], .candidates = {}};
  for (const int32_t id : find_largest(probabilities, words, top)) {
    out.candidates.push_back({.id = id,
                              .token = model.tokenizer.decode(std::span(&id, 1), false),
                              .score = probabilities[static_cast<size_t>(id)],
                              .text = filled_text(text, token, id)});
  }
  return out;
}

void MaskFiller::Content::fill(std::span<const text::Encoding> texts,
                               std::span<const MaskPlace> places, const Tensor& probabilities,
                               int64_t top, std::vector<std::vector<FilledMask>>& out) const {
  for (size_t i = 0; i < places.size(); ++i) {
    const auto [text, token] = places[i];
    const auto row = static_cast<int64_t>(i);
    out[text].push_back(
        fill(texts[text], token, probabilities.rows(row, row + 1).values<float>(), top));
  }
}

MaskFiller::MaskFiller(std::unique_ptr<Content> content) : content_(std::move(content)) {}
MaskFiller::~MaskFiller() = default;
MaskFiller::MaskFiller(MaskFiller&&) noexcept = default;
MaskFiller& MaskFiller::operator=(MaskFiller&&) noexcept = default;

MaskFiller MaskFiller::load(const std::filesystem::path& directory, const ModelOptions& options) {
  TextModel model = TextModel::load(directory, options);
  const ExecutionScope scope(model.execution);
  const io::ModelConfig& config = model.directory.config;
  expect_head(model, {"masked words", "ForMaskedLM"},
              models::MaskedLmHead::expected_weights(config, *model.weights));
  models::MaskedLmHead head = models::MaskedLmHead::load(config, *model.weights);
  const std::optional<int32_t> mask_id = model.tokenizer.special_ids().mask;
  if (!mask_id) {
    fail<FormatError>(model.directory.transformer.string(),
                      ": tokenizer: expected a mask token, got none");
  }
  std::string mask_token(model.tokenizer.token(*mask_id));
  std::vector<int32_t> words = find_words(model.tokenizer, head.vocab_size());
  return MaskFiller(std::make_unique<Content>(Content{std::move(model), std::move(head), *mask_id,
                                                      std::move(mask_token), std::move(words)}));
}

const std::string& MaskFiller::mask_token() const noexcept { return content_->mask_token; }

text::Encoding MaskFiller::tokenize(std::string_view text) const {
  return content_->tokenize(text);
}

std::vector<std::vector<FilledMask>> MaskFiller::fill(std::span<const text::Encoding> texts,
                                                      int64_t top) const {
  if (top < 1) fail<OptionError>("MaskFiller: top: expected 1 or more, got ", top);
  std::vector<std::vector<FilledMask>> out(texts.size());
  content_->model.run(texts, [&](SequenceRange range, const RaggedTensor& hidden) {
    std::vector<MaskPlace> places;
    for (auto i = static_cast<size_t>(range.begin); i < static_cast<size_t>(range.end); ++i) {
      for (size_t token = 0; token < texts[i].size(); ++token) {
        if (texts[i].ids[token] == content_->mask_id) places.push_back({i, token});
      }
    }
    for (std::span<const MaskPlace> rest = places; !rest.empty();) {
      const auto some = rest.first(std::min(kMasksAtOnce, rest.size()));
      content_->fill(texts, some, content_->probabilities(some, range, hidden), top, out);
      rest = rest.subspan(some.size());
    }
  });
  return out;
}

std::vector<std::vector<FilledMask>> MaskFiller::fill(std::span<const std::string> texts,
                                                      int64_t top) const {
  std::vector<text::Encoding> encodings(texts.size());
  for_each_text(texts.size(), [&](size_t i) { encodings[i] = tokenize(texts[i]); });
  return fill(encodings, top);
}

}  // namespace nopad
