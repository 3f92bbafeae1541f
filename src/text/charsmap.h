// Charsmap: sentencepiece's table of characters and what they are replaced by.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nopad::text {

// Its file form: u32 length of a trie in bytes, the trie (u32 units, a double array as Darts builds
// it), then the replacements, each ended by a NUL; little endian. A rule's key has no NUL.
// The file is not trusted: every unit that a search may meet is checked when it is loaded.
class Charsmap {
 public:
  // Throws FormatError naming `where`: cut short, an empty trie or one of broken units, a unit or a
  //        replacement that lies outside, replacements that are not UTF-8.
  static Charsmap parse(std::string_view bytes, std::string_view where);

  // The replacement by the shortest rule that `text` begins with; none if there is no rule. It lives
  // as long as this object. (The shortest: so the package does it, and sentencepiece not.)
  std::optional<std::string_view> find(std::string_view text) const noexcept;
  // The same for a text of one ASCII character.
  bool changes_ascii(char c) const noexcept {
    return changes_ascii_[static_cast<unsigned char>(c)];
  }

 private:
  Charsmap() = default;
  void expect_units(std::string_view where) const;

  std::vector<uint32_t> units_;
  std::string replacements_;
  std::array<bool, 128> changes_ascii_{};
};

}  // namespace nopad::text
