// TextClassifier: which of a model's labels fits a text, or a pair of texts.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nopad/core/tensor.h"
#include "nopad/runtime/model_options.h"
#include "nopad/text/tokenizer.h"

namespace nopad {

// A model saved with a sequence classifier. One saved for pre-training or next-sentence prediction
// tells whether a second text follows a first: its labels are those of its config.json if there are
// two, else "next" and "random" (ALBERT: "in_order" and "swapped").
// Const calls are safe from several threads. A text's scores have the same bits whatever other texts
// it is classified with, and however many threads run.
class TextClassifier {
 public:
  // Throws FileError, FormatError, WeightError: naming the file, and a head that is missing.
  static TextClassifier load(const std::filesystem::path& directory,
                             const ModelOptions& options = {});
  ~TextClassifier();
  TextClassifier(TextClassifier&&) noexcept;
  TextClassifier& operator=(TextClassifier&&) noexcept;

  const std::vector<std::string>& labels() const noexcept;  // by their number
  // Whether scores are a distribution over the labels (softmax), and not one for each (sigmoid, or
  // none for regression).
  bool is_exclusive() const noexcept;
  // Whether the model only reads pairs.
  bool wants_pairs() const noexcept;

  // An empty second text is one all the same: "[CLS] a [SEP] [SEP]". (transformers' pipeline reads the
  // first alone then, its batches do as this does.)
  // Throws InputError: not UTF-8; LimitError: too long when not truncating; OptionError: a single
  // text where pairs are wanted.
  text::Encoding tokenize(std::string_view text) const;
  text::Encoding tokenize(std::string_view first, std::string_view second) const;

  // texts  : of this classifier's tokenize(), any number
  // return : [texts, labels()] f32, the model's logits
  Tensor logits(std::span<const text::Encoding> texts) const;
  // The same as scores: softmax or sigmoid over the labels, or the logits themselves for a
  // regression, as transformers' pipeline takes them from problem_type.
  Tensor scores(std::span<const text::Encoding> texts) const;
  Tensor classify(std::span<const std::string> texts) const;
  Tensor classify(std::span<const std::pair<std::string, std::string>> pairs) const;

 private:
  struct Content;
  explicit TextClassifier(std::unique_ptr<Content> content);
  std::unique_ptr<Content> content_;
};

}  // namespace nopad
