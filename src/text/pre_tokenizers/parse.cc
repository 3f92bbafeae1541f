#include "text/pre_tokenizers/parse.h"

#include <utility>
#include <vector>

#include "nopad/core/error.h"
#include "text/pre_tokenizers/byte_level.h"
#include "text/pre_tokenizers/char_splits.h"
#include "text/pre_tokenizers/metaspace.h"

namespace nopad::text {
namespace {

using PreTokenizerPtr = std::unique_ptr<const PreTokenizer>;

class PreTokenizerSequence final : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(std::vector<PreTokenizerPtr> steps) : steps_(std::move(steps)) {}
  void apply(PreTokenizedText& text) const override {
    for (const auto& step : steps_) step->apply(text);
  }
  bool needs_sources() const noexcept override {
    for (const auto& step : steps_) {
      if (step->needs_sources()) return true;
    }
    return false;
  }

 private:
  std::vector<PreTokenizerPtr> steps_;
};

Delimiters parse_delimiters(const Component& part) {
  return static_cast<Delimiters>(part.require_choice(
      "behavior", {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"}));
}

PreTokenizerPtr parse_byte_level(const Component& part) {
  // trim_offsets speaks to the post-processor of this name only.
  part.expect_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  ByteLevelPreTokenizer::Config config;
  config.add_prefix_space = part.require(io::find_bool, "add_prefix_space");
  config.use_regex = io::find_bool(part.value, "use_regex", part.where).value_or(true);
  return std::make_unique<ByteLevelPreTokenizer>(config);
}

PreTokenizerPtr parse_split(const Component& part) {
  part.expect_keys({"type", "pattern", "behavior", "invert"});
  return std::make_unique<Split>(parse_pattern(part.child("pattern")), parse_delimiters(part),
                                 part.require(io::find_bool, "invert"));
}

PreTokenizerPtr parse_digits(const Component& part) {
  part.expect_keys({"type", "individual_digits"});
  return std::make_unique<Digits>(part.require(io::find_bool, "individual_digits"));
}

PreTokenizerPtr parse_punctuation(const Component& part) {
  part.expect_keys({"type", "behavior"});
  return std::make_unique<Punctuation>(part.child("behavior").is_null() ? Delimiters::isolated
                                                                        : parse_delimiters(part));
}

PreTokenizerPtr parse_delimiter(const Component& part) {
  part.expect_keys({"type", "delimiter"});
  return std::make_unique<CharDelimiterSplit>(part.require_char("delimiter"));
}

PreTokenizerPtr parse_fixed_length(const Component& part) {
  part.expect_keys({"type", "length"});
  const int64_t length = io::find_int(part.value, "length", part.where).value_or(5);
  if (length < 1) fail<FormatError>(part.where, ": length: expected 1 or more, got ", length);
  return std::make_unique<FixedLength>(static_cast<size_t>(length));
}

template <class T>
PreTokenizerPtr parse_plain(const Component& part) {
  part.expect_keys({"type"});
  return std::make_unique<T>();
}

PreTokenizerPtr parse_metaspace(const Component& part) {
  // Old files have add_prefix_space for prepend_scheme, and str_rep, which repeats `replacement`.
  part.expect_keys(
      {"type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"});
  const bool has_scheme = !part.child("prepend_scheme").is_null();
  const auto adds = io::find_bool(part.value, "add_prefix_space", part.where);
  Metaspace::Config config;
  config.replacement = part.require_char("replacement");
  if (has_scheme) {
    config.prepend_scheme = static_cast<PrependScheme>(
        part.require_choice("prepend_scheme", {"never", "first", "always"}));
  } else if (adds == false) {
    config.prepend_scheme = PrependScheme::never;
  }
  if (adds == false && config.prepend_scheme != PrependScheme::never) {
    fail<FormatError>(
        part.where, ": prepend_scheme: expected never, as add_prefix_space is false, got another");
  }
  config.split = io::find_bool(part.value, "split", part.where).value_or(true);
  return std::make_unique<Metaspace>(config);
}

PreTokenizerPtr parse_step(const Component& part) {
  using Parse = PreTokenizerPtr (*)(const Component&);
  constexpr std::pair<std::string_view, Parse> kKinds[] = {
      {"BertPreTokenizer", parse_plain<BertPreTokenizer>},
      {"ByteLevel", parse_byte_level},
      {"CharDelimiterSplit", parse_delimiter},
      {"Delimiter", parse_delimiter},
      {"Digits", parse_digits},
      {"FixedLength", parse_fixed_length},
      {"Metaspace", parse_metaspace},
      {"Punctuation", parse_punctuation},
      {"Split", parse_split},
      {"UnicodeScripts", parse_plain<UnicodeScripts>},
      {"Whitespace", parse_plain<Whitespace>},
      {"WhitespaceSplit", parse_plain<WhitespaceSplit>},
  };
  const std::string type = part.type();
  for (const auto& [name, parse] : kKinds) {
    if (name == type) return parse(part);
  }
  part.fail_type("a pre-tokenizer");
}

}  // namespace

Pattern parse_pattern(const Component& part) {
  part.expect_keys({"String", "Regex"});
  if (part.value.size() != 1) {
    fail<FormatError>(part.where, ": expected one of String and Regex, got ", part.value.size());
  }
  if (part.value.contains("String")) return Pattern(part.require(io::find_string, "String"));
  return Pattern(Regex(part.require(io::find_string, "Regex"), part.where));
}

std::unique_ptr<const PreTokenizer> parse_pre_tokenizer(const Component& part) {
  std::vector<PreTokenizerPtr> steps;
  for (const Component& step : flatten_sequence(part, "pretokenizers")) {
    steps.push_back(parse_step(step));
  }
  if (steps.empty()) return nullptr;
  if (steps.size() == 1) return std::move(steps.front());
  return std::make_unique<PreTokenizerSequence>(std::move(steps));
}

}  // namespace nopad::text
