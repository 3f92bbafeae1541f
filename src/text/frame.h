// Frame: the tokens that a model wants around one text or two, and how texts are cut to fit in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "nopad/text/tokenizer.h"

namespace nopad::text {

// One place in a frame: a token (`source` is Source::frame), or all tokens of a text.
struct FramePart {
  Source source = Source::frame;
  int32_t id = 0;  // of a frame token
  int32_t type_id = 0;
};

struct Frame {
  std::vector<FramePart> single;
  std::vector<FramePart> pair;

  const std::vector<FramePart>& parts(bool is_pair) const noexcept {
    return is_pair ? pair : single;
  }
  int64_t num_added(bool is_pair) const noexcept;
};

// "[CLS] A [SEP]" and "[CLS] A [SEP] B [SEP]", B and its separator with type 1.
Frame make_bert_frame(int32_t classify, int32_t separate);
// "<s> A </s>" and "<s> A </s></s> B </s>", all of type 0.
Frame make_roberta_frame(int32_t classify, int32_t separate);
// "A" and "A B", B with type 1.
Frame make_plain_frame();

// Cuts the blanks that a token begins or ends with off its span. A token that begins with one blank
// keeps it at the beginning of a text if encoding puts one there.
struct SpanTrim {
  bool add_prefix_space = true;
};

// tokenizer.json's "post_processor".
struct PostProcessing {
  Frame frame = make_plain_frame();
  std::vector<SpanTrim> trims;  // one after the other
};

// What truncation leaves of one or two texts.
struct KeptTokens {
  int64_t first = 0;
  int64_t second = 0;
};
// first, second : tokens that there are; is_pair: whether there is a second text at all
// max_length    : tokens that may stay, the frame's `num_added` included
// Throws LimitError, OptionError: see Tokenizer::encode.
// Source : `tokenizers` 0.23.3, utils/truncation.rs
KeptTokens truncate(int64_t first, int64_t second, bool is_pair, int64_t max_length,
                    int64_t num_added, Truncation truncation);

// The parts of a text of `length` tokens that is cut to `kept`: what stays comes first, then what was
// cut off, each with `stride` tokens of the part before. One part if nothing was cut off.
// Throws LimitError: parts would not advance.
// Source : `tokenizers` 0.23.3, encoding.rs, truncate
struct TokenRange {
  size_t begin = 0;
  size_t end = 0;
};
std::vector<TokenRange> make_windows(int64_t length, int64_t kept, int64_t stride, Side cut);

}  // namespace nopad::text
