#include "text/pipeline.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

using test::expect_error;
using Ids = std::vector<int32_t>;

PipelineParts make_parts(std::string_view lines, SpecialNames names = make_bert_names()) {
  return make_bert_parts(Vocab::from_lines(lines, "vocab.txt"), std::move(names), FrameKind::bert,
                         "vocab.txt");
}

Tokenizer build(PipelineParts parts) {
  return Tokenizer(build_pipeline(std::move(parts), "vocab.txt"));
}

TEST(Pipeline, NamedTokensOfTheVocabBecomeSpecialTokens) {
  const Tokenizer tokenizer = build(make_parts("[UNK]\n[CLS]\n[SEP]\na\n"));
  EXPECT_EQ(tokenizer.encode("a[CLS]a").ids, (Ids{1, 3, 1, 3, 2}));
  EXPECT_EQ(tokenizer.decode(Ids{1, 3, 0, 2}), "a");
  EXPECT_EQ(tokenizer.special_ids().pad, std::nullopt);
  EXPECT_EQ(tokenizer.special_ids().mask, std::nullopt);
}

TEST(Pipeline, NamesCanBeOtherOnes) {
  const Tokenizer tokenizer = build(make_parts("<unk>\n<s>\n</s>\na\n", make_roberta_names()));
  EXPECT_EQ(tokenizer.encode("a b").ids, (Ids{1, 3, 0, 2}));
  EXPECT_EQ(tokenizer.special_ids().classify, 1);
}

TEST(Pipeline, RobertasFrameMayStandAroundBertsWords) {
  PipelineParts parts = make_bert_parts(Vocab::from_lines("<unk>\n<s>\n</s>\na\nb\n", "vocab.txt"),
                                        make_roberta_names(), FrameKind::roberta, "vocab.txt");
  EXPECT_EQ(build(std::move(parts)).encode_pair("a", "b").ids, (Ids{1, 3, 2, 2, 4, 2}));
}

TEST(Pipeline, AnAddedTokenMayLieBeyondTheVocab) {
  PipelineParts parts = make_parts("[UNK]\n[CLS]\n[SEP]\na\n");
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
  PipelineParts parts = make_parts("[UNK]\n[CLS]\n[SEP]\n");
  parts.post_processing.frame = make_bert_frame(1, 7);
  expect_error<FormatError>([&] { build(std::move(parts)); },
                            "vocab.txt: post_processor: expected ids of the vocab, got 7");
}

}  // namespace
}  // namespace nopad::text
