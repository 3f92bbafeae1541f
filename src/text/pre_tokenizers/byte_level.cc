#include "text/pre_tokenizers/byte_level.h"

#include "text/byte_level.h"
#include "text/pre_tokenizers/pieces.h"
#include "text/unicode.h"

namespace nopad::text {
namespace {

size_t put_bytes_of(std::string_view piece, Rewrite& out) {
  size_t num_new_bytes = 0;
  for (size_t at = 0; at < piece.size();) {
    const size_t end = at + decode_utf8(piece, at).num_bytes;
    for (int change = 0; at < end; ++at, change = 1) {
      const char32_t c = char_of_byte(static_cast<unsigned char>(piece[at]));
      out.put(c, change);
      num_new_bytes += c < 0x80 ? 1 : 2;
    }
  }
  return num_new_bytes;
}

}  // namespace

// Source : `tokenizers` 0.23.3, pre_tokenizers/byte_level.rs
void ByteLevelPreTokenizer::apply(PreTokenizedText& text) const {
  if (config_.add_prefix_space) {
    rewrite_pieces(text, [](const Piece&, std::string_view piece, Rewrite& out) {
      if (piece.starts_with(' ')) {
        out.keep(piece);
        return piece.size();
      }
      out.keep(piece.substr(put_prefixed(U' ', piece, out)));
      return piece.size() + 1;
    });
  }
  if (config_.use_regex) {
    split_pieces(text, [](std::string_view piece, auto&& put) {
      for (size_t at = 0; at < piece.size();) {
        const size_t end = byte_level_word_end(piece, at);
        put(at, end);
        at = end;
      }
    });
  }
  rewrite_pieces(text, [](const Piece&, std::string_view piece, Rewrite& out) {
    return put_bytes_of(piece, out);
  });
}

}  // namespace nopad::text
