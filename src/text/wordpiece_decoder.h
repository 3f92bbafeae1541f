// WordPieceDecoder: tokens back to text.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "text/decoder.h"

namespace nopad::text {

// Takes out the blanks before . ? ! , and in a few English contractions.
// Source : `tokenizers` 0.23.3, decoders/wordpiece.rs. It does this token by token, so that what spans
//          two tokens (" do not") never occurs.
void clean_up(std::string& token);

class WordPieceDecoder final : public Decoder {
 public:
  // prefix  : what a token begins with that is glued to the one before
  // cleanup : whether to call clean_up()
  explicit WordPieceDecoder(std::string prefix = "##", bool cleanup = true)
      : prefix_(std::move(prefix)), cleanup_(cleanup) {}
  void apply(std::vector<std::string>& tokens) const override;

 private:
  std::string prefix_;
  bool cleanup_;
};

}  // namespace nopad::text
