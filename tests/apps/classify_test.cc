// nopad classify: what it writes, and what it refuses.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "apps/json_lines.h"
#include "apps/run_command.h"
#include "io/scratch_directory.h"
#include "nopad/runtime/text_classifier.h"

namespace nopad::test {
namespace {

std::string model_of(const std::string& name) { return NOPAD_TEST_DATA "/pipelines/" + name; }

CommandResult classify(std::vector<std::string> options, const std::string& input,
                       const std::string& model = "bert-classify") {
  options.insert(options.begin(), {"classify", "--model", model_of(model), "--dtype", "f32"});
  return run_command(options, {.input = input});
}

void expect_failure(const CommandResult& result, int exit_code, const std::string& message) {
  EXPECT_EQ(result.exit_code, exit_code);
  EXPECT_EQ(result.err, "nopad classify: " + message + "\n");
}

// What the library gives for one label of one text.
float score_of(const TextClassifier& classifier, const Tensor& rows, int64_t row,
               const std::string& label) {
  const auto& labels = classifier.labels();
  const auto place = std::ranges::find(labels, label) - labels.begin();
  return rows.values<float>()[static_cast<size_t>(row * rows.dim(1) + place)];
}

TEST(Classify, EachTextGetsALineWithItsBestLabel) {
  const std::vector<std::string> texts = {"The ferry leaves at noon.", "", "Zoë"};
  const CommandResult result = classify({}, "The ferry leaves at noon.\n\nZoë\n");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err.rfind("nopad classify: 3 lines, ", 0), 0u) << result.err;
  const auto lines = json_lines(result.out);
  const auto classifier =
      TextClassifier::load(model_of("bert-classify"), {.dtype = ComputeType::f32});
  const Tensor rows = classifier.classify(texts);
  ASSERT_EQ(lines.size(), 3u);
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i].at("index"), i);
    EXPECT_EQ(lines[i].at("file"), "<stdin>");
    EXPECT_EQ(lines[i].at("line"), i + 1);
    ASSERT_EQ(lines[i].at("labels").size(), 1u);
    const auto& best = lines[i].at("labels")[0];
    EXPECT_EQ(best.at("score").get<float>(),
              score_of(classifier, rows, static_cast<int64_t>(i), best.at("label")));
  }
}

TEST(Classify, ScoresAreWrittenWithTheFewestDigits) {
  const std::string out = classify({}, "a\n").out;
  const size_t begin = out.find("\"score\":") + 8;
  const std::string digits = out.substr(begin, out.find('}', begin) - begin);
  EXPECT_LE(digits.size(), 12u) << digits;
  EXPECT_EQ(std::stof(digits), json_lines(out)[0].at("labels")[0].at("score").get<float>());
}

TEST(Classify, TopZeroGivesAllLabelsBestFirstAndTheirProbabilities) {
  const auto labels = json_lines(classify({"--top", "0"}, "a\n").out)[0].at("labels");
  ASSERT_EQ(labels.size(), 3u);
  EXPECT_GE(labels[0].at("score"), labels[1].at("score"));
  EXPECT_GE(labels[1].at("score"), labels[2].at("score"));
  double sum = 0;
  for (const auto& label : labels) sum += label.at("score").get<double>();
  EXPECT_NEAR(sum, 1, 1e-6);
  EXPECT_EQ(json_lines(classify({"--top", "2"}, "a\n").out)[0].at("labels").size(), 2u);
}

TEST(Classify, LogitsAreNotProbabilities) {
  const auto labels = json_lines(classify({"--top", "0", "--logits"}, "a\n").out)[0].at("labels");
  double sum = 0;
  for (const auto& label : labels) sum += label.at("score").get<double>();
  EXPECT_GT(std::abs(sum - 1), 1e-3);
}

TEST(Classify, PairsComeFromATabOrFromTwoFields) {
  const std::string tabs = classify({"--pairs"}, "It rains.\tIt is wet.\n").out;
  const std::string fields = classify({"--field", "a", "--pair-field", "b"},
                                      "{\"b\":\"It is wet.\",\"a\":\"It rains.\"}\n")
                                 .out;
  const std::string one = classify({}, "It rains. It is wet.\n").out;
  EXPECT_EQ(tabs, fields);
  EXPECT_NE(tabs, one);
}

TEST(Classify, ANextSentenceHeadReadsPairs) {
  const auto lines =
      json_lines(classify({"--pairs", "--top", "2"}, "a\tb\n", "bert-next-sentence").out);
  std::set<std::string> labels;
  for (const auto& label : lines.at(0).at("labels")) labels.insert(label.at("label"));
  EXPECT_EQ(labels, (std::set<std::string>{"next", "random"}));
  expect_failure(classify({}, "a\n", "bert-next-sentence"), 2,
                 "--pairs, --pair-field: expected one of them for " +
                     model_of("bert-next-sentence") +
                     ", which tells whether a second text follows a first, got none");
}

TEST(Classify, TheBatchDoesNotShowInTheResult) {
  std::string input;
  for (int i = 0; i < 40; ++i) input += std::string(static_cast<size_t>(i * 3), 'a') + " b c\n";
  const std::string one = classify({"--top", "0", "--batch-tokens", "1", "-q"}, input).out;
  EXPECT_EQ(classify({"--top", "0", "--batch-tokens", "100", "--threads", "2"}, input).out, one);
  EXPECT_EQ(json_lines(one).size(), 40u);
}

TEST(Classify, FilesAndTheOutputAreNamed) {
  const ScratchDirectory folder;
  const std::string first = folder.write("first", "a\nb\n").string();
  const std::string second = folder.write("second", "c").string();
  const std::string output = (folder / "labels.jsonl").string();
  const CommandResult result = classify({"-q", "--output", output, first, second}, "");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "");
  const auto lines = json_lines(content_of(output));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[2].at("index"), 2);
  EXPECT_EQ(lines[2].at("file"), second);
  EXPECT_EQ(lines[2].at("line"), 1);
}

TEST(Classify, AFailureLeavesTheOldOutput) {
  const ScratchDirectory folder;
  const std::string output = folder.write("labels.jsonl", "old").string();
  expect_failure(classify({"--output", output}, "a\nb\xff\n"), 3,
                 "<stdin>:2: expected UTF-8, got the byte 0xff at offset 1");
  EXPECT_EQ(content_of(output), "old");
}

TEST(Classify, WhatCanNotBeReadIsNamedByItsLine) {
  expect_failure(classify({"--pairs"}, "a\tb\nc\n"), 3,
                 "<stdin>:2: expected two texts with one tab between them, got no tab");
  expect_failure(classify({"--pairs"}, "a\tb\tc\n"), 3,
                 "<stdin>:1: expected two texts with one tab between them, got several tabs");
  expect_failure(classify({"--field", "a", "--pair-field", "b"}, "{\"a\":\"x\"}\n"), 3,
                 "<stdin>:1: b: expected a string, got nothing");
  const CommandResult result = classify({"--no-truncate", "--max-length", "4"}, "a\na b c d e\n");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.err.rfind("nopad classify: <stdin>:2: ", 0), 0u) << result.err;
}

TEST(Classify, OptionsThatExcludeEachOtherAreRefused) {
  expect_failure(classify({"--top", "-1"}, ""), 2, "--top: expected 0 or more, got -1");
  expect_failure(classify({"--pairs", "--field", "a"}, ""), 2,
                 "--pairs: expected neither --field nor --separator with it");
  expect_failure(classify({"--pair-field", "a"}, ""), 2,
                 "--pair-field: expected the field of the first text with it, got none");
}

TEST(Classify, ADirectoryWithoutTheHeadIsRefused) {
  expect_failure(classify({}, "a\n", "bert-tag"), 4,
                 model_of("bert-tag") +
                     ": expected a head for sequence classification, got "
                     "BertForTokenClassification");
}

}  // namespace
}  // namespace nopad::test
