// SentencePieceModel: what a "spiece.model" or "sentencepiece.bpe.model" holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nopad::text {

// The numbers of the enumerations are those of sentencepiece_model.proto.
enum class PieceType : uint8_t {
  normal = 1,
  unknown = 2,
  control = 3,
  user_defined = 4,
  unused = 5,
  byte = 6
};

enum class SentencePieceAlgorithm : uint8_t { unigram = 1, bpe = 2, word = 3, character = 4 };

struct SentencePiece {
  std::string token;
  float score = 0;
  PieceType type = PieceType::normal;
};

// The fields that tokenization needs; the defaults are those of the format.
struct SentencePieceModel {
  std::vector<SentencePiece> pieces;  // by id
  SentencePieceAlgorithm algorithm = SentencePieceAlgorithm::unigram;
  int64_t unk_id = 0;
  std::string unk_piece = "<unk>";
  bool byte_fallback = false;
  std::string charsmap;  // see Charsmap; empty: none
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;

  // bytes : a serialized ModelProto (protobuf)
  // Throws FormatError naming `where`: malformed protobuf, no pieces or too many, a piece that is
  //        empty, too long or not UTF-8, a score that is not finite, a type or an algorithm out of
  //        range.
  static SentencePieceModel parse(std::string_view bytes, std::string_view where);
};

}  // namespace nopad::text
