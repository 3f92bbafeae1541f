// parse_decoder: tokenizer.json's "decoder".
#pragma once

#include <memory>

#include "text/decoder.h"
#include "text/json_component.h"

namespace nopad::text {

// part   : the value of the key "decoder", not null
// Throws FormatError naming the component: a type that is not known, a missing or unknown key, a value
//        out of range.
std::unique_ptr<const Decoder> parse_decoder(const Component& part);

}  // namespace nopad::text
