#include "text/unigram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "io/json.h"
#include "nopad/core/error.h"
#include "text/unicode.h"

namespace nopad::text {
namespace {

constexpr double kUnknownPenalty = 10;
// Pieces up to this length need no memory but the stack's.
constexpr size_t kShortPiece = 256;

std::string byte_token(unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  return {'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'};
}

std::array<int32_t, 256> find_byte_ids(const Vocab& vocab) {
  std::array<int32_t, 256> ids{};
  for (size_t byte = 0; byte < ids.size(); ++byte) {
    ids[byte] = vocab.find(byte_token(static_cast<unsigned char>(byte))).value_or(-1);
  }
  return ids;
}

// The best way to a byte: the token that ends there, and where it begins.
struct Step {
  static constexpr uint32_t kNotReached = std::numeric_limits<uint32_t>::max();
  double score;
  uint32_t begin;
  int32_t id;

  bool gains_from(double new_score) const noexcept {
    return begin == kNotReached || new_score > score;
  }
};

// Room for one step per byte and one more; that of a short piece is on the stack.
class Steps {
 public:
  explicit Steps(size_t num_bytes)
      : many_(num_bytes > kShortPiece ? num_bytes + 1 : 0),
        first_(many_.empty() ? few_.data() : many_.data()) {
    std::fill_n(first_, num_bytes + 1, Step{0, Step::kNotReached, 0});
  }
  Step& operator[](size_t at) noexcept { return first_[at]; }

 private:
  std::array<Step, kShortPiece + 1> few_;
  std::vector<Step> many_;
  Step* first_;
};

}  // namespace

UnigramModel UnigramModel::from_pieces(std::vector<UnigramPiece> pieces,
                                       std::optional<int64_t> unk_id, bool byte_fallback,
                                       std::string_view where) {
  UnigramModel model;
  std::vector<VocabEntry> entries;
  entries.reserve(pieces.size());
  model.scores_.reserve(pieces.size());
  double min_score = std::numeric_limits<double>::infinity();
  for (UnigramPiece& piece : pieces) {
    if (!std::isfinite(piece.score)) {
      fail<FormatError>(where, ": vocab: expected a finite score for ", io::quote(piece.token),
                        ", got ", piece.score);
    }
    min_score = std::min(min_score, piece.score);
    model.scores_.push_back(piece.score);
    entries.push_back({std::move(piece.token), static_cast<int64_t>(entries.size())});
  }
  if (unk_id && (*unk_id < 0 || *unk_id >= static_cast<int64_t>(entries.size()))) {
    fail<FormatError>(where, ": unk_id: expected 0 to ", static_cast<int64_t>(entries.size()) - 1,
                      ", got ", *unk_id);
  }
  model.vocab_ = Vocab::from_entries(std::move(entries), where);
  if (unk_id) model.unk_id_ = static_cast<int32_t>(*unk_id);
  model.unk_score_ = min_score - kUnknownPenalty;
  if (byte_fallback) model.byte_ids_ = find_byte_ids(model.vocab_);
  std::vector<std::pair<std::string_view, int32_t>> keys;
  keys.reserve(model.scores_.size());
  for (int32_t id = 0; id < model.vocab_.size(); ++id)
    keys.emplace_back(model.vocab_.token(id), id);
  model.trie_ = DoubleArray(std::move(keys));
  return model;
}

// Appends what stands in the piece from last to first.
struct UnigramModel::Output {
  std::vector<int32_t>& ids;
  std::vector<Piece>* spans;

  void put(int32_t id, Piece span) const {
    ids.push_back(id);
    if (spans != nullptr) spans->push_back(span);
  }
};

void UnigramModel::append(std::string_view piece, std::vector<int32_t>& ids,
                          std::vector<Piece>* spans) const {
  if (piece.size() >= Step::kNotReached) {
    fail<LimitError>("Unigram: text: expected a piece shorter than 4 GiB, got ", piece.size(),
                     " bytes");
  }
  Steps steps(piece.size());
  for (size_t begin = 0; begin < piece.size();) {
    const double score = steps[begin].score;
    const auto offer = [&](size_t end, double added, int32_t id) {
      steps[end] = {score + added, static_cast<uint32_t>(begin), id};
    };
    const size_t char_end = begin + decode_utf8(piece, begin).num_bytes;
    bool is_known = false;
    uint32_t node = DoubleArray::kRoot;
    for (size_t at = begin; at < piece.size();) {
      node = trie_.child(node, static_cast<unsigned char>(piece[at++]));
      if (node == DoubleArray::kNoNode) break;
      const int32_t id = trie_.value(node);
      if (id == DoubleArray::kNone) continue;
      is_known |= at == char_end;
      const double added = scores_[static_cast<size_t>(id)];
      if (steps[at].gains_from(score + added)) offer(at, added, id);
    }
    if (!is_known && steps[char_end].gains_from(score + unk_score_)) {
      offer(char_end, unk_score_, expect_unknown_id(piece, begin));
    }
    begin = char_end;
  }
  const auto first_id = std::ssize(ids);
  const auto first_span = spans != nullptr ? std::ssize(*spans) : 0;
  const Output out{ids, spans};
  for (size_t end = piece.size(); end > 0;) {
    size_t begin = steps[end].begin;
    if (steps[end].id != unk_id_) {
      out.put(steps[end].id, {begin, end});
    } else {
      while (begin > 0 && steps[begin].id == unk_id_) begin = steps[begin].begin;
      put_unknown(piece, {begin, end}, out);
    }
    end = begin;
  }
  std::reverse(ids.begin() + first_id, ids.end());
  if (spans != nullptr) std::reverse(spans->begin() + first_span, spans->end());
}

int32_t UnigramModel::expect_unknown_id(std::string_view piece, size_t at) const {
  if (unk_id_) return *unk_id_;
  const std::string_view c = piece.substr(at, decode_utf8(piece, at).num_bytes);
  fail<InputError>(
      "Unigram: text: expected characters of the vocab, which has no unknown token, got ",
      io::quote(c));
}

// Unknown characters in a row. Where scores are positive, together they may be a token.
void UnigramModel::put_unknown(std::string_view piece, Piece span, const Output& out) const {
  const std::string_view text = piece.substr(span.begin, span.end - span.begin);
  const auto id_of = [&](char byte) { return (*byte_ids_)[static_cast<unsigned char>(byte)]; };
  const int32_t id = trie_.find(text);
  const bool all_bytes =
      id == DoubleArray::kNone && byte_ids_ &&
      std::all_of(text.begin(), text.end(), [&](char c) { return id_of(c) >= 0; });
  if (all_bytes) {
    std::for_each(text.rbegin(), text.rend(), [&](char c) { out.put(id_of(c), span); });
  } else {
    out.put(id == DoubleArray::kNone ? *unk_id_ : id, span);
  }
}

std::string UnigramModel::description() const {
  return concat("Unigram, ", vocab_.size(), " tokens", byte_ids_ ? ", bytes for unknown ones" : "");
}

}  // namespace nopad::text
