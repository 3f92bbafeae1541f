#include "text/added_tokens.h"

#include <algorithm>
#include <utility>

#include "text/unicode.h"

namespace nopad::text {
namespace {

size_t last_char(std::string_view text) noexcept {
  size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
  return at;
}

size_t skip_space(std::string_view text, size_t at) noexcept {
  while (at < text.size()) {
    const auto [c, num_bytes] = decode_utf8(text, at);
    if (!is(char_class(c), tables::kSpace)) break;
    at += num_bytes;
  }
  return at;
}

}  // namespace

void AddedTokenMatcher::add(std::string pattern, const AddedToken& token) {
  may_begin_[static_cast<unsigned char>(pattern[0])] = true;
  patterns_.push_back({std::move(pattern), token});
}

void AddedTokenMatcher::finish() {
  // The trie keeps the largest of equal keys' values: that must be the pattern that was added
  // first.
  std::reverse(patterns_.begin(), patterns_.end());
  std::vector<std::pair<std::string_view, int32_t>> keys;
  for (size_t i = 0; i < patterns_.size(); ++i) {
    keys.emplace_back(patterns_[i].text, static_cast<int32_t>(i));
  }
  trie_ = Trie(std::move(keys));
}

bool AddedTokenMatcher::stands_alone(std::string_view text, size_t begin,
                                     size_t end) const noexcept {
  const auto is_word = [&](size_t at) {
    return is(char_class(decode_utf8(text, at).value), tables::kWord);
  };
  return (begin == 0 || !is_word(last_char(text.substr(0, begin)))) &&
         (end == text.size() || !is_word(end));
}

// Source : `tokenizers` 0.23.3, added_vocabulary.rs, find_matches. A match that is not taken still
// uses
//          its bytes up.
std::vector<TextPart> AddedTokenMatcher::split(std::string_view text,
                                               bool match_special_tokens) const {
  std::vector<TextPart> parts;
  size_t done = 0;
  const auto add_text_before = [&](size_t end) {
    if (done < end) parts.push_back({TextPart::kNoToken, done, end});
  };
  for (size_t at = 0; at < text.size();) {
    if (!may_begin_[static_cast<unsigned char>(text[at])]) {
      ++at;
      continue;
    }
    const Trie::Match match = trie_.longest_match(text.substr(at));
    if (match.value == Trie::kNone) {
      ++at;
      continue;
    }
    const AddedToken& token = patterns_[static_cast<size_t>(match.value)].token;
    size_t begin = at;
    size_t end = at + match.num_bytes;
    at = end;
    if (token.special && !match_special_tokens) continue;
    if (token.single_word && !stands_alone(text, begin, end)) continue;
    if (token.lstrip) begin = std::max(trim_end(text.substr(0, begin)).size(), done);
    if (token.rstrip) end = skip_space(text, end);
    add_text_before(begin);
    parts.push_back({token.id, begin, end});
    done = end;
  }
  add_text_before(text.size());
  return parts;
}

}  // namespace nopad::text
