#include "text/pipeline.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

using test::expect_error;
using Ids = std::vector<int32_t>;

BertParts make_parts(std::string_view lines) {
  BertParts parts;
  parts.vocab = Vocab::from_lines(lines, "vocab.txt");
  return parts;
}

Tokenizer build(BertParts parts) { return Tokenizer(build_bert(std::move(parts), "vocab.txt")); }

TEST(Pipeline, NamedTokensOfTheVocabBecomeSpecialTokens) {
  const Tokenizer tokenizer = build(make_parts("[UNK]\n[CLS]\n[SEP]\na\n"));
  EXPECT_EQ(tokenizer.encode("a[CLS]a").ids, (Ids{1, 3, 1, 3, 2}));
  EXPECT_EQ(tokenizer.decode(Ids{1, 3, 0, 2}), "a");
  EXPECT_EQ(tokenizer.special_ids().pad, std::nullopt);
  EXPECT_EQ(tokenizer.special_ids().mask, std::nullopt);
}

TEST(Pipeline, NamesCanBeOtherOnes) {
  BertParts parts = make_parts("<unk>\n<s>\n</s>\na\n");
  parts.names = {"<unk>", "<s>", "</s>", "<pad>", "<mask>"};
  parts.model.unk_token = "<unk>";
  EXPECT_EQ(build(std::move(parts)).encode("a b").ids, (Ids{1, 3, 0, 2}));
}

TEST(Pipeline, AnAddedTokenMayLieBeyondTheVocab) {
  BertParts parts = make_parts("[UNK]\n[CLS]\n[SEP]\na\n");
  parts.added_tokens = {{.content = "foo", .id = 4},
                        {.content = "[CLS]", .id = 1, .special = true}};
  const Tokenizer tokenizer = build(std::move(parts));
  EXPECT_EQ(tokenizer.encode("afoo").ids, (Ids{1, 3, 4, 2}));
  EXPECT_EQ(tokenizer.decode(Ids{3, 4}), "a foo");
  EXPECT_EQ(tokenizer.find_id("foo"), 4);
  EXPECT_EQ(tokenizer.vocab_size(), 5);
}

TEST(Pipeline, RefusesAVocabWithoutATokenThatHasARole) {
  expect_error<FormatError>([] { build(make_parts("[CLS]\n[SEP]\n")); },
                            R"(vocab.txt: unk_token: expected "[UNK]" in the vocab, got none)");
  expect_error<FormatError>([] { build(make_parts("[UNK]\n[SEP]\n")); },
                            R"(vocab.txt: cls_token: expected "[CLS]" in the vocab, got none)");
  expect_error<FormatError>([] { build(make_parts("[UNK]\n[CLS]\n")); },
                            R"(vocab.txt: sep_token: expected "[SEP]" in the vocab, got none)");
}

TEST(Pipeline, RefusesAFrameWithTokensThatThereAreNot) {
  BertParts parts = make_parts("[UNK]\n[CLS]\n[SEP]\n");
  parts.frame = make_bert_frame(1, 7);
  expect_error<FormatError>([&] { build(std::move(parts)); },
                            "vocab.txt: post_processor: expected ids of the vocab, got 7");
}

}  // namespace
}  // namespace nopad::text
