// Decoders for vocabularies that mark where words begin or end: BPE's, Metaspace, CTC.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "text/decoder.h"

namespace nopad::text {

// What ends a word becomes a blank, and nothing at the end of the text.
class BpeDecoder final : public Decoder {
 public:
  explicit BpeDecoder(std::string suffix) : suffix_(std::move(suffix)) {}
  void apply(std::vector<std::string>& tokens) const override;

 private:
  std::string suffix_;
};

// The visible blank becomes a blank.
class MetaspaceDecoder final : public Decoder {
 public:
  // replacement : the visible blank, as UTF-8
  // prepends    : whether encoding put one before the text, so that the first token's are dropped
  MetaspaceDecoder(std::string replacement, bool prepends)
      : replacement_(std::move(replacement)), prepends_(prepends) {}
  void apply(std::vector<std::string>& tokens) const override;

 private:
  std::string replacement_;
  bool prepends_;
};

// Equal tokens in a row are one, and the padding token parts them.
class CtcDecoder final : public Decoder {
 public:
  struct Config {
    std::string pad_token = "<pad>";
    std::string word_delimiter_token = "|";  // becomes a blank, if `cleanup`
    bool cleanup = true;                     // see clean_up()
  };
  explicit CtcDecoder(Config config) : config_(std::move(config)) {}
  void apply(std::vector<std::string>& tokens) const override;

 private:
  Config config_;
};

}  // namespace nopad::text
