// Tokenizer::load on directories as they are met, and on broken ones.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nopad/core/error.h"
#include "nopad/text/tokenizer.h"
#include "text/byte_level.h"

namespace nopad::text {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<int32_t>;

constexpr const char* kVocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nHello\n";

// A folder of its own for each test, removed at its end.
class LoadTokenizer : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() /
              ("nopad_load_" + std::string(test->name()) + "_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const char* name, std::string_view content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  void write_tokenizer_json(bool lowercase) const {
    write("tokenizer.json", std::string(R"({"version": "1.0", "truncation": null, "padding": null,
      "added_tokens": [], "pre_tokenizer": {"type": "BertPreTokenizer"},
      "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                     "strip_accents": null, "lowercase": )") +
                                (lowercase ? "true" : "false") + R"(},
      "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
      "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
      "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100,
                "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "hello": 5,
                          "Hello": 6}}})");
  }
  Ids ids(std::string_view text = "Hello") const {
    return Tokenizer::load(folder_).encode(text).ids;
  }
  template <class E>
  void expect_refused(const std::string& message) const {
    try {
      Tokenizer::load(folder_);
      FAIL() << "expected " << message;
    } catch (const E& error) {
      const std::string shown = error.what();
      EXPECT_EQ(shown, folder_.string() + message);
    }
  }

  fs::path folder_;
};

TEST_F(LoadTokenizer, FromVocabAlone) {
  write("vocab.txt", kVocab);
  EXPECT_EQ(ids(), (Ids{2, 5, 3}));
  EXPECT_EQ(ids("hello [MASK]"), (Ids{2, 5, 4, 3}));
}

TEST_F(LoadTokenizer, FromVocabWithSettings) {
  write("vocab.txt", kVocab);
  write("tokenizer_config.json", R"({"do_lower_case": false, "model_max_length": 64})");
  EXPECT_EQ(ids(), (Ids{2, 6, 3}));
  EXPECT_EQ(Tokenizer::load(folder_).model_max_length(), 64);
}

TEST_F(LoadTokenizer, TokenizerJsonGoesBeforeVocab) {
  write("vocab.txt", "[UNK]\n");
  write_tokenizer_json(true);
  EXPECT_EQ(ids(), (Ids{2, 5, 3}));
  EXPECT_EQ(ids("hello [MASK]"), (Ids{2, 5, 4, 3}));  // BERT's class knows it by name
}

// As transformers 4 and 5: the class's settings replace those of tokenizer.json.
TEST_F(LoadTokenizer, TokenizerConfigGoesBeforeTokenizerJson) {
  write_tokenizer_json(true);
  write("tokenizer_config.json", R"({"do_lower_case": false, "tokenizer_class": "BertTokenizer"})");
  EXPECT_EQ(ids(), (Ids{2, 6, 3}));
  write_tokenizer_json(false);
  write("tokenizer_config.json", R"({"tokenizer_class": "BertTokenizer"})");
  EXPECT_EQ(ids(), (Ids{2, 5, 3}));
}

TEST_F(LoadTokenizer, TheGeneralClassLeavesTokenizerJsonAlone) {
  write_tokenizer_json(false);
  write("tokenizer_config.json",
        R"({"do_lower_case": true, "tokenizer_class": "PreTrainedTokenizerFast"})");
  EXPECT_EQ(ids(), (Ids{2, 6, 3}));
}

TEST_F(LoadTokenizer, TokenizerConfigMayAddTokens) {
  write("vocab.txt", kVocab);
  write("tokenizer_config.json",
        R"({"added_tokens_decoder": {"7": {"content": "foo", "lstrip": false,
      "rstrip": false, "normalized": true, "single_word": false, "special": false}}})");
  EXPECT_EQ(ids("Hello FOO"), (Ids{2, 5, 7, 3}));
}

// Bytes are tokens, "<s>" and its kin, and "ab", " a".
constexpr const char* kMerges = "#version: 0.2\na b\n\u0120 a\n";

std::string roberta_vocab() {
  std::string vocab = R"({"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3)";
  int id = 4;
  const auto add = [&](const std::string& token) {
    vocab += ", " + nlohmann::json(token).dump() + ": " + std::to_string(id++);
  };
  for (unsigned byte = 0; byte < 256; ++byte)
    add(to_byte_chars(std::string(1, static_cast<char>(byte))));
  for (const char* token : {"ab", "\u0120a", "<mask>"}) add(token);
  return vocab + "}";
}

constexpr int32_t kAb = 260, kBlankA = 261, kMask = 262;
constexpr int32_t id_of_byte(unsigned char byte) { return 4 + byte; }

TEST_F(LoadTokenizer, FromVocabJsonAndMerges) {
  write("vocab.json", roberta_vocab());
  write("merges.txt", kMerges);
  EXPECT_EQ(ids("ab a <mask>"), (Ids{0, kAb, kBlankA, kMask, 2}));
  const Tokenizer tokenizer = Tokenizer::load(folder_);
  EXPECT_EQ(tokenizer.encode_pair("ab", "a").ids, (Ids{0, kAb, 2, 2, id_of_byte('a'), 2}));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("ab \u00e9").ids), "ab \u00e9");
  EXPECT_EQ(tokenizer.special_ids().classify, 0);
  EXPECT_EQ(tokenizer.special_ids().separate, 2);
  EXPECT_EQ(tokenizer.special_ids().mask, kMask);
  EXPECT_EQ(tokenizer.encode(" a").spans[1], (Span{1, 2}));
}

TEST_F(LoadTokenizer, RobertasClassMayAskForABlankBeforeTheText) {
  write("vocab.json", roberta_vocab());
  write("merges.txt", kMerges);
  write("tokenizer_config.json",
        R"({"tokenizer_class": "RobertaTokenizer", "add_prefix_space": true})");
  EXPECT_EQ(ids("a a"), (Ids{0, kBlankA, kBlankA, 2}));
}

TEST_F(LoadTokenizer, SpecialTokensAndAddedTokensMayHaveFilesOfTheirOwn) {
  write("vocab.json", roberta_vocab());
  write("merges.txt", kMerges);
  write("special_tokens_map.json", R"({"sep_token": "<pad>", "cls_token": "<s>"})");
  write("added_tokens.json", R"({"foo": 263})");
  EXPECT_EQ(ids("abfoo"), (Ids{0, kAb, 263, 1}));
}

TEST_F(LoadTokenizer, VocabJsonOfAnotherClassIsRefused) {
  write("vocab.json", roberta_vocab());
  write("merges.txt", kMerges);
  write("tokenizer_config.json", R"({"tokenizer_class": "CTRLTokenizer"})");
  expect_refused<FormatError>(
      "/tokenizer_config.json: tokenizer_class: expected RobertaTokenizer for vocab.json and "
      "merges.txt without a tokenizer.json, got \"CTRLTokenizer\"");
}

TEST_F(LoadTokenizer, RefusesBrokenMergesByTheirLine) {
  write("vocab.json", roberta_vocab());
  const std::pair<const char*, const char*> cases[] = {
      {"#version: 0.2\na b c\n",
       "/merges.txt: line 2: expected two tokens with a blank between, got \"a b c\""},
      {"a b\n\n", "/merges.txt: line 2: expected two tokens with a blank between, got \"\""},
      {"a \xff\n", "/merges.txt: line 1: expected UTF-8, got an invalid byte at offset 2"},
      {"a b\nb a\n", "/vocab.json: merges: line 2: expected \"ba\" in the vocab, got none"},
      {"a bc\n", "/vocab.json: merges: line 1: expected \"bc\" in the vocab, got none"}};
  for (const auto& [merges, message] : cases) {
    write("merges.txt", merges);
    expect_refused<FormatError>(message);
  }
}

// MPNet's words are BERT's, its frame and most names are RoBERTa's.
TEST_F(LoadTokenizer, MpnetsVocab) {
  write("vocab.txt", "<s>\n<pad>\n</s>\n[UNK]\n<mask>\nhello\n");
  write("tokenizer_config.json", R"({"tokenizer_class": "MPNetTokenizer"})");
  EXPECT_EQ(ids("Hello x <mask>"), (Ids{0, 5, 3, 4, 2}));
  EXPECT_EQ(Tokenizer::load(folder_).encode_pair("hello", "hello").ids, (Ids{0, 5, 2, 2, 5, 2}));
}

TEST_F(LoadTokenizer, RefusesAFolderWithoutTokenizer) {
  expect_refused<FileError>(
      ": expected tokenizer.json, vocab.json and merges.txt, vocab.txt, spiece.model, "
      "sentencepiece.bpe.model or sentencepiece.model, got none of them");
}

TEST_F(LoadTokenizer, RefusesBrokenFilesByTheirPath) {
  write("vocab.txt", "");
  expect_refused<FormatError>("/vocab.txt: vocab: expected at least one token, got none");
  write("vocab.txt", "[UNK]\n\xff\n");
  expect_refused<FormatError>(
      "/vocab.txt: line 2: expected UTF-8, got an invalid byte at offset 0");
  write("vocab.txt", kVocab);
  write("tokenizer_config.json", R"({"do_lower_case": 1})");
  expect_refused<FormatError>(
      "/tokenizer_config.json: do_lower_case: expected true or false, got 1");
}

TEST_F(LoadTokenizer, RefusesWhatIsNotAFile) {
  write("vocab.txt", kVocab);
  fs::create_directory(folder_ / "tokenizer.json");
  EXPECT_THROW(Tokenizer::load(folder_), FileError);
  fs::remove(folder_ / "tokenizer.json");
  ASSERT_EQ(mkfifo((folder_ / "tokenizer.json").c_str(), 0600), 0);
  EXPECT_THROW(Tokenizer::load(folder_), FileError);
}

// Nesting that would overflow the stack of a parser that calls itself.
TEST_F(LoadTokenizer, RefusesDeepNesting) {
  write("tokenizer.json", R"({"normalizer": )" + std::string(100'000, '['));
  EXPECT_THROW(Tokenizer::load(folder_), FormatError);
}

TEST_F(LoadTokenizer, AFileCutAnywhereIsRefused) {
  write_tokenizer_json(true);
  std::ifstream file(folder_ / "tokenizer.json");
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  for (size_t size = 0; size + 1 < whole.size(); size += 7) {
    write("tokenizer.json", whole.substr(0, size));
    ASSERT_THROW(Tokenizer::load(folder_), FormatError) << size;
  }
}

}  // namespace
}  // namespace nopad::text
