// SourceBytes: where in the caller's text a rewritten byte came from.
#pragma once

#include <cstddef>

namespace nopad::text {

// The bytes [begin, end) of the source that a character came from.
struct SourceBytes {
  size_t begin = 0;
  size_t end = 0;
};

}  // namespace nopad::text
