// sentencepiece models of each family against transformers' converter and the package's encodings.
#include "text/sentencepiece_conversion.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "expect_error.h"
#include "io/json.h"
#include "io/scratch_directory.h"
#include "nopad/core/error.h"
#include "nopad/io/file.h"
#include "nopad/text/tokenizer.h"
#include "text/base64.h"

namespace nopad::text {
namespace {

using nlohmann::json;

const std::string kData = NOPAD_TEST_DATA "/text/";

struct Recorded {
  const char* name;
  const char* model;  // in the folder of the model that it shares
  SentencePieceFamily family;
};
const Recorded kRecorded[] = {
    {"unigram-xlm-roberta", "unigram-xlm-roberta/sentencepiece.bpe.model",
     SentencePieceFamily::xlm_roberta},
    {"unigram-camembert", "unigram-xlm-roberta/sentencepiece.bpe.model",
     SentencePieceFamily::camembert},
    {"unigram-albert", "unigram-albert/spiece.model", SentencePieceFamily::albert},
    {"unigram-albert-cased", "unigram-albert/spiece.model", SentencePieceFamily::albert}};

std::string read(const std::string& name) { return io::read_file(kData + name, 1 << 20); }

json read_json(const std::string& name) { return io::read_json(kData + name, 1 << 20); }

class Families : public testing::TestWithParam<Recorded> {};

TEST_P(Families, BecomeTheFileThatTransformersMakes) {
  const auto& [name, model_file, family] = GetParam();
  const auto model = SentencePieceModel::parse(read(model_file), "f");
  json file = sentencepiece_to_tokenizer_json(
      model, family, read_json(std::string(name) + "/tokenizer_config.json"), "f");
  for (json& step : file["normalizer"]["normalizers"]) {
    if (step["type"] != "Precompiled") continue;
    EXPECT_EQ(from_base64(step["precompiled_charsmap"].get<std::string>(), "f"), model.charsmap);
    step.erase("precompiled_charsmap");
  }
  const json expected = read_json(std::string(name) + "/converted.json");
  for (const auto& [key, value] : expected.items()) EXPECT_EQ(file[key], value) << key;
  EXPECT_EQ(file.size(), expected.size());
}

TEST_P(Families, EncodeAsThePackageDoes) {
  const auto& [name, model_file, family] = GetParam();
  const test::ScratchDirectory directory;
  directory.write(std::filesystem::path(model_file).filename().string(), read(model_file));
  directory.write("tokenizer_config.json", read(std::string(name) + "/tokenizer_config.json"));
  const Tokenizer tokenizer = Tokenizer::load(directory.path());
  std::ifstream file(kData + name + "/encodings.jsonl");
  std::string line;
  int num_texts = 0;
  for (; std::getline(file, line); ++num_texts) {
    const json record = json::parse(line);
    const Encoding encoding = tokenizer.encode(record["text"].get<std::string>());
    json spans = json::array();
    for (const Span& span : encoding.spans) spans.push_back({span.begin, span.end});
    EXPECT_EQ(json(encoding.ids), record["ids"]) << record["text"];
    EXPECT_EQ(spans, record["spans"]) << record["text"];
  }
  EXPECT_EQ(num_texts, 245);
}

INSTANTIATE_TEST_SUITE_P(Recorded, Families, testing::ValuesIn(kRecorded),
                         [](const auto& recorded) {
                           std::string name = recorded.param.name;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

TEST(SentencePieceConversion, AlbertAvoidsADigitAndAComma) {
  SentencePieceModel model;
  for (const char* token : {"[CLS]", "[SEP]", "2,", ",", "a,", ",2"}) {
    model.pieces.push_back({token, -1, PieceType::normal});
  }
  const json file =
      sentencepiece_to_tokenizer_json(model, SentencePieceFamily::albert, json::object(), "f");
  std::vector<double> scores;
  for (const json& piece : file["model"]["vocab"]) scores.push_back(piece[1].get<double>());
  EXPECT_EQ(scores, (std::vector<double>{-1, -1, -101, -1, -1, -1}));
}

TEST(SentencePieceConversion, BytesStandForUnknownCharactersInAPlainModel) {
  const test::ScratchDirectory directory;
  directory.write("sentencepiece.model", read("unigram-bytes/spiece.model"));
  const Tokenizer tokenizer = Tokenizer::load(directory.path());
  const Encoding encoding = tokenizer.encode("\u4e2d", {.add_frame = false});
  ASSERT_EQ(encoding.size(), 4u);
  EXPECT_EQ(tokenizer.token(encoding.ids[0]), "\u2581");
  EXPECT_EQ(tokenizer.token(encoding.ids[1]), "<0xE4>");
  EXPECT_EQ(tokenizer.token(encoding.ids[3]), "<0xAD>");
}

TEST(SentencePieceConversion, BpeMergesByScore) {
  const auto model = SentencePieceModel::parse(read("sentencepiece-bpe/spiece.model"), "f");
  const json file =
      sentencepiece_to_tokenizer_json(model, SentencePieceFamily::plain, json::object(), "f");
  const json& merges = file["model"]["merges"];
  const json expected = read_json("sentencepiece-bpe/merges.json");
  EXPECT_EQ(file["model"]["vocab"].size(), 600u);
  EXPECT_EQ(merges, expected);
}

TEST(SentencePieceConversion, RefusesOtherAlgorithmsAndMissingTokens) {
  const auto expect = [](const SentencePieceModel& model, SentencePieceFamily family,
                         std::string_view message) {
    test::expect_error<FormatError>(
        [&] { sentencepiece_to_tokenizer_json(model, family, json::object(), "f"); }, message);
  };
  SentencePieceModel model;
  model.pieces = {{"a", 0, PieceType::normal}};
  expect(model, SentencePieceFamily::albert, "f: pieces: expected [CLS], got none");
  expect(model, SentencePieceFamily::xlm_roberta, "f: pieces: expected at least 3, got 1");
  expect(model, SentencePieceFamily::camembert, "f: pieces: expected <s>, got none");
  model.algorithm = SentencePieceAlgorithm::word;
  expect(model, SentencePieceFamily::plain,
         "f: trainer_spec: model_type: expected 1 (Unigram) or 2 (BPE), got 3");
  model.algorithm = SentencePieceAlgorithm::bpe;
  model.pieces[0].token.assign(257, 'a');
  expect(model, SentencePieceFamily::plain,
         "f: pieces: expected BPE pieces of at most 256 bytes, got 257");
}

TEST(SentencePieceFamily, IsSaidByTheClassThenTheModelTypeThenTheFile) {
  const auto family = [](const char* tokenizer_class, const char* model_type, const char* file) {
    const auto text = [](const char* s) {
      return s ? std::optional<std::string>(s) : std::nullopt;
    };
    return sentencepiece_family(text(tokenizer_class), file, text(model_type), "f");
  };
  using enum SentencePieceFamily;
  EXPECT_EQ(family("CamembertTokenizerFast", "albert", "spiece.model"), camembert);
  EXPECT_EQ(family("XLMRobertaTokenizer", nullptr, "spiece.model"), xlm_roberta);
  EXPECT_EQ(family("T5Tokenizer", nullptr, "spiece.model"), plain);
  EXPECT_EQ(family(nullptr, "camembert", "sentencepiece.bpe.model"), camembert);
  EXPECT_EQ(family("PreTrainedTokenizerFast", nullptr, "spiece.model"), albert);
  EXPECT_EQ(family(nullptr, "bert", "sentencepiece.bpe.model"), xlm_roberta);
  EXPECT_EQ(family(nullptr, nullptr, "tokenizer.model"), plain);
  test::expect_error<FormatError>(
      [&] { family("DebertaV2Tokenizer", nullptr, "spm.model"); },
      "f: tokenizer_class: expected AlbertTokenizer, CamembertTokenizer, XLMRobertaTokenizer or "
      "T5Tokenizer for a sentencepiece model, got \"DebertaV2Tokenizer\"");
}

}  // namespace
}  // namespace nopad::text
