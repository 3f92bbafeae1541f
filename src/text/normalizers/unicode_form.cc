#include "text/normalizers/unicode_form.h"

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "text/normalization_tables.h"
#include "text/normalizers/rewrite.h"
#include "text/unicode.h"

namespace nopad::text::normalizers {
namespace {

constexpr char32_t kFirstLead = 0x1100, kNumLeads = 19;
constexpr char32_t kFirstVowel = 0x1161, kNumVowels = 21;
constexpr char32_t kNoTail = 0x11a7, kNumTails = 28;
constexpr char32_t kFirstSyllable = 0xac00, kNumSyllables = kNumLeads * kNumVowels * kNumTails;

std::span<const char32_t> find_compatibility(char32_t c) noexcept {
  const tables::LongMapping* const end = tables::kCompatibilities + tables::kCompatibilitiesSize;
  const auto* entry =
      std::lower_bound(tables::kCompatibilities, end, c,
                       [](const tables::LongMapping& m, char32_t value) { return m.from < value; });
  if (entry == end || entry->from != c) return {};
  return {tables::kCompatibilityChars + entry->begin, entry->size};
}

// Hangul composes by arithmetic (The Unicode Standard, 3.12).
std::optional<char32_t> compose_hangul(char32_t first, char32_t second) noexcept {
  const char32_t lead = first - kFirstLead, vowel = second - kFirstVowel;
  if (lead < kNumLeads && vowel < kNumVowels) {
    return kFirstSyllable + (lead * kNumVowels + vowel) * kNumTails;
  }
  const char32_t syllable = first - kFirstSyllable, tail = second - kNoTail;
  if (syllable < kNumSyllables && syllable % kNumTails == 0 && tail > 0 && tail < kNumTails) {
    return first + tail;
  }
  return std::nullopt;
}

std::optional<char32_t> compose(char32_t first, char32_t second) noexcept {
  if (const auto syllable = compose_hangul(first, second)) return syllable;
  const tables::Composition* const end = tables::kCompositions + tables::kCompositionsSize;
  const auto* entry = std::lower_bound(
      tables::kCompositions, end, first, [&](const tables::Composition& pair, char32_t value) {
        return pair.second != second ? pair.second < second : pair.first < value;
      });
  if (entry == end || entry->second != second || entry->first != first) return std::nullopt;
  return entry->composed;
}

struct RankedChar {
  NewChar c;
  uint8_t rank;
};

// Puts a starter and what follows it together, where nothing of the same or a higher class is
// between the two (The Unicode Standard, 3.11).
class Composer {
 public:
  explicit Composer(Rewrite& out) : out_(out) {}

  void put(RankedChar next) {
    if (!starter_) {
      start_or_emit(next);
      return;
    }
    const bool blocked = !between_.empty() && between_.back().rank >= next.rank;
    const auto composed = blocked ? std::nullopt : compose(starter_->value, next.c.value);
    if (composed) {
      starter_ = NewChar{*composed, starter_->change + next.c.change - 1};
    } else if (next.rank == 0) {
      flush();
      starter_ = next.c;
    } else {
      between_.push_back(next);
    }
  }
  void flush() {
    if (starter_) out_.put(starter_->value, starter_->change);
    for (const RankedChar& mark : between_) out_.put(mark.c.value, mark.c.change);
    starter_.reset();
    between_.clear();
  }

 private:
  void start_or_emit(RankedChar next) {
    if (next.rank == 0) {
      starter_ = next.c;
    } else {
      out_.put(next.c.value, next.c.change);
    }
  }

  Rewrite& out_;
  std::optional<NewChar> starter_;
  std::vector<RankedChar> between_;  // marks that did not compose
};

// Decomposes characters, orders marks, and composes again if that is wanted.
class FormWriter {
 public:
  FormWriter(Form form, Rewrite& out)
      : compatible_(form == Form::nfkc || form == Form::nfkd),
        composes_(form == Form::nfc || form == Form::nfkc),
        out_(out),
        composer_(out) {}

  void put(char32_t c) {
    const auto parts = compatible_ ? find_compatibility(c) : std::span<const char32_t>{};
    if (!parts.empty()) return put_parts(parts);
    const CodePoints canonical = decompose(c);
    put_parts({canonical.begin(), canonical.end()});
  }
  void flush() {
    flush_marks();
    composer_.flush();
  }

 private:
  void put_parts(std::span<const char32_t> parts) {
    int change = 0;
    for (const char32_t part : parts) {
      const RankedChar ranked{{part, change}, char_class(part).rank};
      change = 1;
      if (ranked.rank != 0) {
        marks_.push_back(ranked);
        continue;
      }
      flush_marks();
      emit(ranked);
    }
  }
  void flush_marks() {
    if (marks_.size() > 1) {
      std::stable_sort(marks_.begin(), marks_.end(),
                       [](const RankedChar& a, const RankedChar& b) { return a.rank < b.rank; });
    }
    for (const RankedChar& mark : marks_) emit(mark);
    marks_.clear();
  }
  void emit(RankedChar c) {
    if (composes_) {
      composer_.put(c);
    } else {
      out_.put(c.c.value, c.c.change);
    }
  }

  bool compatible_, composes_;
  Rewrite& out_;
  Composer composer_;
  std::vector<RankedChar> marks_;  // since the last starter
};

bool is_ascii(char c) noexcept { return static_cast<unsigned char>(c) < 0x80; }

}  // namespace

void UnicodeForm::apply(NormalizedText& text) const {
  const std::string_view old = text.bytes();
  Rewrite rewrite(text);
  FormWriter writer(form_, rewrite);
  for (size_t at = 0; at < old.size();) {
    // ASCII stays as it is, but for the last character before others, which may compose with it.
    size_t end = at;
    while (end < old.size() && is_ascii(old[end])) ++end;
    if (end < old.size() && end > at) --end;
    if (end > at) {
      if (at == 0 && end == old.size()) return;
      writer.flush();
      rewrite.keep(old.substr(at, end - at));
      at = end;
      continue;
    }
    const Decoded c = decode_utf8(old, at);
    writer.put(c.value);
    at += c.num_bytes;
  }
  writer.flush();
  rewrite.finish();
}

}  // namespace nopad::text::normalizers
