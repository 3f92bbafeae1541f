// parse_pre_tokenizer: tokenizer.json's "pre_tokenizer".
#pragma once

#include <memory>

#include "text/json_component.h"
#include "text/pre_tokenizer.h"
#include "text/pre_tokenizers/split.h"

namespace nopad::text {

// part   : the value of the key "pre_tokenizer", not null
// return : null for a "Sequence" without steps
// Throws FormatError naming the component: a type that is not known, a missing or unknown key, a value
//        out of range.
std::unique_ptr<const PreTokenizer> parse_pre_tokenizer(const Component& part);

// {"String": "a"} or {"Regex": "a+"}. Throws FormatError.
Pattern parse_pattern(const Component& part);

}  // namespace nopad::text
