#include "text/tokenizer_json.h"

#include <string>
#include <utility>

#include "nopad/core/error.h"
#include "text/decoders/parse.h"
#include "text/json_component.h"
#include "text/normalizers/parse.h"
#include "text/post_processor_json.h"
#include "text/pre_tokenizers/parse.h"
#include "text/token_model_json.h"
#include "text/tokenizer_config.h"

namespace nopad::text {
namespace {

using nlohmann::json;

constexpr int64_t kMaxLength = int64_t{1} << 30;

// BERT's by its settings, as tokenizer_config.json may replace them.
BertNormalizer::Config parse_bert_normalizer(const Component& part) {
  part.expect_keys({"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"});
  BertNormalizer::Config config;
  config.clean_text = part.require(io::find_bool, "clean_text");
  config.handle_chinese_chars = part.require(io::find_bool, "handle_chinese_chars");
  config.strip_accents = io::find_bool(part.value, "strip_accents", part.where);
  config.lowercase = part.require(io::find_bool, "lowercase");
  return config;
}

void parse_normalizer(const Component& part, PipelineParts& out) {
  if (part.is_null()) return;
  if (part.type() == "BertNormalizer") {
    out.bert_normalizer = parse_bert_normalizer(part);
  } else {
    out.normalizer = text::parse_normalizer(part.value, part.where);
  }
}

std::vector<AddedToken> parse_added_tokens(const Component& part) {
  std::vector<AddedToken> tokens;
  if (part.is_null()) return tokens;
  part.expect_array();
  for (const json& entry : part.value) {
    tokens.push_back(parse_added_token(entry, std::nullopt, part.where));
  }
  return tokens;
}

Side parse_side(const Component& part) {
  if (part.child("direction").is_null()) return Side::right;
  return part.require_choice("direction", {"Left", "Right"}) == 0 ? Side::left : Side::right;
}

std::optional<EncodeOptions> parse_truncation(const Component& part) {
  if (part.is_null()) return std::nullopt;
  part.expect_keys({"direction", "max_length", "strategy", "stride"});
  EncodeOptions options;
  options.max_length = part.require_count("max_length", kMaxLength);
  if (!part.child("strategy").is_null()) {
    constexpr Truncation kStrategies[] = {Truncation::longest_first, Truncation::only_first,
                                          Truncation::only_second};
    options.truncation =
        kStrategies[part.require_choice("strategy", {"LongestFirst", "OnlyFirst", "OnlySecond"})];
  }
  if (!part.child("stride").is_null()) options.stride = part.require_count("stride", kMaxLength);
  options.truncation_side = parse_side(part);
  if (options.max_length < 1)
    fail<FormatError>(part.where, ": max_length: expected 1 or more, got 0");
  if (options.stride >= options.max_length) {
    fail<FormatError>(part.where, ": stride: expected less than max_length (", options.max_length,
                      "), got ", options.stride);
  }
  return options;
}

// "BatchLongest", or {"Fixed": 128}.
int64_t parse_padded_length(const Component& part) {
  if (part.value == "BatchLongest") return 0;
  part.expect_keys({"Fixed"});
  const int64_t length = part.require_count("Fixed", kMaxLength);
  if (length < 1) fail<FormatError>(part.where, ": Fixed: expected 1 or more, got 0");
  return length;
}

std::optional<Padding> parse_padding(const Component& part) {
  if (part.is_null()) return std::nullopt;
  part.expect_keys(
      {"strategy", "direction", "pad_to_multiple_of", "pad_id", "pad_type_id", "pad_token"});
  Padding padding;
  const auto count = [&](const char* key, int64_t max) {
    return part.child(key).is_null() ? 0 : part.require_count(key, max);
  };
  padding.length = parse_padded_length(part.child("strategy"));
  padding.side = parse_side(part);
  padding.multiple_of = count("pad_to_multiple_of", kMaxLength);
  padding.id = static_cast<int32_t>(count("pad_id", kMaxTokens - 1));
  padding.type_id = static_cast<int32_t>(count("pad_type_id", 255));
  padding.token = io::find_string(part.value, "pad_token", part.where).value_or("[PAD]");
  return padding;
}

}  // namespace

PipelineParts parse_tokenizer_json(const json& file, std::string_view where) {
  const Component root{file, std::string(where)};
  root.expect_keys({"version", "truncation", "padding", "added_tokens", "normalizer",
                    "pre_tokenizer", "post_processor", "decoder", "model"});
  const auto version = io::find_string(file, "version", where);
  if (version.value_or("1.0") != "1.0") {
    fail<FormatError>(where, ": version: expected \"1.0\", got ", io::quote(*version));
  }
  PipelineParts parts;
  // The model first: it tells best what a file of another kind is.
  parts.model = parse_token_model(root.child("model"), where);
  parse_normalizer(root.child("normalizer"), parts);
  if (const Component part = root.child("pre_tokenizer"); !part.is_null()) {
    parts.pre_tokenizer = parse_pre_tokenizer(part);
  }
  parts.post_processing = parse_post_processor(root.child("post_processor"));
  if (const Component part = root.child("decoder"); !part.is_null()) {
    parts.decoder = parse_decoder(part);
  }
  parts.added_tokens = parse_added_tokens(root.child("added_tokens"));
  parts.stored_truncation = parse_truncation(root.child("truncation"));
  parts.stored_padding = parse_padding(root.child("padding"));
  return parts;
}

}  // namespace nopad::text
