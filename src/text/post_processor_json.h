// parse_post_processor: tokenizer.json's "post_processor".
#pragma once

#include "text/frame.h"
#include "text/json_component.h"

namespace nopad::text {

// part   : the value of the key "post_processor"; null: no tokens around a text
// Throws FormatError naming the component: a type that is not known, a missing or unknown key, a value
//        out of range, a template that does not use each text once, two that put tokens around a text.
PostProcessing parse_post_processor(const Component& part);

}  // namespace nopad::text
