#include "text/normalizers/rewrite.h"

namespace nopad::text {

void Rewrite::keep(std::string_view run) {
  bytes_.append(run);
  if (!tracks_) return;
  for (size_t at = 0; at < run.size(); at += last_num_bytes_) {
    put_source(decode_utf8(run, at).num_bytes, false);
    skip(1);
  }
}

void Rewrite::put(char32_t c, int change) {
  char utf8[4];
  const size_t num_bytes = encode_utf8(c, utf8);
  bytes_.append(utf8, num_bytes);
  if (!tracks_) return;
  put_source(num_bytes, change > 0);
  if (change <= 0) skip(1 + static_cast<size_t>(-change));
}

void Rewrite::insert(std::string_view chars) {
  bytes_.append(chars);
  if (!tracks_) return;
  for (size_t at = 0; at < chars.size(); at += last_num_bytes_) {
    put_source(decode_utf8(chars, at).num_bytes, true);
  }
}

void Rewrite::remove(size_t num) {
  if (tracks_) skip(num);
}

void Rewrite::replace(size_t num_old, std::string_view content) {
  bytes_.append(content);
  if (!tracks_) return;
  size_t num_new = 0;
  for (size_t at = 0; at < content.size(); at += last_num_bytes_, ++num_new) {
    put_source(decode_utf8(content, at).num_bytes, num_new >= num_old);
    if (num_new < num_old) skip(1);
  }
  if (num_new >= num_old || sources_.empty()) return;
  // An inserted character before what is gone now replaces it.
  if (num_new == 0 && last_is_inserted_) {
    sources_.resize(sources_.size() - last_num_bytes_);
    put_source(last_num_bytes_, false);
  }
  skip(num_old - num_new);
}

void Rewrite::put_source(size_t num_bytes, bool inserted) {
  const bool at_end = old_at_ >= text_.bytes().size();
  const SourceBytes source =
      inserted || at_end ? text_.source_before(old_at_) : text_.source(old_at_, old_at_ + 1);
  sources_.insert(sources_.end(), num_bytes, source);
  last_num_bytes_ = num_bytes;
  last_is_inserted_ = inserted;
}

void Rewrite::skip(size_t num_old) {
  const std::string_view old = text_.bytes();
  for (; num_old > 0 && old_at_ < old.size(); --num_old) {
    old_at_ += decode_utf8(old, old_at_).num_bytes;
  }
}

}  // namespace nopad::text
