// parse_token_model: tokenizer.json's "model".
#pragma once

#include <memory>

#include "text/json_component.h"
#include "text/token_model.h"

namespace nopad::text {

// part  : the value of the key "model". Files of old releases lack its "type", which its keys then
//         tell.
// where : the file, for messages about the vocab
// Throws FormatError naming the component: a type that is not known, a missing or unknown key, a value
//        out of range, dropout other than 0, and what the models refuse.
std::unique_ptr<TokenModel> parse_token_model(const Component& part, std::string_view where);

// A vocab written as an object, from tokens to ids. Throws FormatError: see Vocab::from_entries.
Vocab parse_vocab(const Component& part, std::string_view where);

}  // namespace nopad::text
