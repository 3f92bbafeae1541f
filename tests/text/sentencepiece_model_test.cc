#include "text/sentencepiece_model.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "nopad/io/file.h"
#include "random.h"

namespace nopad::text {
namespace {

std::string field(int number, std::string_view bytes) {
  std::string out{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())};
  return out.append(bytes);
}

// A piece with the score -1.5.
std::string piece(std::string_view token, std::string_view rest = "") {
  return field(1, field(1, token) + std::string("\x15\0\0\xc0\xbf", 5) + std::string(rest));
}

std::string recorded(const char* name) {
  return io::read_file(std::string(NOPAD_TEST_DATA "/text/") + name, 1 << 20);
}

TEST(SentencePieceModel, ReadsPiecesAndSettings) {
  const auto model = SentencePieceModel::parse(
      piece("<unk>", "\x18\x02") + piece("a") +
          field(2, std::string("\x18\x02\x98\x02\x01\xc0\x02\x03", 8) +
                       std::string("\xea\x02\x01?", 4)) +
          field(3, field(2, "map") + std::string("\x18\0\x20\0\x28\0", 6)) + field(9, "unknown"),
      "f");
  ASSERT_EQ(model.pieces.size(), 2u);
  EXPECT_EQ(model.pieces[0].type, PieceType::unknown);
  EXPECT_EQ(model.pieces[1].token, "a");
  EXPECT_EQ(model.pieces[1].score, -1.5f);
  EXPECT_EQ(model.pieces[1].type, PieceType::normal);
  EXPECT_EQ(model.algorithm, SentencePieceAlgorithm::bpe);
  EXPECT_TRUE(model.byte_fallback);
  EXPECT_EQ(model.unk_id, 3);
  EXPECT_EQ(model.unk_piece, "?");
  EXPECT_EQ(model.charsmap, "map");
  EXPECT_FALSE(model.add_dummy_prefix || model.remove_extra_whitespaces ||
               model.escape_whitespaces);
}

TEST(SentencePieceModel, WhatIsMissingHasTheFormatsDefaults) {
  const auto model = SentencePieceModel::parse(piece("a"), "f");
  EXPECT_EQ(model.algorithm, SentencePieceAlgorithm::unigram);
  EXPECT_EQ(model.unk_id, 0);
  EXPECT_TRUE(model.add_dummy_prefix && model.remove_extra_whitespaces && model.escape_whitespaces);
}

TEST(SentencePieceModel, ReadsWhatSentencepieceWrote) {
  const auto model =
      SentencePieceModel::parse(recorded("unigram-xlm-roberta/sentencepiece.bpe.model"), "f");
  EXPECT_EQ(model.pieces.size(), 1000u);
  EXPECT_EQ(model.pieces[1].token, "<s>");
  EXPECT_EQ(model.pieces[1].type, PieceType::control);
  EXPECT_GT(model.charsmap.size(), 100'000u);
}

TEST(SentencePieceModel, RefusesBadPieces) {
  const auto expect = [](const std::string& bytes, std::string_view message) {
    test::expect_error<FormatError>([&] { SentencePieceModel::parse(bytes, "f"); }, message);
  };
  expect("", "f: pieces: expected at least one, got none");
  expect(field(2, ""), "f: pieces: expected at least one, got none");
  expect(piece("a") + piece(""), "f: piece 1: expected a piece of 1 to 1024 bytes, got 0");
  expect(piece("\xff"), "f: piece 0: expected UTF-8, got an invalid byte at offset 0");
  expect(piece("a", std::string("\x15\0\0\xc0\x7f", 5)),
         "f: piece 0: score: expected a finite number, got nan");
  expect(piece("a", "\x18\x07"), "f: piece 0: type: expected 1 to 6, got 7");
  expect(piece("a") + field(2, "\x18\x05"), "f: trainer_spec: model_type: expected 1 to 4, got 5");
  expect(piece("a") + field(3, "\x10\x01"),
         "f: normalizer_spec: field 2: expected wire type 2, got 0");
  expect(std::string("\x08\x01", 2), "f: field 1: expected wire type 2, got 0");
}

TEST(SentencePieceModel, CutOrFlippedIsRefusedOrRead) {
  const std::string whole = recorded("sentencepiece-bpe/spiece.model");
  const auto survives = [](std::string_view bytes) {
    try {
      EXPECT_LE(SentencePieceModel::parse(bytes, "f").pieces.size(), bytes.size());
    } catch (const FormatError&) {
    }
  };
  for (size_t size = 0; size < whole.size(); ++size)
    survives(std::string_view(whole).substr(0, size));
  test::Random random(3);
  for (int i = 0; i < 10'000; ++i) {
    std::string bytes = whole;
    char& byte = bytes[static_cast<size_t>(random.integer(0, std::ssize(bytes) - 1))];
    byte = static_cast<char>(byte ^ 1 << random.integer(0, 7));
    survives(bytes);
  }
}

}  // namespace
}  // namespace nopad::text
