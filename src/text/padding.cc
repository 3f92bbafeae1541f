#include "nopad/text/padding.h"

#include <algorithm>

#include "nopad/core/error.h"

namespace nopad::text {
namespace {

constexpr int64_t kMaxTokens = int64_t{1} << 31;

int64_t choose_length(std::span<const Encoding> encodings, const Padding& padding) {
  if (padding.length < 0 || padding.multiple_of < 0 || padding.id < 0 || padding.type_id < 0) {
    fail<OptionError>("pad: length, multiple_of, id, type_id: expected 0 or more, got ",
                      padding.length, ", ", padding.multiple_of, ", ", padding.id, ", ",
                      padding.type_id);
  }
  int64_t length = padding.length;
  int64_t longest = 0;
  for (const Encoding& encoding : encodings) {
    longest = std::max(longest, static_cast<int64_t>(encoding.size()));
  }
  if (length == 0) length = longest;
  if (length > kMaxTokens || padding.multiple_of > kMaxTokens) {
    fail<LimitError>("pad: length, multiple_of: expected at most ", kMaxTokens, ", got ", length,
                     " and ", padding.multiple_of);
  }
  if (padding.multiple_of > 0) {
    length += (padding.multiple_of - length % padding.multiple_of) % padding.multiple_of;
  }
  if (longest > length) {
    fail<LimitError>("pad: encodings: expected at most ", length, " tokens each, got ", longest);
  }
  return length;
}

}  // namespace

PaddedEncodings pad(std::span<const Encoding> encodings, const Padding& padding) {
  PaddedEncodings out;
  out.num_rows = static_cast<int64_t>(encodings.size());
  out.length = choose_length(encodings, padding);
  if (out.num_rows > 0 && out.length > kMaxTokens / out.num_rows) {
    fail<LimitError>("pad: encodings: expected at most ", kMaxTokens, " tokens in all, got ",
                     out.num_rows, " times ", out.length);
  }
  const auto size = static_cast<size_t>(out.num_rows * out.length);
  out.ids.assign(size, padding.id);
  out.type_ids.assign(size, padding.type_id);
  out.attention_mask.assign(size, 0);
  const auto length = static_cast<size_t>(out.length);
  for (size_t row = 0; row < encodings.size(); ++row) {
    const Encoding& encoding = encodings[row];
    const size_t gap = padding.side == Side::left ? length - encoding.size() : 0;
    const auto begin = static_cast<std::ptrdiff_t>(row * length + gap);
    std::copy(encoding.ids.begin(), encoding.ids.end(), out.ids.begin() + begin);
    std::copy(encoding.type_ids.begin(), encoding.type_ids.end(), out.type_ids.begin() + begin);
    std::fill_n(out.attention_mask.begin() + begin, encoding.size(), 1);
  }
  return out;
}

}  // namespace nopad::text
