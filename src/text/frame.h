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

}  // namespace nopad::text
