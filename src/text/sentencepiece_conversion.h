// A sentencepiece model as the tokenizer.json that it would have been published with.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "text/sentencepiece_model.h"

namespace nopad::text {

// Whose vocabulary it is; they number their pieces differently.
enum class SentencePieceFamily { albert, camembert, xlm_roberta, plain };

// By tokenizer_config.json's tokenizer_class where it names one ("AlbertTokenizerFast"), else by
// config.json's model_type ("camembert"), else by the name of the file ("spiece.model" is ALBERT's,
// "sentencepiece.bpe.model" XLM-R's, others are plain).
// Throws FormatError naming `where`: a class of another family, whose rules are not known here.
SentencePieceFamily sentencepiece_family(const std::optional<std::string>& tokenizer_class,
                                         std::string_view file_name,
                                         const std::optional<std::string>& model_type,
                                         std::string_view where);

// The tokenizer.json that transformers makes of the model, without truncation and padding. `plain`
// keeps the ids of the model, puts no frame around texts, and a blank before them as the model says.
// config : tokenizer_config.json, or an empty object: ALBERT's do_lower_case (true if missing) and
//          keep_accents (false)
// Throws FormatError naming `where`: neither Unigram nor BPE, [CLS] or [SEP] missing (ALBERT), a BPE
//        piece of more than 256 bytes, fewer than three pieces, a setting that is not a boolean.
// Source : transformers 4.57, convert_slow_tokenizer.py, which nearly all published tokenizer.json
//          come from. It trims only the end of a text, or nothing (ALBERT), and does not read
//          ALBERT's remove_space. transformers 5 does it differently when it has the model file only:
//          it parts the text at white space first, and so trims it.
nlohmann::json sentencepiece_to_tokenizer_json(const SentencePieceModel& model,
                                               SentencePieceFamily family,
                                               const nlohmann::json& config,
                                               std::string_view where);

}  // namespace nopad::text
