// Rewrite: the new characters of a whole text, collected in one pass over the old ones.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/normalized_text.h"
#include "text/unicode.h"

namespace nopad::text {

// Sources follow NewChar's rules: a character takes that of the old one that it replaces, or, if it
// is inserted, that of the old one before it. The text must live, unchanged, until finish().
class Rewrite {
 public:
  explicit Rewrite(NormalizedText& text) : text_(text), tracks_(text.tracks_sources()) {
    bytes_.reserve(text.bytes().size() + text.bytes().size() / 8);
    if (tracks_) sources_.reserve(text.bytes().size());
  }

  // Characters that stay what they are.
  void keep(std::string_view run);
  void put(char32_t c, int change);
  void insert(std::string_view chars);
  // The next `num` old characters are gone.
  void remove(size_t num);
  // `num_old` old characters, one or more, become those of `content`: one for one, and the last new
  // one makes up for the rest. With no content it is the last one before that does; if there is none
  // either, nothing does, and the sources of all that follows lag behind, as in the package.
  void replace(size_t num_old, std::string_view content);

  // The text becomes what was collected.
  void finish() { text_.assign(std::move(bytes_), std::move(sources_)); }

 private:
  void put_source(size_t num_bytes, bool inserted);
  void skip(size_t num_old);

  NormalizedText& text_;
  bool tracks_;
  std::string bytes_;
  std::vector<SourceBytes> sources_;
  size_t old_at_ = 0;          // the next old character; as the rest, only if sources are tracked
  size_t last_num_bytes_ = 0;  // of the last new character
  bool last_is_inserted_ = false;
};

}  // namespace nopad::text
