// grapheme_end: where a character as people see it ends.
#pragma once

#include <cstddef>
#include <string_view>

namespace nopad::text {

// The end of the extended grapheme cluster that begins at text[begin], where one does.
// text   : UTF-8
// begin  : less than text.size()
// Cost   : linear in the length of the cluster
// Source : Unicode Standard Annex 29, rules GB3 to GB13, with the classes of the `tokenizers` package
//          0.23.3 (Unicode 17).
size_t grapheme_end(std::string_view text, size_t begin) noexcept;

}  // namespace nopad::text
