// tokenizer.json: reading the `tokenizers` package's own file format.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "text/pipeline.h"

namespace nopad::text {

// The parts that the file describes. Its truncation and padding are read and checked, and kept aside.
// Throws FormatError naming `where` and the component: one that is not known, a missing or unknown
//        key, a value out of range. Nothing in the file is passed over in silence.
// Source : `tokenizers` 0.23.3, "version": "1.0"
PipelineParts parse_tokenizer_json(const nlohmann::json& file, std::string_view where);

}  // namespace nopad::text
