// nopad tokenize: tokens, ids and offsets.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/run_command.h"

namespace nopad::test {
namespace {

CommandResult tokenize(std::vector<std::string> options, const std::string& input) {
  options.insert(options.begin(), {"tokenize", "--model", small_model()});
  return run_command(options, {.input = input});
}

nlohmann::json tokenize_json(std::vector<std::string> options, const std::string& input) {
  options.push_back("--json");
  const CommandResult result = tokenize(options, input);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return nlohmann::json::parse(result.out);
}

TEST(Tokenize, JsonHoldsTokensIdsAndByteOffsets) {
  const auto line = tokenize_json({}, "Hello, swimming!\n");
  EXPECT_EQ(line.at("tokens"),
            nlohmann::json({"[CLS]", "hello", ",", "swim", "##m", "##ing", "!", "[SEP]"}));
  EXPECT_EQ(line.at("offsets"),
            nlohmann::json::parse("[[0,0],[0,5],[5,6],[7,11],[11,12],[12,15],[15,16],[0,0]]"));
  EXPECT_EQ(line.at("ids").size(), 8u);
  EXPECT_EQ(line.at("ids").front(), 2);
  EXPECT_EQ(line.at("line"), 1);
  EXPECT_EQ(line.at("truncated_tokens"), 0);
}

TEST(Tokenize, LinesForPeopleAlignBytesIdsAndTokens) {
  EXPECT_EQ(tokenize({}, "the fish\n").out,
            "<stdin>:1: 4 tokens: the fish\n"
            "          -        2  [CLS]\n"
            "        0-3       73  the\n"
            "        4-8       74  fish\n"
            "          -        3  [SEP]\n");
}

TEST(Tokenize, APairHasTypesAndSequences) {
  const auto line = tokenize_json({"--pair"}, "a\tthe fish\n");
  EXPECT_EQ(line.at("type_ids"), nlohmann::json({0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(line.at("sequence_ids"), nlohmann::json::parse("[null,0,null,1,1,null]"));
  EXPECT_EQ(tokenize({"--pairs"}, "a\tthe\n").out.substr(0, 29), "<stdin>:1: 5 tokens: a | the\n");
}

TEST(Tokenize, APairWithoutATabIsNamed) {
  const CommandResult result = tokenize({"--pair"}, "a\tb\nthe fish\n");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(
      result.err,
      "nopad tokenize: <stdin>:2: expected two texts with one tab between them, got no tab\n");
}

TEST(Tokenize, SpecialTokensCanBeLeftOutOrPlain) {
  EXPECT_EQ(tokenize_json({"--no-special"}, "a [SEP]\n").at("tokens"),
            nlohmann::json({"a", "[SEP]"}));
  EXPECT_GT(tokenize_json({"--plain-special-tokens"}, "a [SEP]\n").at("tokens").size(), 4u);
}

TEST(Tokenize, ALimitCutsAndSaysSo) {
  const auto line = tokenize_json({"--max-length", "3"}, "the fish\n");
  EXPECT_EQ(line.at("tokens"), nlohmann::json({"[CLS]", "the", "[SEP]"}));
  EXPECT_EQ(line.at("truncated_tokens"), 1);
  const CommandResult strict =
      tokenize({"--max-length", "3", "--truncation", "none"}, "a\nthe fish\n");
  EXPECT_EQ(strict.exit_code, 3);
  EXPECT_EQ(strict.err.rfind("nopad tokenize: <stdin>:2: ", 0), 0u) << strict.err;
}

}  // namespace
}  // namespace nopad::test
