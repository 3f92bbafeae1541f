#include "text/roberta_files.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "io/json.h"
#include "nopad/core/error.h"
#include "text/decoders/byte_decoders.h"
#include "text/json_component.h"
#include "text/pre_tokenizers/byte_level.h"
#include "text/token_model_json.h"
#include "text/unicode.h"

namespace nopad::text {

std::vector<Bpe::Merge> parse_merges_txt(std::string_view text, std::string_view where) {
  std::vector<Bpe::Merge> merges;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t length = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, length);
    text.remove_prefix(std::min(length + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("#version")) continue;
    const size_t blank = line.find(' ');
    if (blank == std::string_view::npos || line.find(' ', blank + 1) != std::string_view::npos) {
      fail<FormatError>(where, ": line ", number,
                        ": expected two tokens with a blank between, got ", io::quote(line));
    }
    if (find_invalid_utf8(line) < line.size()) {
      fail<FormatError>(where, ": line ", number,
                        ": expected UTF-8, got an invalid byte at offset ",
                        find_invalid_utf8(line));
    }
    merges.emplace_back(line.substr(0, blank), line.substr(blank + 1));
  }
  return merges;
}

// Source : transformers 4.57, convert_slow_tokenizer.py, RobertaConverter
PipelineParts make_roberta_parts(const nlohmann::json& vocab, const std::vector<Bpe::Merge>& merges,
                                 SpecialNames names, bool add_prefix_space,
                                 std::string_view where) {
  auto model = std::make_unique<Bpe>(parse_vocab({vocab, std::string(where)}, where), merges,
                                     Bpe::Config{}, where);
  const auto require = [&](const char* role, const std::optional<AddedToken>& name) {
    if (!name) fail<FormatError>(where, ": ", role, ": expected the name of a token, got none");
    const auto id = model->vocab().find(name->content);
    if (!id) {
      fail<FormatError>(where, ": ", role, ": expected ", io::quote(name->content),
                        " in the vocab, got none");
    }
    return *id;
  };
  PipelineParts parts;
  parts.pre_tokenizer = std::make_unique<ByteLevelPreTokenizer>(
      ByteLevelPreTokenizer::Config{.add_prefix_space = add_prefix_space});
  parts.post_processing = {make_roberta_frame(require("cls_token", names.classify),
                                              require("sep_token", names.separate)),
                           {{.add_prefix_space = add_prefix_space}}};
  parts.decoder = std::make_unique<ByteLevelDecoder>();
  parts.model = std::move(model);
  parts.names = std::move(names);
  return parts;
}

}  // namespace nopad::text
