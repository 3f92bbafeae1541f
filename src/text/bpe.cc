#include "text/bpe.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <queue>

#include "io/json.h"
#include "nopad/core/error.h"
#include "text/unicode.h"

namespace nopad::text {
namespace {

constexpr uint32_t kNoRank = std::numeric_limits<uint32_t>::max();
// Up to here looking at every pair again is faster than a heap.
constexpr size_t kMaxShortWord = 48;

uint64_t make_pair(int32_t left, int32_t right) noexcept {
  return (uint64_t{static_cast<uint32_t>(left)} << 32) | static_cast<uint32_t>(right);
}

size_t hash_pair(uint64_t pair) noexcept {
  pair *= 0x9e3779b97f4a7c15u;
  return static_cast<size_t>(pair ^ (pair >> 32));
}

std::string byte_token(unsigned byte) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  return {'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'};
}

}  // namespace

Bpe::Bpe(Vocab vocab, const std::vector<Merge>& merges, Config config, std::string_view where)
    : vocab_(std::move(vocab)),
      config_(std::move(config)),
      merged_(std::bit_ceil(2 * merges.size() + 2)) {
  if (config_.unk_token) unk_id_ = vocab_.find(*config_.unk_token);
  if (merges.size() > kMaxTokens) {
    fail<FormatError>(where, ": merges: expected at most ", kMaxTokens, ", got ", merges.size());
  }
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    add_merge(merges[rank], static_cast<uint32_t>(rank), where);
  }
  if (!config_.byte_fallback) return;
  for (unsigned byte = 0; byte < 256; ++byte) {
    byte_ids_.push_back(vocab_.find(byte_token(byte)).value_or(-1));
  }
}

void Bpe::add_merge(const Merge& merge, uint32_t rank, std::string_view where) {
  const auto require = [&](std::string_view token) {
    const auto id = vocab_.find(token);
    if (!id) {
      fail<FormatError>(where, ": merges: line ", rank + 1, ": expected ", io::quote(token),
                        " in the vocab, got none");
    }
    return *id;
  };
  const auto& [left, right] = merge;
  const int32_t left_id = require(left);
  const int32_t right_id = require(right);
  if (right.size() < config_.continuing_prefix.size()) {
    fail<FormatError>(where, ": merges: line ", rank + 1, ": expected a token that begins with ",
                      io::quote(config_.continuing_prefix), ", got ", io::quote(right));
  }
  const uint64_t pair = make_pair(left_id, right_id);
  // A pair that stands twice keeps its last rank, as in the package.
  slot(pair) = {pair, rank, require(left + right.substr(config_.continuing_prefix.size()))};
}

Bpe::Merged& Bpe::slot(uint64_t pair) noexcept {
  const size_t last = merged_.size() - 1;
  size_t at = hash_pair(pair) & last;
  while (merged_[at].pair != kNoPair && merged_[at].pair != pair) at = (at + 1) & last;
  return merged_[at];
}

const Bpe::Merged* Bpe::find(int32_t left, int32_t right) const noexcept {
  const uint64_t pair = make_pair(left, right);
  const size_t last = merged_.size() - 1;
  for (size_t at = hash_pair(pair) & last;; at = (at + 1) & last) {
    if (merged_[at].pair == pair) return &merged_[at];
    if (merged_[at].pair == kNoPair) return nullptr;
  }
}

void Bpe::merge(std::vector<BpeSymbol>& symbols) const {
  if (symbols.size() < 2) return;
  symbols.size() <= kMaxShortWord ? merge_short(symbols) : merge_long(symbols);
}

void Bpe::merge_short(std::vector<BpeSymbol>& symbols) const {
  const Merged* pairs[kMaxShortWord];  // pairs[i]: what symbols i and i + 1 become
  size_t size = symbols.size();
  const auto look = [&](size_t i) { return find(symbols[i].id, symbols[i + 1].id); };
  for (size_t i = 0; i + 1 < size; ++i) pairs[i] = look(i);
  while (size > 1) {
    uint32_t rank = kNoRank;
    size_t best = 0;
    for (size_t i = 0; i + 1 < size; ++i) {
      if (pairs[i] != nullptr && pairs[i]->rank < rank) {
        rank = pairs[i]->rank;
        best = i;
      }
    }
    if (rank == kNoRank) break;
    symbols[best] = {pairs[best]->id, symbols[best].num_bytes + symbols[best + 1].num_bytes};
    --size;
    for (size_t i = best + 1; i < size; ++i) {
      symbols[i] = symbols[i + 1];
      pairs[i - 1] = pairs[i];
    }
    if (best + 1 < size) pairs[best] = look(best);
    if (best > 0) pairs[best - 1] = look(best - 1);
  }
  symbols.resize(size);
}

// The pairs of a long word by rank and place. Merged symbols form a list inside the vector.
class Bpe::Queue {
 public:
  Queue(const Bpe& bpe, std::vector<BpeSymbol>& symbols)
      : bpe_(bpe), symbols_(symbols), links_(symbols.size()) {
    for (size_t i = 0; i < symbols.size(); ++i) links_[i] = {i - 1, i + 1};
    for (size_t i = 0; i + 1 < symbols.size(); ++i) push(i);
  }
  void run() {
    while (!pairs_.empty()) {
      const Entry top = pairs_.top();
      pairs_.pop();
      const size_t right = links_[top.at].next;
      if (symbols_[top.at].num_bytes == 0 || right == symbols_.size()) continue;
      const Merged* merged = bpe_.find(symbols_[top.at].id, symbols_[right].id);
      if (merged == nullptr || merged->rank != top.rank) continue;  // a neighbour has changed
      merge(top.at, right, merged->id);
    }
    std::erase_if(symbols_, [](const BpeSymbol& symbol) { return symbol.num_bytes == 0; });
  }

 private:
  struct Link {
    size_t previous;  // wraps around before the first
    size_t next;
  };
  struct Entry {
    uint32_t rank;
    size_t at;
    bool operator<(const Entry& other) const noexcept {  // for a queue with the least on top
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };

  void push(size_t at) {
    const size_t right = links_[at].next;
    if (right == symbols_.size()) return;
    if (const Merged* merged = bpe_.find(symbols_[at].id, symbols_[right].id)) {
      pairs_.push({merged->rank, at});
    }
  }
  void merge(size_t at, size_t right, int32_t id) {
    symbols_[at] = {id, symbols_[at].num_bytes + symbols_[right].num_bytes};
    symbols_[right].num_bytes = 0;
    links_[at].next = links_[right].next;
    if (links_[at].next < symbols_.size()) links_[links_[at].next].previous = at;
    if (links_[at].previous < symbols_.size()) push(links_[at].previous);
    push(at);
  }

  const Bpe& bpe_;
  std::vector<BpeSymbol>& symbols_;
  std::vector<Link> links_;
  std::priority_queue<Entry> pairs_;
};

void Bpe::merge_long(std::vector<BpeSymbol>& symbols) const { Queue(*this, symbols).run(); }

// False, and nothing is appended, if any byte has no token.
bool Bpe::append_bytes(std::string_view text, std::vector<BpeSymbol>& symbols) const {
  const size_t size = symbols.size();
  for (const char byte : text) {
    const int32_t id = byte_ids_[static_cast<unsigned char>(byte)];
    if (id < 0) {
      symbols.resize(size);
      return false;
    }
    symbols.push_back({id, 1});
  }
  return true;
}

std::vector<BpeSymbol> Bpe::split(std::string_view word) const {
  std::vector<BpeSymbol> symbols;
  symbols.reserve(word.size());
  uint32_t num_unknown_bytes = 0;  // of an unknown token that waits for more
  const auto add_unknown = [&] {
    if (num_unknown_bytes > 0) symbols.push_back({*unk_id_, num_unknown_bytes});
    num_unknown_bytes = 0;
  };
  std::string decorated;
  for (size_t at = 0; at < word.size();) {
    const size_t num_bytes = decode_utf8(word, at).num_bytes;
    std::string_view token = word.substr(at, num_bytes);
    const bool begins = at == 0;
    at += num_bytes;
    const bool ends = at == word.size();
    if ((!begins && !config_.continuing_prefix.empty()) || (ends && !config_.end_suffix.empty())) {
      decorated = begins ? "" : config_.continuing_prefix;
      decorated += token;
      if (ends) decorated += config_.end_suffix;
      token = decorated;
    }
    if (const auto id = vocab_.find(token)) {
      add_unknown();
      symbols.push_back({*id, static_cast<uint32_t>(num_bytes)});
      continue;
    }
    // As in the package, an unknown token that waits comes after these bytes.
    if (config_.byte_fallback && append_bytes(token, symbols)) continue;
    if (!config_.unk_token) continue;
    if (!unk_id_) {
      fail<InputError>(
          "encode: text: expected characters of the vocab, which has no unknown token, "
          "got ",
          io::quote(token));
    }
    if (!config_.fuse_unk) add_unknown();
    num_unknown_bytes += static_cast<uint32_t>(num_bytes);
  }
  add_unknown();
  return symbols;
}

void Bpe::append(std::string_view piece, std::vector<int32_t>& ids,
                 std::vector<Piece>* spans) const {
  if (config_.ignore_merges) {
    if (const auto id = vocab_.find(piece)) {
      ids.push_back(*id);
      if (spans != nullptr) spans->push_back({0, piece.size()});
      return;
    }
  }
  std::vector<BpeSymbol> symbols = split(piece);
  merge(symbols);
  size_t at = 0;
  for (const BpeSymbol& symbol : symbols) {
    ids.push_back(symbol.id);
    const size_t end = std::min(at + symbol.num_bytes, piece.size());
    if (spans != nullptr) spans->push_back({at, end});
    at = end;
  }
}

std::string Bpe::description() const { return concat("BPE, ", vocab_.size(), " tokens"); }

}  // namespace nopad::text
