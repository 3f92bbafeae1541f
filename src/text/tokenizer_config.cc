#include "text/tokenizer_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <string>
#include <utility>

#include "io/json.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

using nlohmann::json;

TokenizerFamily family_of(std::string_view name) {
  constexpr std::string_view kBert[] = {
      "Bert",     "DistilBert", "Electra", "MobileBert", "SqueezeBert",        "ConvBert",
      "LayoutLM", "Funnel",     "Lxmert",  "Splinter",   "DPRQuestionEncoder", "DPRContextEncoder",
      "DPRReader"};
  constexpr std::string_view kRoberta[] = {"Roberta", "Longformer", "Bart", "LED"};
  constexpr std::string_view kTokenizer = "Tokenizer";
  if (name.ends_with("Fast")) name.remove_suffix(4);
  if (!name.ends_with(kTokenizer)) return TokenizerFamily::other;
  name.remove_suffix(kTokenizer.size());
  const auto is_one_of = [&](const auto& names) {
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
  };
  if (is_one_of(kBert)) return TokenizerFamily::bert;
  if (is_one_of(kRoberta)) return TokenizerFamily::roberta;
  return name == "MPNet" ? TokenizerFamily::mpnet : TokenizerFamily::other;
}

// "[CLS]", or {"content": "[CLS]", "lstrip": false, ...}
AddedToken parse_name(const json& value, const std::string& place) {
  if (!value.is_object()) {
    if (!value.is_string())
      fail<FormatError>(place, ": expected a string, got ", io::describe(value));
    return make_special(value.get<std::string>());
  }
  const auto content = io::find_string(value, "content", place);
  if (!content) fail<FormatError>(place, ": expected content, got none");
  const auto flag = [&](const char* key) {
    return io::find_bool(value, key, place).value_or(false);
  };
  AddedToken token = make_special(*content);
  token.single_word = flag("single_word");
  token.lstrip = flag("lstrip");
  token.rstrip = flag("rstrip");
  token.normalized = flag("normalized");
  return token;
}

std::optional<AddedToken> find_name(const json& file, const char* key, std::string_view where) {
  const auto found = file.find(key);
  if (found == file.end() || found->is_null()) return std::nullopt;
  return parse_name(*found, concat(where, ": ", key));
}

SpecialNames parse_names(const json& file, std::string_view where) {
  SpecialNames names;
  names.unknown = find_name(file, "unk_token", where);
  names.classify = find_name(file, "cls_token", where);
  names.separate = find_name(file, "sep_token", where);
  names.pad = find_name(file, "pad_token", where);
  names.mask = find_name(file, "mask_token", where);
  for (const char* key : {"bos_token", "eos_token"}) {
    if (auto name = find_name(file, key, where)) names.others.push_back(*std::move(name));
  }
  // transformers 5 has renamed the list.
  for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
    const auto found = file.find(key);
    if (found == file.end() || !found->is_array()) continue;
    for (const json& value : *found) {
      names.others.push_back(parse_name(value, concat(where, ": ", key)));
    }
  }
  return names;
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

SpecialNames fill_names(SpecialNames names, TokenizerFamily family) {
  const bool is_bert = family == TokenizerFamily::bert || family == TokenizerFamily::other;
  SpecialNames usual = is_bert ? make_bert_names() : make_roberta_names();
  if (family == TokenizerFamily::mpnet) usual.unknown = make_special("[UNK]");
  const auto fill = [](std::optional<AddedToken>& name, std::optional<AddedToken>& usual_name) {
    if (!name) name = std::move(usual_name);
  };
  fill(names.unknown, usual.unknown);
  fill(names.classify, usual.classify);
  fill(names.separate, usual.separate);
  fill(names.pad, usual.pad);
  fill(names.mask, usual.mask);
  return names;
}

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
  config.tokenizer_class = io::find_string(file, "tokenizer_class", where);
  if (config.tokenizer_class) config.family = family_of(*config.tokenizer_class);
  if (config.family == TokenizerFamily::bert || config.family == TokenizerFamily::mpnet) {
    auto& normalizer = config.normalizer.emplace();
    normalizer.lowercase = io::find_bool(file, "do_lower_case", where).value_or(true);
    normalizer.strip_accents = io::find_bool(file, "strip_accents", where);
    normalizer.handle_chinese_chars =
        io::find_bool(file, "tokenize_chinese_chars", where).value_or(true);
  } else if (config.family == TokenizerFamily::roberta) {
    config.add_prefix_space = io::find_bool(file, "add_prefix_space", where).value_or(false);
  }
  config.names = parse_names(file, where);
  config.added_tokens = parse_added_tokens_decoder(file, where);
  config.model_max_length = parse_max_length(file, where);
  return config;
}

}  // namespace nopad::text
