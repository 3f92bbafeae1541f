// Reranker: how well documents answer a query, read together with it by a cross-encoder.
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

struct RankedDocument {
  int64_t index = 0;  // among the documents
  float score = 0;
};

// A sequence classifier of one label that reads (query, document). Const calls are safe from several
// threads. A pair's score has the same bits whatever other pairs it is scored with, and however many
// threads run.
class Reranker {
 public:
  // Throws FileError, FormatError, WeightError: naming the file, and a head that is missing or has
  // more labels than one.
  static Reranker load(const std::filesystem::path& directory, const ModelOptions& options = {});
  ~Reranker();
  Reranker(Reranker&&) noexcept;
  Reranker& operator=(Reranker&&) noexcept;

  // Edge   : an empty document is read as one, between two separators
  // Throws : InputError, not UTF-8; LimitError, too long when not truncating
  text::Encoding tokenize(std::string_view query, std::string_view document) const;
  // return : one score for each pair, by the activation that a cross-encoder's config.json names
  //          ("sentence_transformers": {"activation_fn": ...}), else a sigmoid
  // Source : sentence_transformers.CrossEncoder.predict
  std::vector<float> scores(std::span<const text::Encoding> pairs) const;

  // The documents, best first; of equal ones the earlier; NaN last. top: how many; 0: all.
  // Throws : as tokenize, "text 3: " before what concerns a document; OptionError, top negative
  std::vector<RankedDocument> rank(std::string_view query, std::span<const std::string> documents,
                                   int64_t top = 0) const;

 private:
  struct Content;
  explicit Reranker(std::unique_ptr<Content> content);
  std::unique_ptr<Content> content_;
};

// The best of `scores`, whose places are the documents' indices: as Reranker::rank().
std::vector<RankedDocument> rank_scores(std::span<const float> scores, int64_t top = 0);

}  // namespace nopad
