#include "text/general_encoder.h"

#include <utility>

#include "io/json.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

// Where the bytes [begin, end) of a text come from; a token without bytes of its own is where it
// stands.
Span find_span(const NormalizedText& text, size_t begin, size_t end) noexcept {
  if (begin < end) {
    const SourceBytes source = text.source(begin, end);
    return {static_cast<int64_t>(source.begin), static_cast<int64_t>(source.end)};
  }
  const auto at = static_cast<int64_t>(text.source(end - 1, end).end);
  return {at, at};
}

}  // namespace

GeneralEncoder::GeneralEncoder(Steps steps, const std::vector<AddedToken>& normalized_tokens,
                               std::string_view where)
    : steps_(std::move(steps)) {
  for (const AddedToken& token : normalized_tokens) {
    NormalizedText pattern(token.content, 0, false);
    if (steps_.normalizer) steps_.normalizer->apply(pattern);
    if (pattern.bytes().empty()) {
      fail<FormatError>(where,
                        ": added_tokens: expected a token that the normalizer leaves visible, got ",
                        io::quote(token.content));
    }
    normalized_tokens_.add(std::string(pattern.bytes()), token);
  }
  normalized_tokens_.finish();
}

PreTokenizedText GeneralEncoder::pre_tokenize(std::string_view segment, size_t offset,
                                              bool match_special_tokens, bool with_spans) const {
  const auto* pre_tokenizer = steps_.pre_tokenizer.get();
  const bool tracks = with_spans || (pre_tokenizer != nullptr && pre_tokenizer->needs_sources());
  PreTokenizedText text{NormalizedText(segment, offset, tracks), {}};
  if (steps_.normalizer) steps_.normalizer->apply(text.text);
  for (const TextPart& part : normalized_tokens_.split(text.text.bytes(), match_special_tokens)) {
    text.pieces.push_back({part.begin, part.end, part.id});
  }
  if (pre_tokenizer != nullptr) pre_tokenizer->apply(text);
  return text;
}

void GeneralEncoder::append(std::string_view segment, size_t offset, bool match_special_tokens,
                            std::vector<int32_t>& ids, TokenPlaces* places) const {
  const PreTokenizedText text =
      pre_tokenize(segment, offset, match_special_tokens, places != nullptr);
  std::vector<Piece> parts;
  for (const Piece& piece : text.pieces) {
    if (piece.token != Piece::kNoToken) {
      ids.push_back(piece.token);
      if (places != nullptr) {
        places->spans.push_back(find_span(text.text, piece.begin, piece.end));
        places->end_word();
      }
      continue;
    }
    const std::string_view bytes = text.text.bytes().substr(piece.begin, piece.end - piece.begin);
    if (places == nullptr) {
      steps_.model->append(bytes, ids, nullptr);
      continue;
    }
    parts.clear();
    steps_.model->append(bytes, ids, &parts);
    for (const Piece& part : parts) {
      places->spans.push_back(
          find_span(text.text, piece.begin + part.begin, piece.begin + part.end));
    }
    places->end_word();
  }
}

}  // namespace nopad::text
