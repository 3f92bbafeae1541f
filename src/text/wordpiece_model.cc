#include "text/wordpiece_model.h"

#include "nopad/core/error.h"
#include "text/unicode.h"

namespace nopad::text {

void WordPieceModel::append(std::string_view piece, std::vector<int32_t>& ids,
                            std::vector<Piece>* spans) const {
  std::vector<size_t> ends;
  if (static_cast<int64_t>(count_characters(piece)) > pieces_.config().max_word_chars) {
    ids.push_back(pieces_.unk_id());
    ends.push_back(piece.size());
  } else {
    pieces_.append(piece, ids, spans == nullptr ? nullptr : &ends);
  }
  if (spans == nullptr) return;
  size_t begin = 0;
  for (const size_t end : ends) {
    spans->push_back({begin, end});
    begin = end;
  }
}

std::string WordPieceModel::description() const {
  return concat("WordPiece, ", vocab().size(), " tokens");
}

}  // namespace nopad::text
