#include "text/decoders/parse.h"

#include <utility>
#include <vector>

#include "text/decoders/byte_decoders.h"
#include "text/decoders/string_decoders.h"
#include "text/decoders/subword_decoders.h"
#include "text/pre_tokenizers/parse.h"
#include "text/unicode.h"
#include "text/wordpiece_decoder.h"

namespace nopad::text {
namespace {

using DecoderPtr = std::unique_ptr<const Decoder>;

std::string require_char_bytes(const Component& part, const char* key) {
  char bytes[4];
  return {bytes, encode_utf8(part.require_char(key), bytes)};
}

DecoderPtr parse_bpe(const Component& part) {
  part.expect_keys({"type", "suffix"});
  return std::make_unique<BpeDecoder>(part.require(io::find_string, "suffix"));
}

DecoderPtr parse_byte_level(const Component& part) {
  // They speak to the pre-tokenizer and the post-processor of this name only.
  part.expect_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  return std::make_unique<ByteLevelDecoder>();
}

DecoderPtr parse_wordpiece(const Component& part) {
  part.expect_keys({"type", "prefix", "cleanup"});
  return std::make_unique<WordPieceDecoder>(part.require(io::find_string, "prefix"),
                                            part.require(io::find_bool, "cleanup"));
}

DecoderPtr parse_metaspace(const Component& part) {
  part.expect_keys(
      {"type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"});
  bool prepends = io::find_bool(part.value, "add_prefix_space", part.where).value_or(true);
  if (!part.child("prepend_scheme").is_null()) {
    prepends = part.require_choice("prepend_scheme", {"never", "first", "always"}) != 0;
  }
  return std::make_unique<MetaspaceDecoder>(require_char_bytes(part, "replacement"), prepends);
}

DecoderPtr parse_ctc(const Component& part) {
  part.expect_keys({"type", "pad_token", "word_delimiter_token", "cleanup"});
  return std::make_unique<CtcDecoder>(
      CtcDecoder::Config{part.require(io::find_string, "pad_token"),
                         part.require(io::find_string, "word_delimiter_token"),
                         part.require(io::find_bool, "cleanup")});
}

DecoderPtr parse_replace(const Component& part) {
  part.expect_keys({"type", "pattern", "content"});
  return std::make_unique<ReplaceDecoder>(parse_pattern(part.child("pattern")),
                                          part.require(io::find_string, "content"));
}

DecoderPtr parse_strip(const Component& part) {
  constexpr int64_t kMaxCut = int64_t{1} << 20;
  part.expect_keys({"type", "content", "start", "stop"});
  return std::make_unique<StripDecoder>(require_char_bytes(part, "content"),
                                        static_cast<size_t>(part.require_count("start", kMaxCut)),
                                        static_cast<size_t>(part.require_count("stop", kMaxCut)));
}

template <class T>
DecoderPtr parse_plain(const Component& part) {
  part.expect_keys({"type"});
  return std::make_unique<T>();
}

DecoderPtr parse_step(const Component& part) {
  using Parse = DecoderPtr (*)(const Component&);
  constexpr std::pair<std::string_view, Parse> kKinds[] = {
      {"BPEDecoder", parse_bpe},          {"ByteFallback", parse_plain<ByteFallbackDecoder>},
      {"ByteLevel", parse_byte_level},    {"CTC", parse_ctc},
      {"Fuse", parse_plain<FuseDecoder>}, {"Metaspace", parse_metaspace},
      {"Replace", parse_replace},         {"Strip", parse_strip},
      {"WordPiece", parse_wordpiece},
  };
  const std::string type = part.type();
  for (const auto& [name, parse] : kKinds) {
    if (name == type) return parse(part);
  }
  part.fail_type("a decoder");
}

}  // namespace

std::unique_ptr<const Decoder> parse_decoder(const Component& part) {
  std::vector<DecoderPtr> steps;
  for (const Component& step : flatten_sequence(part, "decoders"))
    steps.push_back(parse_step(step));
  if (steps.size() == 1) return std::move(steps.front());
  return std::make_unique<SequenceDecoder>(std::move(steps));
}

}  // namespace nopad::text
