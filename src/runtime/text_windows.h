// TextWindows: the windows over several texts end to end, as a model runs them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nopad/core/error.h"
#include "nopad/text/tokenizer.h"

namespace nopad {

struct TextWindows {
  std::vector<text::Encoding> encodings;  // window after window, text after text
  std::vector<size_t> texts;              // which text each is over

  explicit TextWindows(std::span<const std::vector<text::Encoding>> windows) {
    for (size_t i = 0; i < windows.size(); ++i) {
      encodings.insert(encodings.end(), windows[i].begin(), windows[i].end());
      texts.resize(encodings.size(), i);
    }
  }
};

// Throws ShapeError: a token of `source` that lies beyond the text.
inline void expect_within(const text::Encoding& window, text::Source source,
                          std::string_view text) {
  for (size_t i = 0; i < window.size(); ++i) {
    if (window.sources[i] == source && window.spans[i].end > std::ssize(text)) {
      fail<ShapeError>("windows: expected tokens within the ", text.size(),
                       " bytes of their text, got one that ends at ", window.spans[i].end);
    }
  }
}

}  // namespace nopad
