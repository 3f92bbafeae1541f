#include "text/pre_tokenizers/metaspace.h"

#include <algorithm>

#include "text/pre_tokenizers/pieces.h"
#include "text/unicode.h"

namespace nopad::text {

Metaspace::Metaspace(const Config& config) : config_(config) {
  char bytes[4];
  replacement_.assign(bytes, encode_utf8(config.replacement, bytes));
}

// Source : `tokenizers` 0.23.3, pre_tokenizers/metaspace.rs
void Metaspace::apply(PreTokenizedText& text) const {
  const bool first_only = config_.prepend_scheme == PrependScheme::first;
  rewrite_pieces(text, [&](const Piece& piece, std::string_view bytes, Rewrite& out) {
    const bool has_blank = bytes.starts_with(' ') || bytes.starts_with(replacement_);
    const bool prepends =
        config_.prepend_scheme != PrependScheme::never && !has_blank &&
        (!first_only || text.text.source(piece.begin, piece.begin + 1).begin == 0);
    size_t num_new_bytes = 0;
    size_t done = 0;
    if (prepends) {
      done = put_prefixed(config_.replacement, bytes, out);
      num_new_bytes = replacement_.size() + done;
    }
    while (done < bytes.size()) {
      const size_t blank = std::min(bytes.find(' ', done), bytes.size());
      out.keep(bytes.substr(done, blank - done));
      num_new_bytes += blank - done;
      done = blank;
      for (; done < bytes.size() && bytes[done] == ' '; ++done) {
        out.put(config_.replacement, 0);
        num_new_bytes += replacement_.size();
      }
    }
    return num_new_bytes;
  });
  if (!config_.split) return;
  // A word begins at each replacement; one that follows another is a word alone.
  split_pieces(text, [&](std::string_view piece, auto&& put) {
    size_t begin = 0;
    for (size_t at = piece.find(replacement_, 1); at != std::string_view::npos;
         at = piece.find(replacement_, at + 1)) {
      put(begin, at);
      begin = at;
    }
    put(begin, piece.size());
  });
}

}  // namespace nopad::text
