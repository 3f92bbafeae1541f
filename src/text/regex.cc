#include "text/regex.h"

#include <algorithm>
#include <cstdint>
#include <new>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "io/json.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

constexpr size_t kMaxPatternBytes = 1 << 16;
constexpr uint32_t kMaxStepsPerChar = 10'000;
constexpr uint32_t kMaxDepth = 100'000;
constexpr uint32_t kMaxHeapKibibytes = 64 * 1024;
// The insides of classes as Oniguruma has them, by Unicode 16.0. PCRE2's \s holds U+180E, its \w has no
// marks, its \h is not that of hexadecimal digits, and Debian 12's knows Unicode 14.0 only: the ranges
// at the ends are the letters and numbers since then.
constexpr std::string_view kSpaces =
    R"(\t-\r\x20\x85\xa0\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view kHexDigits = "0-9A-Fa-f";
constexpr std::string_view kLetters =
    R"(\p{L}\x{1c89}-\x{1c8a}\x{a7cb}-\x{a7cd}\x{a7da}-\x{a7dc}\x{105c0}-\x{105f3})"
    R"(\x{10d4a}-\x{10d65}\x{10d6f}-\x{10d85}\x{10ec2}-\x{10ec4}\x{1123f}-\x{11240})"
    R"(\x{11380}-\x{11389}\x{1138b}\x{1138e}\x{11390}-\x{113b5}\x{113b7}\x{113d1})"
    R"(\x{113d3}\x{11bc0}-\x{11be0}\x{11f02}\x{11f04}-\x{11f10}\x{11f12}-\x{11f33})"
    R"(\x{1342f}\x{13441}-\x{13446}\x{13460}-\x{143fa}\x{16100}-\x{1611d})"
    R"(\x{16d40}-\x{16d6c}\x{18cff}\x{1b132}\x{1b155}\x{1df25}-\x{1df2a})"
    R"(\x{1e030}-\x{1e06d}\x{1e4d0}-\x{1e4eb}\x{1e5d0}-\x{1e5ed}\x{1e5f0}\x{2b739})"
    R"(\x{2ebf0}-\x{2ee5d}\x{31350}-\x{323af})";
constexpr std::string_view kNumbers =
    R"(\p{N}\x{10d40}-\x{10d49}\x{116d0}-\x{116e3}\x{11bf0}-\x{11bf9}\x{11f50}-\x{11f59})"
    R"(\x{16130}-\x{16139}\x{16d70}-\x{16d79}\x{1ccf0}-\x{1ccf9}\x{1d2c0}-\x{1d2d3})"
    R"(\x{1e4f0}-\x{1e4f9}\x{1e5f1}-\x{1e5fa})";
// Alphabetic characters, marks, digits and what joins words.
constexpr std::string_view kWordsBeyondLetters =
    R"(\p{M}\p{Nd}\p{Nl}\p{Pc}\xb2\xb3\xb9\xbc-\xbe\x{24b6}-\x{24e9}\x{1f130}-\x{1f149})"
    R"(\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";

template <auto free>
struct Free {
  template <class T>
  void operator()(T* value) const noexcept {
    free(value);
  }
};
using CodePtr = std::unique_ptr<pcre2_code, Free<pcre2_code_free>>;
using MatchDataPtr = std::unique_ptr<pcre2_match_data, Free<pcre2_match_data_free>>;
using MatchContextPtr = std::unique_ptr<pcre2_match_context, Free<pcre2_match_context_free>>;

// An escape that PCRE2 means otherwise, and the inside of the class that it stands for.
struct Escape {
  std::string_view name;
  std::string inside;
  bool negated;
};

const std::vector<Escape>& escapes() {
  static const std::string kWords = concat(kLetters, kWordsBeyondLetters);
  static const std::vector<Escape> kEscapes = {{"\\s", std::string(kSpaces), false},
                                               {"\\S", std::string(kSpaces), true},
                                               {"\\w", kWords, false},
                                               {"\\W", kWords, true},
                                               {"\\h", std::string(kHexDigits), false},
                                               {"\\H", std::string(kHexDigits), true},
                                               {"\\p{L}", std::string(kLetters), false},
                                               {"\\P{L}", std::string(kLetters), true},
                                               {"\\p{N}", std::string(kNumbers), false},
                                               {"\\P{N}", std::string(kNumbers), true}};
  return kEscapes;
}

// The pattern with these escapes spelled out. Negated ones inside a class, as in [\S], keep PCRE2's
// meaning: a class can't hold what another one leaves out.
std::string spell_out_classes(std::string_view pattern) {
  std::string out;
  bool in_class = false;
  while (!pattern.empty()) {
    const auto found = std::find_if(escapes().begin(), escapes().end(), [&](const Escape& escape) {
      return pattern.starts_with(escape.name) && !(escape.negated && in_class);
    });
    if (found != escapes().end()) {
      out += in_class ? found->inside : concat(found->negated ? "[^" : "[", found->inside, "]");
      pattern.remove_prefix(found->name.size());
      continue;
    }
    const size_t num_bytes = pattern[0] == '\\' && pattern.size() > 1 ? 2 : 1;
    if (pattern[0] == '[') in_class = true;
    if (pattern[0] == ']') in_class = false;
    out += pattern.substr(0, num_bytes);
    pattern.remove_prefix(num_bytes);
  }
  return out;
}

std::string error_message(int error) {
  char message[256] = {};
  pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(message), sizeof message);
  return message;
}

template <class T>
T* expect_memory(T* value) {
  if (value == nullptr) throw std::bad_alloc();
  return value;
}

}  // namespace

struct Regex::Code {
  CodePtr code;
};

Regex::Regex(std::string_view pattern, std::string_view where) : pattern_(pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    fail<FormatError>(where, ": pattern: expected at most ", kMaxPatternBytes, " bytes, got ",
                      pattern.size());
  }
  const std::string spelled = spell_out_classes(pattern);
  int error = 0;
  PCRE2_SIZE offset = 0;
  CodePtr code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(spelled.data()), spelled.size(),
                             PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset,
                             nullptr));
  if (!code) {
    fail<FormatError>(where, ": pattern: expected a regular expression, got ", io::quote(pattern),
                      " (", error_message(error), ")");
  }
  code_ = std::make_shared<const Code>(Code{std::move(code)});
}

std::vector<Regex::Match> Regex::find_all(std::string_view text) const {
  const pcre2_code* code = code_->code.get();
  const MatchDataPtr data(expect_memory(pcre2_match_data_create_from_pattern(code, nullptr)));
  const MatchContextPtr context(expect_memory(pcre2_match_context_create(nullptr)));
  const uint64_t max_steps = uint64_t{kMaxStepsPerChar} * (text.size() + 1);
  pcre2_set_match_limit(context.get(),
                        static_cast<uint32_t>(std::min<uint64_t>(max_steps, 1u << 31)));
  pcre2_set_depth_limit(context.get(), kMaxDepth);
  pcre2_set_heap_limit(context.get(), kMaxHeapKibibytes);
  std::vector<Match> matches;
  // An empty match may not stand where the last one ended: one character on, then.
  for (size_t at = 0; at <= text.size();) {
    const int found = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                                  PCRE2_NO_UTF_CHECK, data.get(), context.get());
    if (found == PCRE2_ERROR_NOMATCH) break;
    if (found < 0) {
      fail<LimitError>("encode: text: expected one that the pattern ", io::quote(pattern_),
                       " is quickly found in, got one of ", text.size(),
                       " bytes on which it is not (", error_message(found), ")");
    }
    const PCRE2_SIZE* span = pcre2_get_ovector_pointer(data.get());
    const size_t begin = span[0], end = std::max(span[0], span[1]);
    matches.emplace_back(begin, end);
    at = end;
    if (begin < end) continue;
    do ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80);
  }
  return matches;
}

}  // namespace nopad::text
