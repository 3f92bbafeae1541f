// tokenizer.json: reading the `tokenizers` package's own file format.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "text/pipeline.h"

namespace nopad::text {

// The parts of BERT's pipeline that the file describes. Truncation and padding are left alone.
// Throws FormatError naming `where` and the component: a component of another kind, a missing or
// unknown key, a value out of range. Nothing in the file is passed over in silence.
BertParts parse_tokenizer_json(const nlohmann::json& file, std::string_view where);

}  // namespace nopad::text
