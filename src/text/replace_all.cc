#include "text/replace_all.h"

#include <utility>

namespace nopad::text {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  if (from.empty()) return;
  size_t found = text.find(from);
  if (found == std::string::npos) return;
  std::string out;
  size_t done = 0;
  for (; found != std::string::npos; found = text.find(from, done)) {
    out.append(text, done, found - done);
    out.append(to);
    done = found + from.size();
  }
  out.append(text, done);
  text = std::move(out);
}

}  // namespace nopad::text
