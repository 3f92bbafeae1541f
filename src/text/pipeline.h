// Pipeline: the parts of a tokenizer, and how the loaders put them together.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/text/padding.h"
#include "nopad/text/tokenizer.h"
#include "text/added_tokens.h"
#include "text/bert_normalizer.h"
#include "text/decoder.h"
#include "text/frame.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/segment_encoder.h"
#include "text/token_model.h"

namespace nopad::text {

struct Pipeline {
  std::unique_ptr<const SegmentEncoder> encoder;
  AddedTokenMatcher raw_tokens;          // looked for in the raw text
  std::vector<AddedToken> added_tokens;  // all of them
  std::set<int32_t> added_ids;           // theirs
  PostProcessing post_processing;
  std::unique_ptr<const Decoder> decoder;  // null: tokens joined by blanks
  SpecialIds special_ids;
  std::set<int32_t> skipped_ids;  // left out by decode()
  // Added tokens that decode() writes otherwise: as the normalizer leaves them.
  std::map<int32_t, std::string> normalized_contents;
  std::optional<int64_t> model_max_length;
  std::optional<EncodeOptions> stored_truncation;
  std::optional<Padding> stored_padding;
  std::string origin;  // the file's name
};

// The tokens with a role, as tokenizer_config.json names them; their ids are not set.
struct SpecialNames {
  std::optional<AddedToken> unknown;
  std::optional<AddedToken> classify;
  std::optional<AddedToken> separate;
  std::optional<AddedToken> pad;
  std::optional<AddedToken> mask;
  std::vector<AddedToken> others;  // "bos_token", "eos_token", "additional_special_tokens"
};

// A special token as a name alone gives it.
AddedToken make_special(std::string_view content);
// "[UNK]", "[CLS]", "[SEP]", "[PAD]" and "[MASK]".
SpecialNames make_bert_names();
// "<unk>", "<s>", "</s>", "<pad>", and "<mask>", which takes the white space before it.
SpecialNames make_roberta_names();

// A pipeline before its parts are checked against each other and put together.
struct PipelineParts {
  std::optional<BertNormalizer::Config> bert_normalizer;  // set: that is the normalizer
  std::unique_ptr<const Normalizer> normalizer;           // else this, or none
  std::unique_ptr<const PreTokenizer> pre_tokenizer;      // null: none
  std::unique_ptr<TokenModel> model;
  std::vector<AddedToken> added_tokens;
  PostProcessing post_processing;
  std::unique_ptr<const Decoder> decoder;
  SpecialNames names;
  std::optional<int64_t> model_max_length;
  std::optional<EncodeOptions> stored_truncation;
  std::optional<Padding> stored_padding;
};

// BERT's parts around a vocab: of MPNet's kind, the frame is RoBERTa's.
// Throws FormatError naming `where`: the vocab lacks names.unknown, names.classify or names.separate,
//        or one of them is not given.
enum class FrameKind { bert, roberta };
PipelineParts make_bert_parts(Vocab vocab, SpecialNames names, FrameKind frame,
                              std::string_view where);

// The tokens in `names` that the vocab has are made added tokens if they are not yet, as transformers
// does. Chains that are BERT's or RoBERTa's in whole get an encoder of their own.
// Throws FormatError naming `where`: names.unknown, names.classify or names.separate given, but not in
//        the vocab, an added token whose id is not that of the vocab or the next free one, or a frame
//        that names an id without a token.
std::shared_ptr<const Pipeline> build_pipeline(PipelineParts parts, std::string_view where);

}  // namespace nopad::text
