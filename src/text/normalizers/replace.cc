#include "text/normalizers/replace.h"

#include <algorithm>

#include "text/normalizers/rewrite.h"
#include "text/unicode.h"

namespace nopad::text::normalizers {
namespace {

std::vector<Regex::Match> find_literal(std::string_view text, std::string_view pattern) {
  std::vector<Regex::Match> out;
  for (size_t at = text.find(pattern); at != text.npos; at = text.find(pattern, at)) {
    out.emplace_back(at, at + pattern.size());
    at += pattern.size();
  }
  return out;
}

std::vector<Regex::Match> find_all_places(std::string_view text) {
  std::vector<Regex::Match> out;
  for (size_t at = 0; at < text.size(); at += decode_utf8(text, at).num_bytes) {
    out.emplace_back(at, at);
  }
  out.emplace_back(text.size(), text.size());
  return out;
}

std::vector<Regex::Match> find_runs_of_blanks(std::string_view text) {
  std::vector<Regex::Match> out;
  for (size_t at = text.find("  "); at != text.npos; at = text.find("  ", at)) {
    const size_t end = std::min(text.find_first_not_of(' ', at), text.size());
    out.emplace_back(at, end);
    at = end;
  }
  return out;
}

}  // namespace

Replace Replace::literal(std::string_view pattern, std::string_view content) {
  return {std::string(pattern), content};
}

Replace Replace::regex(std::string_view pattern, std::string_view content, std::string_view where) {
  if (pattern == " {2,}") return {RunsOfBlanks{}, content};
  return {Regex(pattern, where), content};
}

Replace::Matches Replace::find_matches(std::string_view text) const {
  if (const auto* regex = std::get_if<Regex>(&pattern_)) return regex->find_all(text);
  const auto* literal = std::get_if<std::string>(&pattern_);
  if (literal == nullptr) return find_runs_of_blanks(text);
  return literal->empty() ? find_all_places(text) : find_literal(text, *literal);
}

void Replace::apply(NormalizedText& text) const {
  const std::string_view old = text.bytes();
  const Matches matches = find_matches(old);
  if (matches.empty()) return;
  Rewrite rewrite(text);
  size_t kept = 0;
  for (const auto& [begin, end] : matches) {
    rewrite.keep(old.substr(kept, begin - kept));
    // What is new takes the source of the last character that it stands for.
    rewrite.remove(count_chars(old.substr(begin, end - begin)));
    rewrite.insert(content_);
    kept = end;
  }
  rewrite.keep(old.substr(kept));
  rewrite.finish();
}

}  // namespace nopad::text::normalizers
