#include "text/normalizers/bert.h"

#include <string>
#include <utility>
#include <vector>

#include "text/normalized_text.h"

namespace nopad::text::normalizers {
namespace {

// Collects what the normalizer writes; its sources are places in the old text, whose own sources
// count.
class Sink {
 public:
  explicit Sink(const NormalizedText& old) : old_(old) {}

  void put_ascii(char c, SourceBytes source) { append(&c, 1, source); }
  void put(char32_t c, CharClass, SourceBytes source) {
    char bytes[4];
    append(bytes, encode_utf8(c, bytes), source);
  }
  void finish(NormalizedText& out) { out.assign(std::move(bytes_), std::move(sources_)); }

 private:
  void append(const char* bytes, size_t num_bytes, SourceBytes source) {
    bytes_.append(bytes, num_bytes);
    if (!old_.tracks_sources()) return;
    sources_.insert(sources_.end(), num_bytes, old_.source(source.begin, source.end));
  }

  const NormalizedText& old_;
  std::string bytes_;
  std::vector<SourceBytes> sources_;
};

}  // namespace

void Bert::apply(NormalizedText& text) const {
  Sink sink(text);
  normalizer_.run(text.bytes(), 0, sink);
  sink.finish(text);
}

}  // namespace nopad::text::normalizers
