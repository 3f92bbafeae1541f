// Regex: regular expressions of tokenizer files, which may be hostile, on texts, which may be, too.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nopad::text {

// Immutable, and safe to use from any number of threads. PCRE2's syntax with Unicode classes. The
// package has Oniguruma's; \s, \w, \h, \p{L} and \p{N} are here as they are there, by Unicode 16.0,
// and other classes by PCRE2's Unicode.
class Regex {
 public:
  // Throws FormatError naming `where`: not a regular expression (with PCRE2's words), or a long one.
  Regex(std::string_view pattern, std::string_view where);

  using Match = std::pair<size_t, size_t>;
  // The bytes [begin, end) of all matches from left to right, which do not overlap.
  // text   : UTF-8
  // Throws LimitError: the search takes more than 10,000 steps per character, or too much memory.
  std::vector<Match> find_all(std::string_view text) const;

 private:
  struct Code;
  std::shared_ptr<const Code> code_;
  std::string pattern_;
};

}  // namespace nopad::text
