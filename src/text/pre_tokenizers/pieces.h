// Going through the pieces of a text: cutting each into smaller ones, or rewriting what they hold.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "text/normalizers/rewrite.h"
#include "text/pre_tokenizer.h"

namespace nopad::text {

// Calls cut(bytes of a piece, put) for each piece in turn, and put(begin, end) is to be called for
// each smaller one, in order. Empty ones are left out; added tokens stay as they are.
template <class Cut>
void split_pieces(PreTokenizedText& text, Cut&& cut) {
  std::vector<Piece> pieces;
  for (const Piece& piece : text.pieces) {
    if (piece.token != Piece::kNoToken) {
      pieces.push_back(piece);
      continue;
    }
    const auto put = [&](size_t begin, size_t end) {
      if (begin < end) pieces.push_back({piece.begin + begin, piece.begin + end});
    };
    cut(text.text.bytes().substr(piece.begin, piece.end - piece.begin), put);
  }
  text.pieces = std::move(pieces);
}

// Puts a character before a piece, and the piece's first one, and returns the size of that. The new
// character stands for the old one, which is then inserted: both have its source.
inline size_t put_prefixed(char32_t prefix, std::string_view piece, Rewrite& out) {
  const auto [c, num_bytes] = decode_utf8(piece, 0);
  out.put(prefix, 0);
  out.put(c, 1);
  return num_bytes;
}

// Calls rewrite(piece, its bytes, out) for each piece but added tokens; `out` is a Rewrite that is to
// be given as many old characters as the piece has, and returns the bytes that it was given.
template <class RewritePiece>
void rewrite_pieces(PreTokenizedText& text, RewritePiece&& rewrite) {
  Rewrite out(text.text);
  const std::string_view bytes = text.text.bytes();
  size_t done = 0, new_end = 0;
  const auto keep_until = [&](size_t end) {
    out.keep(bytes.substr(done, end - done));
    new_end += end - done;
    done = end;
  };
  std::vector<Piece> pieces;
  pieces.reserve(text.pieces.size());
  for (const Piece& piece : text.pieces) {
    keep_until(piece.begin);
    const size_t begin = new_end;
    if (piece.token != Piece::kNoToken) {
      keep_until(piece.end);
    } else {
      new_end += rewrite(piece, bytes.substr(piece.begin, piece.end - piece.begin), out);
      done = piece.end;
    }
    pieces.push_back({begin, new_end, piece.token});
  }
  keep_until(bytes.size());
  out.finish();
  text.pieces = std::move(pieces);
}

}  // namespace nopad::text
