#include "text/byte_level_encoder.h"

#include <bit>
#include <cstring>
#include <utility>

#include "nopad/core/error.h"
#include "text/byte_level.h"

namespace nopad::text {
namespace {

uint32_t hash_word(std::string_view word) noexcept {
  constexpr uint64_t kFactor = 0x9e3779b97f4a7c15u;
  uint64_t hash = word.size() * kFactor;
  const auto mix = [&](uint64_t bytes) {
    hash = (hash ^ bytes) * kFactor;
    hash ^= hash >> 32;
  };
  size_t at = 0;
  for (; at + 8 <= word.size(); at += 8) {
    uint64_t bytes = 0;
    std::memcpy(&bytes, word.data() + at, sizeof bytes);
    mix(bytes);
  }
  uint64_t rest = 0;
  for (; at < word.size(); ++at) rest = (rest << 8) | static_cast<unsigned char>(word[at]);
  mix(rest);
  return static_cast<uint32_t>(hash ^ (hash >> 29));
}

std::vector<int32_t> find_byte_ids(const Vocab& vocab) {
  std::vector<int32_t> ids;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char bytes[] = {static_cast<char>(byte)};
    ids.push_back(vocab.find(to_byte_chars({bytes, 1})).value_or(-1));
  }
  return ids;
}

bool continues_char(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

// From places in a segment, maybe with a blank before it, to the characters of the source.
class SourceFinder {
 public:
  SourceFinder(std::string_view segment, size_t offset, size_t num_prefix_bytes) noexcept
      : segment_(segment), offset_(offset), num_prefix_bytes_(num_prefix_bytes) {}

  // begin, end : not equal; of the text with the blank, which has the first character's source
  Span span(size_t begin, size_t end) const noexcept {
    begin = begin < num_prefix_bytes_ ? 0 : begin - num_prefix_bytes_;
    end = end <= num_prefix_bytes_ ? 1 : end - num_prefix_bytes_;
    while (begin > 0 && continues_char(segment_[begin])) --begin;
    while (end < segment_.size() && continues_char(segment_[end])) ++end;
    return {static_cast<int64_t>(offset_ + begin), static_cast<int64_t>(offset_ + end)};
  }

 private:
  std::string_view segment_;
  size_t offset_;
  size_t num_prefix_bytes_;
};

}  // namespace

WordTable::WordTable(const std::vector<std::pair<std::string, int32_t>>& words)
    : entries_(std::bit_ceil(2 * words.size() + 2)) {
  for (const auto& [word, id] : words) {
    const uint32_t hash = hash_word(word);
    size_t at = hash & (entries_.size() - 1);
    while (entries_[at].id != kNone) at = (at + 1) & (entries_.size() - 1);
    entries_[at] = {hash, id, static_cast<uint32_t>(bytes_.size()),
                    static_cast<uint32_t>(word.size())};
    bytes_ += word;
  }
}

int32_t WordTable::find(std::string_view word) const noexcept {
  const uint32_t hash = hash_word(word);
  for (size_t at = hash & (entries_.size() - 1);; at = (at + 1) & (entries_.size() - 1)) {
    const Entry& entry = entries_[at];
    if (entry.id == kNone) return kNone;
    if (entry.hash == hash && entry.size == word.size() &&
        std::memcmp(bytes_.data() + entry.begin, word.data(), word.size()) == 0) {
      return entry.id;
    }
  }
}

bool ByteLevelEncoder::supports(const Bpe& model) {
  const Bpe::Config& config = model.config();
  if (!config.continuing_prefix.empty() || !config.end_suffix.empty()) return false;
  for (const int32_t id : find_byte_ids(model.vocab())) {
    if (id < 0) return false;
  }
  return true;
}

ByteLevelEncoder::ByteLevelEncoder(std::unique_ptr<const Bpe> model, bool add_prefix_space,
                                   const std::vector<AddedToken>& normalized_tokens)
    : model_(std::move(model)),
      add_prefix_space_(add_prefix_space),
      byte_ids_(find_byte_ids(model_->vocab())),
      words_(make_words()) {
  for (const AddedToken& token : normalized_tokens) normalized_tokens_.add(token.content, token);
  normalized_tokens_.finish();
}

WordTable ByteLevelEncoder::make_words() const {
  std::vector<std::pair<std::string, int32_t>> words;
  std::vector<BpeSymbol> symbols;
  const Vocab& vocab = model_->vocab();
  for (int32_t id = 0; id < vocab.size(); ++id) {
    auto word = from_byte_chars(vocab.token(id));
    if (!word || word->empty()) continue;
    symbols.clear();
    if (!model_->config().ignore_merges) merge(*word, symbols);
    const bool whole = symbols.empty() || (symbols.size() == 1 && symbols[0].id == id);
    if (whole) words.emplace_back(*std::move(word), id);
  }
  return WordTable(words);
}

void ByteLevelEncoder::merge(std::string_view word, std::vector<BpeSymbol>& symbols) const {
  symbols.clear();
  for (const char byte : word) symbols.push_back({byte_ids_[static_cast<unsigned char>(byte)], 1});
  model_->merge(symbols);
}

void ByteLevelEncoder::append_part(std::string_view part, size_t offset, std::vector<int32_t>& ids,
                                   TokenPlaces* places) const {
  if (part.empty()) return;
  std::string prefixed;
  std::string_view text = part;
  if (add_prefix_space_ && !part.starts_with(' ')) {
    prefixed.reserve(part.size() + 1);
    prefixed += ' ';
    prefixed += part;
    text = prefixed;
  }
  const SourceFinder source(part, offset, text.size() - part.size());
  std::vector<BpeSymbol> symbols;
  for (size_t at = 0; at < text.size();) {
    const size_t end = byte_level_word_end(text, at);
    const std::string_view word = text.substr(at, end - at);
    if (const int32_t id = words_.find(word); id != WordTable::kNone) {
      ids.push_back(id);
      if (places != nullptr) {
        places->spans.push_back(source.span(at, end));
        places->end_word();
      }
      at = end;
      continue;
    }
    merge(word, symbols);
    for (const BpeSymbol& symbol : symbols) {
      ids.push_back(symbol.id);
      if (places != nullptr) places->spans.push_back(source.span(at, at + symbol.num_bytes));
      at += symbol.num_bytes;
    }
    if (places != nullptr) places->end_word();
  }
}

void ByteLevelEncoder::append(std::string_view segment, size_t offset, bool match_special_tokens,
                              std::vector<int32_t>& ids, TokenPlaces* places) const {
  if (normalized_tokens_.empty()) return append_part(segment, offset, ids, places);
  for (const TextPart& part : normalized_tokens_.split(segment, match_special_tokens)) {
    if (part.id == TextPart::kNoToken) {
      append_part(segment.substr(part.begin, part.end - part.begin), offset + part.begin, ids,
                  places);
      continue;
    }
    ids.push_back(part.id);
    if (places == nullptr) continue;
    places->spans.push_back(
        {static_cast<int64_t>(offset + part.begin), static_cast<int64_t>(offset + part.end)});
    places->end_word();
  }
}

std::string ByteLevelEncoder::description() const {
  return concat("byte-level ", model_->description());
}

}  // namespace nopad::text
