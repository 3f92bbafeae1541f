// parse_normalizer: tokenizer.json's "normalizer".
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

#include "text/normalizer.h"

namespace nopad::text {

// value  : the value of the key "normalizer", not null
// Throws FormatError naming `where`: a type that is not known, a missing or unknown key, a value out
//        of range. Nothing in the file is passed over in silence.
std::unique_ptr<const Normalizer> parse_normalizer(const nlohmann::json& value,
                                                   std::string_view where);

}  // namespace nopad::text
