// ByteLevelPreTokenizer: GPT-2's words, each byte of them a visible character.
#pragma once

#include "text/pre_tokenizer.h"

namespace nopad::text {

class ByteLevelPreTokenizer final : public PreTokenizer {
 public:
  struct Config {
    bool add_prefix_space = true;  // before each piece that does not begin with U+0020
    bool use_regex = true;         // cut pieces into words; else only rewrite them
  };
  explicit ByteLevelPreTokenizer(const Config& config) : config_(config) {}

  const Config& config() const noexcept { return config_; }
  void apply(PreTokenizedText& text) const override;

 private:
  Config config_;
};

}  // namespace nopad::text
