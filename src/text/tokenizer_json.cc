#include "text/tokenizer_json.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>

#include "io/json.h"
#include "nopad/core/error.h"
#include "text/tokenizer_config.h"

namespace nopad::text {
namespace {

using nlohmann::json;

// A part of the file, and how messages call it: "DIR/tokenizer.json: model".
struct Component {
  const json& value;
  std::string where;

  Component child(const char* key) const {
    const auto found = value.find(key);
    static const json kNull;
    return {found == value.end() ? kNull : *found, concat(where, ": ", key)};
  }
  void expect_object() const {
    if (!value.is_object())
      fail<FormatError>(where, ": expected an object, got ", io::describe(value));
  }
  void expect_array() const {
    if (!value.is_array()) fail<FormatError>(where, ": expected a list, got ", io::describe(value));
  }
  void expect_keys(std::initializer_list<std::string_view> known) const {
    expect_object();
    for (const auto& [key, unused] : value.items()) {
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        fail<FormatError>(where, ": expected only keys of BERT's tokenizer, got ", io::quote(key));
      }
    }
  }
  void expect_type(std::string_view expected) const {
    expect_object();
    const auto type = io::find_string(value, "type", where);
    if (type != expected) {
      fail<FormatError>(where, ": expected ", expected, " (BERT's tokenizer), got ",
                        type ? io::quote(*type) : "no type");
    }
  }
  template <class T>
  T require(std::optional<T> (*find)(const json&, std::string_view, std::string_view),
            const char* key) const {
    auto found = find(value, key, where);
    if (!found) fail<FormatError>(where, ": ", key, ": expected a value, got none");
    return *std::move(found);
  }
};

BertNormalizer::Config parse_normalizer(const Component& part) {
  part.expect_type("BertNormalizer");
  part.expect_keys({"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"});
  BertNormalizer::Config config;
  config.clean_text = part.require(io::find_bool, "clean_text");
  config.handle_chinese_chars = part.require(io::find_bool, "handle_chinese_chars");
  config.strip_accents = io::find_bool(part.value, "strip_accents", part.where);
  config.lowercase = part.require(io::find_bool, "lowercase");
  return config;
}

std::optional<WordPieceDecoder> parse_decoder(const Component& part) {
  if (part.value.is_null()) return std::nullopt;
  part.expect_type("WordPiece");
  part.expect_keys({"type", "prefix", "cleanup"});
  return WordPieceDecoder{part.require(io::find_string, "prefix"),
                          part.require(io::find_bool, "cleanup")};
}

Vocab parse_vocab(const Component& part, std::string_view where) {
  part.expect_object();
  std::vector<VocabEntry> entries;
  entries.reserve(part.value.size());
  for (const auto& [token, id] : part.value.items()) {
    if (!id.is_number_integer()) {
      fail<FormatError>(part.where, ": ", io::quote(token), ": expected an integer, got ",
                        io::describe(id));
    }
    const bool too_large = id.is_number_unsigned() && id.get<uint64_t>() >= kMaxTokens;
    entries.push_back({token, too_large ? int64_t{kMaxTokens} : id.get<int64_t>()});
  }
  return Vocab::from_entries(std::move(entries), where);
}

void parse_model(const Component& part, std::string_view where, BertParts& out) {
  part.expect_object();
  // Files of old releases have no type here.
  if (part.value.contains("type")) part.expect_type("WordPiece");
  part.expect_keys(
      {"type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"});
  out.model.unk_token = part.require(io::find_string, "unk_token");
  out.model.continuing_prefix = part.require(io::find_string, "continuing_subword_prefix");
  out.model.max_word_chars = part.require(io::find_int, "max_input_chars_per_word");
  out.vocab = parse_vocab(part.child("vocab"), where);
}

std::vector<AddedToken> parse_added_tokens(const Component& part) {
  std::vector<AddedToken> tokens;
  if (part.value.is_null()) return tokens;
  part.expect_array();
  for (const json& entry : part.value) {
    tokens.push_back(parse_added_token(entry, std::nullopt, part.where));
  }
  return tokens;
}

int32_t parse_id(const Component& part, const json& value) {
  if (!value.is_number_integer() || value < 0 || value >= kMaxTokens) {
    fail<FormatError>(part.where, ": expected ids from 0 to ", kMaxTokens - 1, ", got ",
                      io::describe(value));
  }
  return value.get<int32_t>();
}

int32_t parse_type_id(const Component& part) {
  const int64_t type_id = part.require(io::find_int, "type_id");
  if (type_id < 0 || type_id > 255) {
    fail<FormatError>(part.where, ": type_id: expected 0 to 255, got ", type_id);
  }
  return static_cast<int32_t>(type_id);
}

// The ids of {"id": "[CLS]", "type_id": 0} by the table of special tokens.
void append_special_token(const Component& part, const Component& table,
                          std::vector<FramePart>& out) {
  const auto name = part.require(io::find_string, "id");
  const auto found = table.value.find(name);
  if (found == table.value.end()) {
    fail<FormatError>(table.where, ": expected ", io::quote(name),
                      ", which the template uses, got none");
  }
  const Component entry{*found, table.where};
  entry.expect_object();
  const Component ids = entry.child("ids");
  ids.expect_array();
  for (const json& id : ids.value) {
    out.push_back({Source::frame, parse_id(ids, id), parse_type_id(part)});
  }
}

std::vector<FramePart> parse_template(const Component& part, const Component& table, bool is_pair) {
  constexpr size_t kMaxParts = 64;
  part.expect_array();
  std::vector<FramePart> out;
  int64_t num_first = 0, num_second = 0;
  for (const json& value : part.value) {
    const Component step{value, part.where};
    step.expect_keys({"SpecialToken", "Sequence"});
    if (value.contains("SpecialToken")) {
      const Component token = step.child("SpecialToken");
      token.expect_object();
      append_special_token(token, table, out);
      continue;
    }
    const Component sequence = step.child("Sequence");
    sequence.expect_object();
    const bool is_first = sequence.require(io::find_string, "id") == "A";
    out.push_back({is_first ? Source::first : Source::second, 0, parse_type_id(sequence)});
    ++(is_first ? num_first : num_second);
    if (out.size() > kMaxParts) break;
  }
  if (num_first != 1 || num_second != (is_pair ? 1 : 0) || out.size() > kMaxParts) {
    fail<FormatError>(part.where, ": expected ", is_pair ? "A and B once each" : "A once and no B",
                      " and at most ", kMaxParts, " parts, got A ", num_first, " and B ",
                      num_second, " times in ", out.size());
  }
  return out;
}

// {"type": "BertProcessing", "sep": ["[SEP]", 102], "cls": ["[CLS]", 101]}
Frame parse_bert_processing(const Component& part) {
  part.expect_keys({"type", "sep", "cls"});
  const auto id = [&](const char* key) {
    const Component pair = part.child(key);
    pair.expect_array();
    if (pair.value.size() != 2) {
      fail<FormatError>(pair.where, ": expected a token and its id, got ", pair.value.size(),
                        " values");
    }
    return parse_id(pair, pair.value[1]);
  };
  return make_bert_frame(id("cls"), id("sep"));
}

Frame parse_post_processor(const Component& part) {
  part.expect_object();
  if (io::find_string(part.value, "type", part.where) == "BertProcessing") {
    return parse_bert_processing(part);
  }
  part.expect_type("TemplateProcessing");
  part.expect_keys({"type", "single", "pair", "special_tokens"});
  const Component table = part.child("special_tokens");
  table.expect_object();
  return {parse_template(part.child("single"), table, false),
          parse_template(part.child("pair"), table, true)};
}

}  // namespace

BertParts parse_tokenizer_json(const json& file, std::string_view where) {
  const Component root{file, std::string(where)};
  root.expect_keys({"version", "truncation", "padding", "added_tokens", "normalizer",
                    "pre_tokenizer", "post_processor", "decoder", "model"});
  const auto version = io::find_string(file, "version", where);
  if (version.value_or("1.0") != "1.0") {
    fail<FormatError>(where, ": version: expected \"1.0\", got ", io::quote(*version));
  }
  BertParts parts;
  // The model first: it tells best what a file of another kind is.
  parse_model(root.child("model"), where, parts);
  parts.normalizer = parse_normalizer(root.child("normalizer"));
  const Component pre_tokenizer = root.child("pre_tokenizer");
  pre_tokenizer.expect_type("BertPreTokenizer");
  pre_tokenizer.expect_keys({"type"});
  parts.frame = parse_post_processor(root.child("post_processor"));
  parts.decoder = parse_decoder(root.child("decoder"));
  parts.added_tokens = parse_added_tokens(root.child("added_tokens"));
  return parts;
}

}  // namespace nopad::text
