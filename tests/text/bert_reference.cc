#include "text/bert_reference.h"

#include <algorithm>
#include <functional>

#include "text/unicode.h"

namespace nopad::text::reference {
namespace {

bool has(char32_t c, tables::Flag flag) { return is(char_class(c), flag); }

std::vector<Char> decode(std::string_view text) {
  std::vector<Char> out;
  for (size_t at = 0; at < text.size();) {
    const auto [c, num_bytes] = decode_utf8(text, at);
    out.push_back({c, {at, at + num_bytes}});
    at += num_bytes;
  }
  return out;
}

std::vector<Char> clean(const std::vector<Char>& text) {
  std::vector<Char> out;
  for (const Char& c : text) {
    if (has(c.value, tables::kControl)) continue;
    out.push_back({has(c.value, tables::kSpace) ? U' ' : c.value, c.source});
  }
  return out;
}

std::vector<Char> space_chinese(const std::vector<Char>& text) {
  std::vector<Char> out;
  for (const Char& c : text) {
    if (!has(c.value, tables::kChinese)) {
      out.push_back(c);
      continue;
    }
    for (const char32_t part : {U' ', c.value, U' '}) out.push_back({part, c.source});
  }
  return out;
}

// Decomposes all, then swaps neighbouring marks until their ranks rise, then deals the sources out
// again in the order of the text: a character that opens a decomposition takes the next source.
std::vector<Char> decompose_and_order(const std::vector<Char>& text) {
  struct Part {
    char32_t value;
    bool opens;
  };
  std::vector<Part> parts;
  for (const Char& c : text) {
    bool opens = true;
    for (const char32_t part : decompose(c.value)) {
      parts.push_back({part, opens});
      opens = false;
    }
  }
  for (bool swapped = true; swapped;) {
    swapped = false;
    for (size_t i = 1; i < parts.size(); ++i) {
      const int before = char_class(parts[i - 1].value).rank;
      const int after = char_class(parts[i].value).rank;
      if (after == 0 || before <= after) continue;
      std::swap(parts[i - 1], parts[i]);
      swapped = true;
    }
  }
  std::vector<Char> out;
  size_t num_opened = 0;
  for (const Part& part : parts) {
    if (part.opens) ++num_opened;
    out.push_back({part.value, text[num_opened - 1].source});
  }
  return out;
}

std::vector<Char> drop_marks(const std::vector<Char>& text) {
  std::vector<Char> out;
  std::copy_if(text.begin(), text.end(), std::back_inserter(out),
               [](const Char& c) { return !has(c.value, tables::kMark); });
  return out;
}

std::vector<Char> lower(const std::vector<Char>& text) {
  std::vector<Char> out;
  for (const Char& c : text) {
    for (const char32_t part : lower_case(c.value)) out.push_back({part, c.source});
  }
  return out;
}

std::string utf8(const std::vector<Char>& word, size_t begin, size_t end) {
  std::string out;
  for (size_t i = begin; i < end; ++i) {
    char bytes[4];
    out.append(bytes, encode_utf8(word[i].value, bytes));
  }
  return out;
}

Span span_of(const std::vector<Char>& word, size_t begin, size_t end) {
  return {static_cast<int64_t>(word[begin].source.begin),
          static_cast<int64_t>(word[end - 1].source.end)};
}

Tokens encode_word(const std::vector<Char>& word, const std::map<std::string, int32_t>& vocab) {
  const Tokens unknown{{vocab.at("[UNK]")}, {span_of(word, 0, word.size())}};
  if (word.size() > 100) return unknown;
  Tokens out;
  for (size_t begin = 0; begin < word.size();) {
    size_t end = word.size();
    const auto piece = [&] { return (begin > 0 ? "##" : "") + utf8(word, begin, end); };
    while (end > begin && !vocab.contains(piece())) --end;
    if (end == begin) return unknown;
    out.ids.push_back(vocab.at(piece()));
    out.spans.push_back(span_of(word, begin, end));
    begin = end;
  }
  return out;
}

}  // namespace

std::vector<Char> normalize(std::string_view text, const BertNormalizer::Config& config) {
  std::vector<Char> out = decode(text);
  if (config.clean_text) out = clean(out);
  if (config.handle_chinese_chars) out = space_chinese(out);
  if (config.strip_accents.value_or(config.lowercase)) out = drop_marks(decompose_and_order(out));
  return config.lowercase ? lower(out) : out;
}

std::vector<std::vector<Char>> split_words(const std::vector<Char>& text) {
  std::vector<std::vector<Char>> words(1);
  for (const Char& c : text) {
    const bool space = has(c.value, tables::kSpace);
    const bool alone = space || has(c.value, tables::kPunctuation);
    if (alone) words.emplace_back();
    if (!space) words.back().push_back(c);
    if (alone) words.emplace_back();
  }
  std::erase_if(words, [](const auto& word) { return word.empty(); });
  return words;
}

Tokens encode(std::string_view text, const BertNormalizer::Config& config,
              const std::map<std::string, int32_t>& vocab) {
  Tokens out;
  for (const auto& word : split_words(normalize(text, config))) {
    const Tokens tokens = encode_word(word, vocab);
    out.ids.insert(out.ids.end(), tokens.ids.begin(), tokens.ids.end());
    out.spans.insert(out.spans.end(), tokens.spans.begin(), tokens.spans.end());
  }
  return out;
}

}  // namespace nopad::text::reference
