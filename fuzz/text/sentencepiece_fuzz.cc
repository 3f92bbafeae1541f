// Fuzzes sentencepiece's model files, from protobuf to the token ids of a text, for each family.
//
// The first byte chooses the family. Nothing but nopad's errors may be thrown.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "nopad/core/error.h"
#include "text/normalizers/parse.h"
#include "text/sentencepiece_conversion.h"
#include "text/unigram.h"

namespace {

using nlohmann::json;
using nopad::text::SentencePieceFamily;
using nopad::text::SentencePieceModel;
using nopad::text::UnigramModel;

void encode(const json& file) {
  const auto normalizer = nopad::text::parse_normalizer(file.at("normalizer"), "f");
  std::vector<nopad::text::UnigramPiece> pieces;
  for (const json& piece : file.at("model").at("vocab")) {
    pieces.push_back({piece[0].get<std::string>(), piece[1].get<double>()});
  }
  const auto model =
      UnigramModel::from_pieces(std::move(pieces), file.at("model").at("unk_id").get<int64_t>(),
                                file.at("model").at("byte_fallback").get<bool>(), "f");
  nopad::text::NormalizedText text("The  caf\u00e9, \ufb01ve \u4e2d\u6587 2,000.", 0, true);
  normalizer->apply(text);
  if (text.bytes().empty()) return;
  std::vector<int32_t> ids;
  std::vector<nopad::text::Piece> spans;
  model.append(text.bytes(), ids, &spans);
  if (ids.empty() || ids.size() != spans.size()) __builtin_trap();
  for (const int32_t id : ids) {
    if (id < 0 || id >= model.vocab().size()) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view content(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    const auto model = SentencePieceModel::parse(content, "f");
    const json file = nopad::text::sentencepiece_to_tokenizer_json(
        model, static_cast<SentencePieceFamily>(data[0] % 4), json::object(), "f");
    if (file.at("model").at("type") == "Unigram") encode(file);
  } catch (const nopad::Error&) {
  }
  return 0;
}
