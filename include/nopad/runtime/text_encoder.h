// TextEncoder: texts in, vectors out, from a model directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/core/execution.h"
#include "nopad/core/pooling.h"
#include "nopad/core/tensor.h"
#include "nopad/runtime/model_options.h"
#include "nopad/runtime/tokenized_texts.h"

namespace nopad {

// What becomes of the tokens' vectors, instead of what the directory says.
struct SentenceOptions {
  std::optional<Pooling> pooling = {};  // one without modules.json needs it
  std::optional<bool> normalize = {};
  // Which of the directory's prompts to put before each text; none: its default, if it has one.
  std::optional<std::string> prompt_name = {};
};

// A sentence encoder. Const calls are safe from several threads; they take turns on the encoder's
// threads. A text's vector has the same bits whatever other texts it is encoded with, and however
// many threads run.
class TextEncoder {
 public:
  // Loads a sentence-transformers directory, or a plain transformers one when a pooling is given.
  // Throws FileError, FormatError, WeightError: naming the file; OptionError: a pooling that has to
  // be chosen, bf16 on a machine without tiles, a prompt that the directory has not.
  static TextEncoder load(const std::filesystem::path& directory, const ModelOptions& options = {},
                          const SentenceOptions& sentence = {});
  ~TextEncoder();
  TextEncoder(TextEncoder&&) noexcept;
  TextEncoder& operator=(TextEncoder&&) noexcept;

  int64_t dim() const noexcept;         // the length of the vectors
  int64_t max_length() const noexcept;  // the most tokens of a text, special ones included
  ComputeType dtype() const noexcept;   // f32 or bf16
  const Execution& execution() const noexcept;

  // texts  : any number, each UTF-8; an empty text is the model's special tokens alone
  // return : [texts, dim()] f32, in the order of the texts
  // Throws : InputError, "text 3: ...", invalid UTF-8; LimitError, too long when not truncating
  Tensor embed(std::span<const std::string> texts) const;
  Tensor embed(std::initializer_list<std::string> texts) const;

  // The two halves of embed(), for those who count tokens or keep them.
  TokenizedTexts tokenize(std::span<const std::string> texts) const;
  // One text more at the end of `out`. Throws as embed(), without the "text 3: ".
  void append(std::string_view text, TokenizedTexts& out) const;
  // return : [texts, dim()] f32
  // Throws : InputError, an id outside the vocabulary; LimitError, longer than the model's positions;
  //          ShapeError, ids or type_ids that are not one for each token of the lengths
  Tensor encode(const TokenizedTexts& texts) const;

 private:
  struct Content;
  explicit TextEncoder(std::unique_ptr<Content> content);
  std::unique_ptr<Content> content_;
};

}  // namespace nopad
