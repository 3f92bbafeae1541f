#include "text/sentencepiece_model.h"

#include <cmath>
#include <utility>

#include "nopad/core/error.h"
#include "text/protobuf_reader.h"
#include "text/unicode.h"
#include "text/vocab.h"

namespace nopad::text {
namespace {

// An enumeration's value from 1 to `last`.
template <class Enum>
Enum expect_enum(int64_t value, Enum last, std::string_view where, std::string_view what) {
  if (value < 1 || value > static_cast<int64_t>(last)) {
    fail<FormatError>(where, ": ", what, ": expected 1 to ", static_cast<int64_t>(last), ", got ",
                      value);
  }
  return static_cast<Enum>(value);
}

void expect_piece(const SentencePiece& piece, std::string_view where) {
  if (piece.token.empty() || piece.token.size() > kMaxTokenBytes) {
    fail<FormatError>(where, ": expected a piece of 1 to ", kMaxTokenBytes, " bytes, got ",
                      piece.token.size());
  }
  const size_t invalid = find_invalid_utf8(piece.token);
  if (invalid < piece.token.size()) {
    fail<FormatError>(where, ": expected UTF-8, got an invalid byte at offset ", invalid);
  }
  if (!std::isfinite(piece.score)) {
    fail<FormatError>(where, ": score: expected a finite number, got ", piece.score);
  }
}

SentencePiece parse_piece(std::string_view bytes, const std::string& where) {
  SentencePiece piece;
  ProtobufReader reader(bytes, where);
  while (const auto field = reader.next()) {
    if (field->number == 1) piece.token = reader.as_bytes(*field);
    if (field->number == 2) piece.score = reader.as_float(*field);
    if (field->number == 3) {
      piece.type = expect_enum(reader.as_int(*field), PieceType::byte, where, "type");
    }
  }
  expect_piece(piece, where);
  return piece;
}

void parse_trainer(std::string_view bytes, const std::string& where, SentencePieceModel& out) {
  ProtobufReader reader(bytes, where);
  while (const auto field = reader.next()) {
    if (field->number == 3) {
      out.algorithm = expect_enum(reader.as_int(*field), SentencePieceAlgorithm::character, where,
                                  "model_type");
    }
    if (field->number == 35) out.byte_fallback = reader.as_bool(*field);
    if (field->number == 40) out.unk_id = reader.as_int(*field);
    if (field->number == 45) out.unk_piece = reader.as_bytes(*field);
  }
}

void parse_normalizer(std::string_view bytes, const std::string& where, SentencePieceModel& out) {
  ProtobufReader reader(bytes, where);
  while (const auto field = reader.next()) {
    if (field->number == 2) out.charsmap = reader.as_bytes(*field);
    if (field->number == 3) out.add_dummy_prefix = reader.as_bool(*field);
    if (field->number == 4) out.remove_extra_whitespaces = reader.as_bool(*field);
    if (field->number == 5) out.escape_whitespaces = reader.as_bool(*field);
  }
}

}  // namespace

SentencePieceModel SentencePieceModel::parse(std::string_view bytes, std::string_view where) {
  SentencePieceModel model;
  ProtobufReader reader(bytes, where);
  while (const auto field = reader.next()) {
    if (field->number == 1) {
      if (model.pieces.size() == kMaxTokens) {
        fail<FormatError>(where, ": pieces: expected at most ", kMaxTokens, ", got more");
      }
      model.pieces.push_back(
          parse_piece(reader.as_bytes(*field), concat(where, ": piece ", model.pieces.size())));
    }
    if (field->number == 2) {
      parse_trainer(reader.as_bytes(*field), concat(where, ": trainer_spec"), model);
    }
    if (field->number == 3) {
      parse_normalizer(reader.as_bytes(*field), concat(where, ": normalizer_spec"), model);
    }
  }
  if (model.pieces.empty()) fail<FormatError>(where, ": pieces: expected at least one, got none");
  return model;
}

}  // namespace nopad::text
