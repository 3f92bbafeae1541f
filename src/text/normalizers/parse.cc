#include "text/normalizers/parse.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "nopad/core/error.h"
#include "text/base64.h"
#include "text/json_component.h"
#include "text/normalizers/bert.h"
#include "text/normalizers/per_character.h"
#include "text/normalizers/precompiled.h"
#include "text/normalizers/prepend.h"
#include "text/normalizers/replace.h"
#include "text/normalizers/sequence.h"
#include "text/normalizers/strip.h"
#include "text/normalizers/unicode_form.h"

namespace nopad::text {
namespace {

using NormalizerPtr = std::unique_ptr<const Normalizer>;

NormalizerPtr parse_bert(const Component& part) {
  part.expect_keys({"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"});
  BertNormalizer::Config config;
  config.clean_text = part.require(io::find_bool, "clean_text");
  config.handle_chinese_chars = part.require(io::find_bool, "handle_chinese_chars");
  config.strip_accents = io::find_bool(part.value, "strip_accents", part.where);
  config.lowercase = part.require(io::find_bool, "lowercase");
  return std::make_unique<normalizers::Bert>(config);
}

NormalizerPtr parse_strip(const Component& part) {
  part.expect_keys({"type", "strip_left", "strip_right"});
  const bool left = part.require(io::find_bool, "strip_left");
  const bool right = part.require(io::find_bool, "strip_right");
  using normalizers::StripSides;
  return std::make_unique<normalizers::Strip>(left ? (right ? StripSides::both : StripSides::left)
                                              : right ? StripSides::right
                                                      : StripSides::none);
}

NormalizerPtr parse_precompiled(const Component& part) {
  part.expect_keys({"type", "precompiled_charsmap"});
  const Component charsmap = part.child("precompiled_charsmap");
  const auto bytes =
      from_base64(part.require(io::find_string, "precompiled_charsmap"), charsmap.where);
  return std::make_unique<normalizers::Precompiled>(Charsmap::parse(bytes, charsmap.where));
}

NormalizerPtr parse_replace(const Component& part) {
  using normalizers::Replace;
  part.expect_keys({"type", "pattern", "content"});
  const auto content = part.require(io::find_string, "content");
  const Component pattern = part.child("pattern");
  pattern.expect_keys({"String", "Regex"});
  if (pattern.value.size() != 1) {
    fail<FormatError>(pattern.where, ": expected String or Regex, got ", pattern.value.size(),
                      " keys");
  }
  if (pattern.value.contains("Regex")) {
    const auto regex = pattern.require(io::find_string, "Regex");
    return std::make_unique<Replace>(Replace::regex(regex, content, pattern.where));
  }
  const auto literal = pattern.require(io::find_string, "String");
  return std::make_unique<Replace>(Replace::literal(literal, content));
}

NormalizerPtr parse_prepend(const Component& part) {
  part.expect_keys({"type", "prepend"});
  return std::make_unique<normalizers::Prepend>(part.require(io::find_string, "prepend"));
}

// A JSON file is at most 64 levels deep, so that parse_one and this call each other no deeper.
NormalizerPtr parse_sequence(const Component& part);

template <class T>
NormalizerPtr parse_plain(const Component& part) {
  part.expect_keys({"type"});
  return std::make_unique<T>();
}

template <normalizers::Form kForm>
NormalizerPtr parse_form(const Component& part) {
  part.expect_keys({"type"});
  return std::make_unique<normalizers::UnicodeForm>(kForm);
}

struct Kind {
  std::string_view type;
  NormalizerPtr (*parse)(const Component&);
};
constexpr std::array<Kind, 14> kKinds = {{
    {"BertNormalizer", parse_bert},
    {"ByteLevel", parse_plain<normalizers::ByteLevel>},
    {"Lowercase", parse_plain<normalizers::Lowercase>},
    {"NFC", parse_form<normalizers::Form::nfc>},
    {"NFD", parse_form<normalizers::Form::nfd>},
    {"NFKC", parse_form<normalizers::Form::nfkc>},
    {"NFKD", parse_form<normalizers::Form::nfkd>},
    {"Nmt", parse_plain<normalizers::Nmt>},
    {"Precompiled", parse_precompiled},
    {"Prepend", parse_prepend},
    {"Replace", parse_replace},
    {"Sequence", parse_sequence},
    {"Strip", parse_strip},
    {"StripAccents", parse_plain<normalizers::StripAccents>},
}};

NormalizerPtr parse_one(const Component& part) {
  const std::string type = part.type();
  for (const Kind& kind : kKinds) {
    if (kind.type == type) return kind.parse(part);
  }
  std::string expected = "one of";
  for (const Kind& kind : kKinds)
    expected += concat(kind.type == kKinds[0].type ? " " : ", ", kind.type);
  part.fail_type(expected);
}

NormalizerPtr parse_sequence(const Component& part) {
  part.expect_keys({"type", "normalizers"});
  const Component list = part.child("normalizers");
  list.expect_array();
  std::vector<NormalizerPtr> steps;
  for (const nlohmann::json& value : list.value) {
    steps.push_back(parse_one({value, concat(list.where, ": ", steps.size())}));
  }
  return std::make_unique<normalizers::Sequence>(std::move(steps));
}

}  // namespace

NormalizerPtr parse_normalizer(const nlohmann::json& value, std::string_view where) {
  return parse_one({value, std::string(where)});
}

}  // namespace nopad::text
