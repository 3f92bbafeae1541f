// lower_case: a text in lower case, for directories that want it before tokenization.
#pragma once

#include <string>
#include <string_view>

namespace nopad::text {

// Each character's full lower case by itself ("İ" gives two), as the tokenizer's own lower-casing; what is
// not UTF-8 stays as it is.
std::string lower_case(std::string_view text);

}  // namespace nopad::text
