// TokenizerConfig: what a model directory's tokenizer_config.json says about the text it wants.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/pipeline.h"

namespace nopad::text {

// Classes of transformers whose settings are known here, with or without "Fast" at their end.
enum class TokenizerFamily { bert, mpnet, roberta, other };

struct TokenizerConfig {
  std::optional<std::string> tokenizer_class;
  // That of tokenizer_class; `other` if it is not known, `bert` if no class is named.
  TokenizerFamily family = TokenizerFamily::bert;
  // The settings that replace those of tokenizer.json; none if its own stand.
  // Source : transformers 4.57 and 5.23. BertTokenizer and its kin (also when no class is named) are
  //          built with the file's values or the class's defaults, whatever tokenizer.json says;
  //          PreTrainedTokenizerFast and others take tokenizer.json as it is.
  std::optional<BertNormalizer::Config> normalizer;  // of `bert` and `mpnet`
  std::optional<bool> add_prefix_space;              // of `roberta`
  SpecialNames names;
  std::vector<AddedToken> added_tokens;  // of added_tokens_decoder
  std::optional<int64_t> model_max_length;
};

// Throws FormatError naming `where` and the key: a value of the wrong type, or an added token that
// is incomplete.
TokenizerConfig parse_tokenizer_config(const nlohmann::json& file, std::string_view where);

// What the class calls the tokens that `names` does not name.
SpecialNames fill_names(SpecialNames names, TokenizerFamily family);

// One entry of "added_tokens" or "added_tokens_decoder". `id` is taken from the entry if not given.
AddedToken parse_added_token(const nlohmann::json& entry, std::optional<int64_t> id,
                             std::string_view where);

}  // namespace nopad::text
