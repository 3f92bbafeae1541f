// Pipeline: the parts of a tokenizer, and how the loaders put them together.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/text/tokenizer.h"
#include "text/added_tokens.h"
#include "text/bert_normalizer.h"
#include "text/frame.h"
#include "text/segment_encoder.h"
#include "text/wordpiece.h"
#include "text/wordpiece_decoder.h"

namespace nopad::text {

struct Pipeline {
  std::unique_ptr<const SegmentEncoder> encoder;
  AddedTokenMatcher raw_tokens;          // looked for in the raw text
  std::vector<AddedToken> added_tokens;  // all of them
  Frame frame;
  std::optional<WordPieceDecoder> decoder;  // none: tokens joined by blanks
  SpecialIds special_ids;
  std::set<int32_t> skipped_ids;  // left out by decode()
  std::optional<int64_t> model_max_length;
  std::string origin;  // the file's name
};

// What the tokens with a role are called.
struct SpecialNames {
  std::string unknown = "[UNK]";
  std::string classify = "[CLS]";
  std::string separate = "[SEP]";
  std::string pad = "[PAD]";
  std::string mask = "[MASK]";
};

// BERT's pipeline before it is checked and built.
struct BertParts {
  BertNormalizer::Config normalizer;
  Vocab vocab;
  WordPiece::Config model;
  std::vector<AddedToken> added_tokens;
  std::optional<Frame> frame;  // none: BERT's
  std::optional<WordPieceDecoder> decoder = WordPieceDecoder{};
  SpecialNames names;
  std::optional<int64_t> model_max_length;
};

// Checks the parts against each other and builds the pipeline. The tokens in `names` are made added
// tokens if they are not yet, as transformers does.
// Throws FormatError naming `where`: a token with a role that is not in the vocab (padding and mask
// may be missing), an added token whose id is not that of the vocab or the next free one, or a
// frame that names an id without a token or does not use [CLS] and [SEP].
std::shared_ptr<const Pipeline> build_bert(BertParts parts, std::string_view where);

}  // namespace nopad::text
