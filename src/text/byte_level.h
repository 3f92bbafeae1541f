// Byte-level BPE's alphabet and words: every byte is a visible character, and GPT-2's pattern splits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nopad::text {

// The kinds of characters that GPT-2's pattern tells apart, as Unicode 16.0 has them.
enum class CharGroup : uint8_t { other, letter, number, space };
CharGroup char_group(char32_t c) noexcept;

// The end of the word that begins at text[at], by GPT-2's pattern:
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// Every character belongs to one word. `text` must be UTF-8 and `at` less than its size.
size_t byte_level_word_end(std::string_view text, size_t at) noexcept;

// The character that stands for a byte: itself if it is visible Latin-1, else one from U+0100 on.
char32_t char_of_byte(unsigned char byte) noexcept;
// The byte that a character stands for.
std::optional<unsigned char> byte_of_char(char32_t c) noexcept;
// Each byte as its character.
std::string to_byte_chars(std::string_view bytes);
// The bytes of such a text; none if it holds another character.
std::optional<std::string> from_byte_chars(std::string_view text);

}  // namespace nopad::text
