// MaskFiller: which words could stand where a text has a mask.
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

struct MaskCandidate {
  int32_t id = 0;
  std::string token;  // as decoded: "dog", " dog"
  float score = 0;    // its probability at this place
  std::string text;   // the whole text with it at this place, as decoded; other masks stay

  friend bool operator==(const MaskCandidate&, const MaskCandidate&) = default;
};

struct FilledMask {
  text::Span span;                        // of the mask, in the text
  std::vector<MaskCandidate> candidates;  // the most probable first

  friend bool operator==(const FilledMask&, const FilledMask&) = default;
};

// A model saved with a masked language model's head, alone or among others (for pre-training).
// Scores have the same bits whatever other texts are filled with them, and however many threads run.
class MaskFiller {
 public:
  // Throws FileError, FormatError, WeightError: naming the file, a head or a mask token that is
  // missing.
  static MaskFiller load(const std::filesystem::path& directory, const ModelOptions& options = {});
  ~MaskFiller();
  MaskFiller(MaskFiller&&) noexcept;
  MaskFiller& operator=(MaskFiller&&) noexcept;

  const std::string& mask_token() const noexcept;  // "[MASK]", "<mask>"

  // Throws InputError: not UTF-8, or without a mask; LimitError: too long when not truncating, or
  // a mask that was cut off.
  text::Encoding tokenize(std::string_view text) const;

  // top    : how many candidates for each mask, at most the vocabulary; 1 or more
  // return : for each text, its masks in their order
  // Throws : OptionError, top below 1; as tokenize(), "text 3: ..."; as TextModel's run: InputError,
  //          an id outside the vocabulary
  // Source : transformers' fill-mask pipeline
  std::vector<std::vector<FilledMask>> fill(std::span<const text::Encoding> texts,
                                            int64_t top = 5) const;
  std::vector<std::vector<FilledMask>> fill(std::span<const std::string> texts,
                                            int64_t top = 5) const;

 private:
  struct Content;
  explicit MaskFiller(std::unique_ptr<Content> content);
  std::unique_ptr<Content> content_;
};

}  // namespace nopad
