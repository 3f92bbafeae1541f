// TokenizedTexts: texts turned into token ids, end to end, as a model reads them.
#pragma once

#include <cstdint>
#include <vector>

namespace nopad {

struct TokenizedTexts {
  std::vector<int32_t> ids;       // [T], text after text
  std::vector<int32_t> type_ids;  // [T], or empty for all 0
  std::vector<int64_t> lengths;   // [B]
  int64_t num_truncated = 0;      // texts that were cut
};

}  // namespace nopad
