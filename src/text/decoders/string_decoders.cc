#include "text/decoders/string_decoders.h"

#include <string_view>

namespace nopad::text {

void ReplaceDecoder::apply(std::vector<std::string>& tokens) const {
  for (std::string& token : tokens) {
    std::string out;
    for (const PatternPart& part : pattern_.find(token)) {
      if (part.matches) {
        out += content_;
      } else {
        out.append(token, part.begin, part.end - part.begin);
      }
    }
    token = std::move(out);
  }
}

void FuseDecoder::apply(std::vector<std::string>& tokens) const {
  std::string all;
  for (const std::string& token : tokens) all += token;
  tokens.clear();
  tokens.push_back(std::move(all));
}

void StripDecoder::apply(std::vector<std::string>& tokens) const {
  for (std::string& token : tokens) {
    std::string_view rest = token;
    for (size_t i = 0; i < start_ && rest.starts_with(content_); ++i)
      rest.remove_prefix(content_.size());
    for (size_t i = 0; i < stop_ && rest.ends_with(content_); ++i)
      rest.remove_suffix(content_.size());
    token = std::string(rest);
  }
}

void SequenceDecoder::apply(std::vector<std::string>& tokens) const {
  for (const auto& step : steps_) step->apply(tokens);
}

}  // namespace nopad::text
