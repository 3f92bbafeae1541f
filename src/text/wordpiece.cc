#include "text/wordpiece.h"

#include <utility>

#include "io/json.h"
#include "nopad/core/error.h"

namespace nopad::text {

WordPiece::WordPiece(Vocab vocab, Config config, std::string_view where)
    : vocab_(std::move(vocab)), config_(std::move(config)) {
  const auto unk_id = vocab_.find(config_.unk_token);
  if (!unk_id) {
    fail<FormatError>(where, ": unk_token: expected ", io::quote(config_.unk_token),
                      " in the vocab, got none");
  }
  if (config_.max_word_chars < 1 || config_.max_word_chars > kMaxWordChars) {
    fail<FormatError>(where, ": max_input_chars_per_word: expected 1 to ", kMaxWordChars, ", got ",
                      config_.max_word_chars);
  }
  unk_id_ = *unk_id;
  continuing_node_ = vocab_.trie().walk(config_.continuing_prefix);
  continues_ = config_.continuing_prefix.empty() || continuing_node_ != Trie::kRoot;
}

void WordPiece::append(std::string_view word, std::vector<int32_t>& ids,
                       std::vector<size_t>* ends) const {
  const size_t num_ids = ids.size();
  for (size_t at = 0; at < word.size();) {
    Trie::Match piece;
    if (at == 0) {
      piece = vocab_.trie().longest_match(word);
    } else if (continues_) {
      piece = vocab_.trie().longest_match(word.substr(at), continuing_node_);
    }
    if (piece.value == Trie::kNone) {
      ids.resize(num_ids);
      ids.push_back(unk_id_);
      if (ends != nullptr) ends->assign(1, word.size());
      return;
    }
    at += piece.num_bytes;
    ids.push_back(piece.value);
    if (ends != nullptr) ends->push_back(at);
  }
}

}  // namespace nopad::text
