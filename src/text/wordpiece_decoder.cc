#include "text/wordpiece_decoder.h"

#include <utility>

namespace nopad::text {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// The package does this token by token, so that what spans two tokens (" do not") never occurs.
void clean_up(std::string& token) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kRules) replace_all(token, from, to);
}

}  // namespace

// Source : `tokenizers` 0.23.3, decoders/wordpiece.rs
std::string WordPieceDecoder::decode(std::span<const std::string_view> tokens) const {
  std::string text;
  std::string token;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i == 0) {
      token = tokens[i];
    } else if (tokens[i].starts_with(prefix)) {
      token = tokens[i].substr(prefix.size());
    } else {
      token = " ";
      token += tokens[i];
    }
    if (cleanup) clean_up(token);
    text += token;
  }
  return text;
}

}  // namespace nopad::text
