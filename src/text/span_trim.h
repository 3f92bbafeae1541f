// trim_spans: spans without the blanks that their tokens begin or end with.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "text/frame.h"

namespace nopad::text {

// text     : what the spans speak of
// spans    : of one text's tokens, or of those that truncation left
// token_of : the text of the i-th token, in ByteLevel's characters where the model uses these
// Source   : `tokenizers` 0.23.3, pre_tokenizers/byte_level.rs, process_offsets, which counts
//            characters, not bytes
void trim_spans(std::string_view text, SpanTrim trim, std::span<Span> spans,
                const std::function<std::string_view(size_t)>& token_of);

}  // namespace nopad::text
