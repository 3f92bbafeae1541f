// SparseEncoder: texts in, weights of a vocabulary's words out (SPLADE).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/runtime/model_options.h"
#include "nopad/text/tokenizer.h"

namespace nopad {

// The words of one text whose weights are above 0, by rising id.
struct SparseVector {
  std::vector<int32_t> ids;
  std::vector<float> weights;
};

// A model with a masked language model's head; a text's weight of a word is the largest of
// log(1 + relu(logit)) over its tokens. A vector has the same bits whatever other texts it is
// encoded with, and however many threads run.
class SparseEncoder {
 public:
  // Throws FileError, FormatError, WeightError: naming the file, and a head that is missing.
  static SparseEncoder load(const std::filesystem::path& directory,
                            const ModelOptions& options = {});
  ~SparseEncoder();
  SparseEncoder(SparseEncoder&&) noexcept;
  SparseEncoder& operator=(SparseEncoder&&) noexcept;

  int64_t dim() const noexcept;  // words of the vocabulary
  const text::Tokenizer& tokenizer() const noexcept;

  // Throws InputError: not UTF-8; LimitError: too long when not truncating.
  text::Encoding tokenize(std::string_view text) const;
  std::vector<SparseVector> encode(std::span<const text::Encoding> texts) const;
  std::vector<SparseVector> embed(std::span<const std::string> texts) const;

 private:
  struct Content;
  explicit SparseEncoder(std::unique_ptr<Content> content);
  std::unique_ptr<Content> content_;
};

}  // namespace nopad
