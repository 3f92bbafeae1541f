// Decoders that rewrite or join tokens, whatever model they are from.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/decoder.h"
#include "text/pre_tokenizers/split.h"

namespace nopad::text {

class ReplaceDecoder final : public Decoder {
 public:
  ReplaceDecoder(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  // Throws LimitError: see Pattern::find.
  void apply(std::vector<std::string>& tokens) const override;

 private:
  Pattern pattern_;
  std::string content_;
};

// All tokens become one.
class FuseDecoder final : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override;
};

// Takes up to `start` and `stop` times a character off each token's ends.
class StripDecoder final : public Decoder {
 public:
  // content : one character, as UTF-8
  StripDecoder(std::string content, size_t start, size_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}
  void apply(std::vector<std::string>& tokens) const override;

 private:
  std::string content_;
  size_t start_;
  size_t stop_;
};

class SequenceDecoder final : public Decoder {
 public:
  explicit SequenceDecoder(std::vector<std::unique_ptr<const Decoder>> steps)
      : steps_(std::move(steps)) {}
  void apply(std::vector<std::string>& tokens) const override;

 private:
  std::vector<std::unique_ptr<const Decoder>> steps_;
};

}  // namespace nopad::text
