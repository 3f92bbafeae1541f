#include "text/bert_encoder.h"

#include <array>
#include <cstring>
#include <utility>

#include "io/json.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

enum class CharKind : uint8_t { part_of_word, space, punctuation };

CharKind kind_of(CharClass char_class) noexcept {
  if (is(char_class, tables::kSpace)) return CharKind::space;
  return is(char_class, tables::kPunctuation) ? CharKind::punctuation : CharKind::part_of_word;
}

std::array<CharKind, 128> make_ascii_kinds() noexcept {
  std::array<CharKind, 128> kinds{};
  for (char32_t c = 0; c < kinds.size(); ++c) kinds[c] = kind_of(char_class(c));
  return kinds;
}

Span to_span(SourceBytes first, SourceBytes last) noexcept {
  return {static_cast<int64_t>(first.begin), static_cast<int64_t>(last.end)};
}

// Collects characters into words, by BertPreTokenizer's rule (spaces part words, each punctuation
// is one), and gives the words to the model. A word needs no more room than the longest known one.
template <bool kWithSpans>
class WordSink {
 public:
  WordSink(const WordPiece& model, std::vector<int32_t>& ids, TokenPlaces* places)
      : model_(model),
        ids_(ids),
        places_(places),
        max_chars_(static_cast<size_t>(model.config().max_word_chars)),
        word_(max_chars_ * 4),
        sources_(kWithSpans ? max_chars_ * 4 : 0) {}

  void put_ascii(char c, SourceBytes source) {
    static const std::array<CharKind, 128> kKinds = make_ascii_kinds();
    put_kind(kKinds[static_cast<unsigned char>(c)], &c, 1, source);
  }
  void put(char32_t c, CharClass char_class, SourceBytes source) {
    char bytes[4];
    const size_t num_bytes = encode_utf8(c, bytes);
    put_kind(kind_of(char_class), bytes, num_bytes, source);
  }
  void end_word() {
    if (num_chars_ == 0) return;
    if (num_chars_ > max_chars_) {
      ids_.push_back(model_.unk_id());
      if constexpr (kWithSpans) places_->spans.push_back(to_span(sources_[0], last_source_));
    } else {
      append_pieces();
    }
    if constexpr (kWithSpans) places_->end_word();
    num_bytes_ = num_chars_ = 0;
  }

 private:
  void put_kind(CharKind kind, const char* bytes, size_t num_bytes, SourceBytes source) {
    if (kind == CharKind::part_of_word) return grow_word(bytes, num_bytes, source);
    end_word();
    if (kind == CharKind::space) return;
    grow_word(bytes, num_bytes, source);
    end_word();
  }
  void grow_word(const char* bytes, size_t num_bytes, SourceBytes source) {
    last_source_ = source;
    if (num_chars_ >= max_chars_) {
      num_chars_ = max_chars_ + 1;  // too long; only its end matters from here on
      return;
    }
    ++num_chars_;
    for (size_t i = 0; i < num_bytes; ++i, ++num_bytes_) {
      word_[num_bytes_] = bytes[i];
      if constexpr (kWithSpans) sources_[num_bytes_] = source;
    }
  }
  void append_pieces() {
    const std::string_view word(word_.data(), num_bytes_);
    if constexpr (kWithSpans) {
      ends_.clear();
      model_.append(word, ids_, &ends_);
      size_t begin = 0;
      for (const size_t end : ends_) {
        places_->spans.push_back(to_span(sources_[begin], sources_[end - 1]));
        begin = end;
      }
    } else {
      model_.append(word, ids_, nullptr);
    }
  }

  const WordPiece& model_;
  std::vector<int32_t>& ids_;
  TokenPlaces* places_;
  size_t max_chars_;
  std::vector<char> word_;
  std::vector<SourceBytes> sources_;  // of each byte of the word
  std::vector<size_t> ends_;
  SourceBytes last_source_;
  size_t num_bytes_ = 0;
  size_t num_chars_ = 0;
};

// Keeps the normalized text, for the tokens that are looked for in it.
class NormalizedText {
 public:
  void put_ascii(char c, SourceBytes source) { put_bytes(&c, 1, source); }
  void put(char32_t c, CharClass, SourceBytes source) {
    char bytes[4];
    const size_t num_bytes = encode_utf8(c, bytes);
    put_bytes(bytes, num_bytes, source);
  }
  std::string_view bytes() const noexcept { return bytes_; }
  Span span(const TextPart& part) const noexcept {
    return to_span(sources_[part.begin], sources_[part.end - 1]);
  }
  // Puts a part's characters into another sink.
  template <class Sink>
  void replay(const TextPart& part, Sink& sink) const {
    for (size_t at = part.begin; at < part.end;) {
      const auto [c, num_bytes] = decode_utf8(bytes_, at);
      sink.put(c, char_class(c), sources_[at]);
      at += num_bytes;
    }
  }

 private:
  void put_bytes(const char* bytes, size_t num_bytes, SourceBytes source) {
    bytes_.append(bytes, num_bytes);
    sources_.insert(sources_.end(), num_bytes, source);
  }
  std::string bytes_;
  std::vector<SourceBytes> sources_;  // of each byte
};

template <bool kWithSpans>
void append_segment(const BertNormalizer& normalizer, const WordPiece& model,
                    std::string_view segment, size_t offset, std::vector<int32_t>& ids,
                    TokenPlaces* places) {
  WordSink<kWithSpans> words(model, ids, places);
  normalizer.run(segment, offset, words);
  words.end_word();
}

}  // namespace

BertEncoder::BertEncoder(const BertNormalizer& normalizer, WordPiece model,
                         const std::vector<AddedToken>& normalized_tokens, std::string_view where)
    : normalizer_(normalizer), model_(std::move(model)) {
  for (const AddedToken& token : normalized_tokens) {
    NormalizedText pattern;
    normalizer_.run(token.content, 0, pattern);
    if (pattern.bytes().empty()) {
      fail<FormatError>(where,
                        ": added_tokens: expected a token that the normalizer leaves visible, got ",
                        io::quote(token.content));
    }
    normalized_tokens_.add(std::string(pattern.bytes()), token);
  }
  normalized_tokens_.finish();
}

void BertEncoder::append(std::string_view segment, size_t offset, bool match_special_tokens,
                         std::vector<int32_t>& ids, TokenPlaces* places) const {
  if (!normalized_tokens_.empty()) {
    append_around_tokens(segment, offset, match_special_tokens, ids, places);
  } else if (places != nullptr) {
    append_segment<true>(normalizer_, model_, segment, offset, ids, places);
  } else {
    append_segment<false>(normalizer_, model_, segment, offset, ids, nullptr);
  }
}

void BertEncoder::append_around_tokens(std::string_view segment, size_t offset,
                                       bool match_special_tokens, std::vector<int32_t>& ids,
                                       TokenPlaces* places) const {
  NormalizedText normalized;
  normalizer_.run(segment, offset, normalized);
  TokenPlaces unused;
  TokenPlaces& out = places != nullptr ? *places : unused;
  WordSink<true> words(model_, ids, &out);
  for (const TextPart& part : normalized_tokens_.split(normalized.bytes(), match_special_tokens)) {
    if (part.id == TextPart::kNoToken) {
      normalized.replay(part, words);
      words.end_word();
    } else {
      ids.push_back(part.id);
      out.spans.push_back(normalized.span(part));
      out.end_word();
    }
  }
}

std::string BertEncoder::description() const {
  const auto& config = normalizer_.config();
  return concat("WordPiece, ", vocab().size(), " tokens, ",
                config.lowercase ? "lower case" : "cased",
                config.strip_accents.value_or(config.lowercase) ? ", accents stripped" : "");
}

}  // namespace nopad::text
