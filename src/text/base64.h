// base64: bytes as tokenizer.json writes them.
#pragma once

#include <string>
#include <string_view>

namespace nopad::text {

// The alphabet with '+' and '/', padded with '='; neither blanks nor line breaks.
std::string to_base64(std::string_view bytes);
// Throws FormatError naming `where`: a character of no such text, a length that is no multiple of
//        four, bits beyond the last byte that are not 0.
std::string from_base64(std::string_view text, std::string_view where);

}  // namespace nopad::text
