#include "text/tokenizer_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "io/json.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

using nlohmann::json;

bool is_bert_class(std::string_view name) {
  constexpr std::array<std::string_view, 6> kNames = {
      "BertTokenizer",           "BertTokenizerFast", "DistilBertTokenizer",
      "DistilBertTokenizerFast", "ElectraTokenizer",  "ElectraTokenizerFast"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// "[CLS]", or {"content": "[CLS]", ...}
void read_name(const json& file, const char* key, std::string_view where, std::string& name) {
  const auto found = file.find(key);
  if (found == file.end() || found->is_null()) return;
  const json& value = *found;
  const auto content = value.is_object()
                           ? io::find_string(value, "content", concat(where, ": ", key))
                           : io::find_string(file, key, where);
  if (!content) fail<FormatError>(where, ": ", key, ": expected content, got none");
  name = *content;
}

int64_t parse_id(std::string_view text, std::string_view where) {
  int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) {
    fail<FormatError>(where, ": expected ids as keys, got ", io::quote(text));
  }
  return id;
}

std::vector<AddedToken> parse_added_tokens_decoder(const json& file, std::string_view where) {
  std::vector<AddedToken> tokens;
  const auto found = file.find("added_tokens_decoder");
  if (found == file.end() || found->is_null()) return tokens;
  const std::string place = concat(where, ": added_tokens_decoder");
  if (!found->is_object())
    fail<FormatError>(place, ": expected an object, got ", io::describe(*found));
  for (const auto& [key, entry] : found->items()) {
    tokens.push_back(parse_added_token(entry, parse_id(key, place), place));
  }
  std::sort(tokens.begin(), tokens.end(),
            [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  return tokens;
}

std::optional<int64_t> parse_max_length(const json& file, std::string_view where) {
  const auto number = io::find_number(file, "model_max_length", where);
  if (!number) return std::nullopt;
  if (!(*number >= 1)) {
    fail<FormatError>(where, ": model_max_length: expected 1 or more, got ", *number);
  }
  // transformers writes int(1e30) for "no limit".
  constexpr double kBeyondAnyModel = 1u << 30;
  return *number < kBeyondAnyModel ? std::optional(static_cast<int64_t>(*number)) : std::nullopt;
}

}  // namespace

AddedToken parse_added_token(const json& entry, std::optional<int64_t> id, std::string_view where) {
  const auto flag = [&](const char* key) {
    const auto value = io::find_bool(entry, key, where);
    if (!value) fail<FormatError>(where, ": ", key, ": expected true or false, got none");
    return *value;
  };
  if (!id) id = io::find_int(entry, "id", where);
  if (!id || *id < 0 || *id >= static_cast<int64_t>(kMaxTokens)) {
    fail<FormatError>(where, ": id: expected 0 to ", kMaxTokens - 1, ", got ",
                      id ? std::to_string(*id) : "none");
  }
  const auto content = io::find_string(entry, "content", where);
  if (!content || content->empty() || content->size() > kMaxTokenBytes) {
    fail<FormatError>(where, ": content: expected 1 to ", kMaxTokenBytes, " bytes, got ",
                      content ? content->size() : 0);
  }
  AddedToken token;
  token.content = *content;
  token.id = static_cast<int32_t>(*id);
  token.single_word = flag("single_word");
  token.lstrip = flag("lstrip");
  token.rstrip = flag("rstrip");
  token.normalized = flag("normalized");
  token.special = flag("special");
  return token;
}

TokenizerConfig parse_tokenizer_config(const json& file, std::string_view where) {
  if (!file.is_object()) fail<FormatError>(where, ": expected an object, got ", io::describe(file));
  TokenizerConfig config;
  const auto name = io::find_string(file, "tokenizer_class", where);
  if (!name || is_bert_class(*name)) {
    auto& normalizer = config.normalizer.emplace();
    normalizer.lowercase = io::find_bool(file, "do_lower_case", where).value_or(true);
    normalizer.strip_accents = io::find_bool(file, "strip_accents", where);
    normalizer.handle_chinese_chars =
        io::find_bool(file, "tokenize_chinese_chars", where).value_or(true);
  }
  read_name(file, "unk_token", where, config.names.unknown);
  read_name(file, "cls_token", where, config.names.classify);
  read_name(file, "sep_token", where, config.names.separate);
  read_name(file, "pad_token", where, config.names.pad);
  read_name(file, "mask_token", where, config.names.mask);
  config.added_tokens = parse_added_tokens_decoder(file, where);
  config.model_max_length = parse_max_length(file, where);
  return config;
}

}  // namespace nopad::text
