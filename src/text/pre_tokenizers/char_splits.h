// The pre-tokenizers that look at one character at a time: white space, punctuation, digits, words.
#pragma once

#include "text/pre_tokenizer.h"
#include "text/pre_tokenizers/split.h"

namespace nopad::text {

// White space parts pieces and is dropped; each punctuation character is a piece.
class BertPreTokenizer final : public PreTokenizer {
 public:
  void apply(PreTokenizedText& text) const override;
};

// White space parts pieces and is dropped.
class WhitespaceSplit final : public PreTokenizer {
 public:
  void apply(PreTokenizedText& text) const override;
};

// As WhitespaceSplit, and words are parted from what is neither word nor space: \w+|[^\w\s]+
class Whitespace final : public PreTokenizer {
 public:
  void apply(PreTokenizedText& text) const override;
};

class Punctuation final : public PreTokenizer {
 public:
  explicit Punctuation(Delimiters delimiters) : delimiters_(delimiters) {}
  void apply(PreTokenizedText& text) const override;

 private:
  Delimiters delimiters_;
};

class Digits final : public PreTokenizer {
 public:
  // individual : each digit is a piece, not a row of them
  explicit Digits(bool individual) : individual_(individual) {}
  void apply(PreTokenizedText& text) const override;

 private:
  bool individual_;
};

// A character parts pieces and is dropped.
class CharDelimiterSplit final : public PreTokenizer {
 public:
  explicit CharDelimiterSplit(char32_t delimiter) : delimiter_(delimiter) {}
  void apply(PreTokenizedText& text) const override;

 private:
  char32_t delimiter_;
};

// Parts where the script changes; kana goes with Han, blanks with any. As in the package, blanks at
// the beginning are dropped.
class UnicodeScripts final : public PreTokenizer {
 public:
  void apply(PreTokenizedText& text) const override;
};

// Pieces of so many characters each, the last one of the rest.
class FixedLength final : public PreTokenizer {
 public:
  explicit FixedLength(size_t num_chars) : num_chars_(num_chars) {}
  void apply(PreTokenizedText& text) const override;

 private:
  size_t num_chars_;
};

}  // namespace nopad::text
