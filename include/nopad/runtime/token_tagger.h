// TokenTagger: labels for the tokens of a text, one by one or gathered into entities.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/runtime/model_options.h"
#include "nopad/text/tokenizer.h"

namespace nopad {

// How the labels of tokens become entities, by the names of transformers' pipeline.
// `none`    : each token is one
// `simple`  : neighbours of one label (after "B-" and "I-") are one
// `first`, `max`, `average` : first each word gets one label: that of its first token, of its surest
//             one, or of the mean over its tokens; then as `simple`
enum class Aggregation { none, simple, first, max, average };
// Throws OptionError: another name.
Aggregation aggregation_from_string(std::string_view name);

struct TagOptions {
  Aggregation aggregation = Aggregation::simple;
  // Tokens that a window over a long text shares with the one before; none: such a text is cut.
  std::optional<int64_t> stride = {};
};

struct TaggedSpan {
  std::string label;  // "B-PER" of a token, "PER" of an entity
  float score = 0;
  text::Span span;  // in the text

  friend bool operator==(const TaggedSpan&, const TaggedSpan&) = default;
};

// A model saved with a token classifier. Scores have the same bits whatever other texts are tagged
// with them, and however many threads run.
class TokenTagger {
 public:
  // Throws FileError, FormatError, WeightError: naming the file, and a head that is missing.
  static TokenTagger load(const std::filesystem::path& directory, const ModelOptions& options = {});
  ~TokenTagger();
  TokenTagger(TokenTagger&&) noexcept;
  TokenTagger& operator=(TokenTagger&&) noexcept;

  const std::vector<std::string>& labels() const noexcept;  // by their number

  // The text, or with a stride the windows over it, in its order.
  // Throws InputError: not UTF-8; LimitError: too long when neither cut nor read in windows, or a
  // stride of a window or more; OptionError: a stride below 0, or one without aggregation.
  std::vector<text::Encoding> tokenize(std::string_view text, const TagOptions& options = {}) const;

  // windows : tokenize() of each text
  // return  : for each text, what is not labelled "O", in its order; of windows that find different
  //           entities at one place the longest
  // Throws  : InputError, an id outside the vocabulary; ShapeError, another number of texts, or
  //           windows over another text; OptionError, windows without aggregation
  // Source  : transformers' token-classification pipeline
  std::vector<std::vector<TaggedSpan>> tag(std::span<const std::string> texts,
                                           std::span<const std::vector<text::Encoding>> windows,
                                           const TagOptions& options = {}) const;
  std::vector<std::vector<TaggedSpan>> tag(std::span<const std::string> texts,
                                           const TagOptions& options = {}) const;

 private:
  struct Content;
  explicit TokenTagger(std::unique_ptr<Content> content);
  std::unique_ptr<Content> content_;
};

}  // namespace nopad
