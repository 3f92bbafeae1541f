#include "text/vocab.h"

#include <algorithm>
#include <utility>

#include "io/json.h"
#include "nopad/core/error.h"
#include "text/unicode.h"

namespace nopad::text {
namespace {

void expect_count(size_t num_tokens, std::string_view where) {
  if (num_tokens == 0) fail<FormatError>(where, ": vocab: expected at least one token, got none");
  if (num_tokens > kMaxTokens) {
    fail<FormatError>(where, ": vocab: expected at most ", kMaxTokens, " tokens, got ", num_tokens);
  }
}

void expect_token(std::string_view token, std::string_view where, std::string_view place,
                  int64_t number) {
  if (token.size() > kMaxTokenBytes) {
    fail<FormatError>(where, ": ", place, " ", number, ": expected a token of at most ",
                      kMaxTokenBytes, " bytes, got ", token.size());
  }
  const size_t invalid = find_invalid_utf8(token);
  if (invalid < token.size()) {
    fail<FormatError>(where, ": ", place, " ", number,
                      ": expected UTF-8, got an invalid byte at offset ", invalid);
  }
}

}  // namespace

Vocab Vocab::from_lines(std::string_view text, std::string_view where) {
  std::vector<std::string> tokens;
  while (!text.empty() && tokens.size() <= kMaxTokens) {
    const size_t length = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, length);
    expect_token(line, where, "line", static_cast<int64_t>(tokens.size()) + 1);
    tokens.emplace_back(trim_end(line));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  expect_count(tokens.size(), where);
  const std::vector<bool> used(tokens.size(), true);
  return Vocab(std::move(tokens), used);
}

Vocab Vocab::from_entries(std::vector<VocabEntry> entries, std::string_view where) {
  expect_count(entries.size(), where);
  std::vector<std::string> tokens;
  std::vector<bool> used;
  for (VocabEntry& entry : entries) {
    if (entry.id < 0 || entry.id >= static_cast<int64_t>(kMaxTokens)) {
      fail<FormatError>(where, ": vocab: expected ids from 0 to ", kMaxTokens - 1, ", got ",
                        entry.id);
    }
    expect_token(entry.token, where, "vocab: token", entry.id);
    const auto id = static_cast<size_t>(entry.id);
    if (id >= tokens.size()) {
      tokens.resize(id + 1);
      used.resize(id + 1);
    }
    if (used[id]) {
      fail<FormatError>(where, ": vocab: expected one token per id, got ", io::quote(tokens[id]),
                        " and ", io::quote(entry.token), " with id ", entry.id);
    }
    tokens[id] = std::move(entry.token);
    used[id] = true;
  }
  return Vocab(std::move(tokens), used);
}

Vocab::Vocab(std::vector<std::string> tokens, const std::vector<bool>& used)
    : tokens_(std::move(tokens)) {
  std::vector<std::pair<std::string_view, int32_t>> keys;
  keys.reserve(tokens_.size());
  for (size_t id = 0; id < tokens_.size(); ++id) {
    if (used[id]) keys.emplace_back(tokens_[id], static_cast<int32_t>(id));
  }
  trie_ = Trie(std::move(keys));
}

std::optional<int32_t> Vocab::find(std::string_view token) const noexcept {
  const int32_t id = trie_.find(token);
  return id == Trie::kNone ? std::nullopt : std::optional(id);
}

bool Vocab::contains(int64_t id) const noexcept {
  // A hole's empty string finds nothing, or the empty token under its own id.
  return id >= 0 && id < size() && find(tokens_[static_cast<size_t>(id)]) == id;
}

}  // namespace nopad::text
