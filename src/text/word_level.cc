#include "text/word_level.h"

#include <utility>

#include "io/json.h"
#include "nopad/core/error.h"

namespace nopad::text {

WordLevel::WordLevel(Vocab vocab, std::string_view unk_token)
    : vocab_(std::move(vocab)), unk_id_(vocab_.find(unk_token)) {}

void WordLevel::append(std::string_view piece, std::vector<int32_t>& ids,
                       std::vector<Piece>* spans) const {
  auto id = vocab_.find(piece);
  if (!id) id = unk_id_;
  if (!id) {
    fail<InputError>("encode: text: expected words of the vocab, which has no unknown token, got ",
                     io::quote(piece));
  }
  ids.push_back(*id);
  if (spans != nullptr) spans->push_back({0, piece.size()});
}

std::string WordLevel::description() const {
  return concat("WordLevel, ", vocab_.size(), " tokens");
}

}  // namespace nopad::text
