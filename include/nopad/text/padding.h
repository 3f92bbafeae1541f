// Padding: encodings as the rectangle that other runtimes want. nopad's own models need none of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nopad/text/tokenizer.h"

namespace nopad::text {

struct Padding {
  Side side = Side::right;  // where padding is put
  int32_t id = 0;
  int32_t type_id = 0;
  std::string token = "[PAD]";
  int64_t length = 0;       // tokens of each row; 0: as many as the longest has
  int64_t multiple_of = 0;  // `length` is rounded up to a multiple of it; 0: it is not

  friend bool operator==(const Padding&, const Padding&) = default;
};

// Row-major, B rows of L tokens.
struct PaddedEncodings {
  int64_t num_rows = 0;           // B
  int64_t length = 0;             // L
  std::vector<int64_t> ids;       // [B, L]
  std::vector<int64_t> type_ids;  // [B, L]
  std::vector<int64_t>
      attention_mask;  // [B, L]  1 where there is a token, 0 where there is padding
};

// Mask    : the attention mask is the only trace of what was padded
// Edge    : no encodings give no rows, of `length`
// Throws  : OptionError, a negative length, multiple or id; LimitError, an encoding longer than
//           `length`, or a rectangle of more than 2^31 tokens
// Source  : `tokenizers` 0.23.3, utils/padding.rs, which leaves a row that is too long as it is
PaddedEncodings pad(std::span<const Encoding> encodings, const Padding& padding);

}  // namespace nopad::text
