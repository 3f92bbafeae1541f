// replace_all: one string for another, everywhere in a text.
#pragma once

#include <string>
#include <string_view>

namespace nopad::text {

// From left to right, without looking at what was put in; an empty `from` is nowhere.
void replace_all(std::string& text, std::string_view from, std::string_view to);

}  // namespace nopad::text
