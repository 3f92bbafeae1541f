#include "text/decoders/subword_decoders.h"

#include <algorithm>

#include "text/replace_all.h"
#include "text/wordpiece_decoder.h"

namespace nopad::text {

void BpeDecoder::apply(std::vector<std::string>& tokens) const {
  for (size_t i = 0; i < tokens.size(); ++i) {
    replace_all(tokens[i], suffix_, i + 1 < tokens.size() ? " " : "");
  }
}

void MetaspaceDecoder::apply(std::vector<std::string>& tokens) const {
  for (size_t i = 0; i < tokens.size(); ++i) {
    replace_all(tokens[i], replacement_, i == 0 && prepends_ ? "" : " ");
  }
}

void CtcDecoder::apply(std::vector<std::string>& tokens) const {
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  for (std::string& token : tokens) {
    replace_all(token, config_.pad_token, "");
    if (!config_.cleanup) continue;
    clean_up(token);
    replace_all(token, config_.word_delimiter_token, " ");
  }
  std::erase_if(tokens, [](const std::string& token) { return token.empty(); });
}

}  // namespace nopad::text
