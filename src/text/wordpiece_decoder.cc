#include "text/wordpiece_decoder.h"

#include <string_view>

#include "text/replace_all.h"

namespace nopad::text {

void clean_up(std::string& token) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kRules) replace_all(token, from, to);
}

void WordPieceDecoder::apply(std::vector<std::string>& tokens) const {
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0) {
      if (tokens[i].starts_with(prefix_)) {
        tokens[i].erase(0, prefix_.size());
      } else {
        tokens[i].insert(0, 1, ' ');
      }
    }
    if (cleanup_) clean_up(tokens[i]);
  }
}

}  // namespace nopad::text
