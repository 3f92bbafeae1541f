#include "nopad/io/model_config.h"

#include <gtest/gtest.h>

#include <ostream>

#include "expect_error.h"
#include "io/scratch_directory.h"
#include "nopad/core/error.h"

namespace nopad::io {
namespace {

using test::expect_error;

// all-MiniLM-L6-v2, saved by transformers 4.8.
TEST(ModelConfig, ReadsWhatTransformers4Writes) {
  const ModelConfig config = ModelConfig::parse(R"({
    "_name_or_path": "nreimers/MiniLM-L6-H384-uncased", "architectures": ["BertModel"],
    "attention_probs_dropout_prob": 0.1, "gradient_checkpointing": false, "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1, "hidden_size": 384, "initializer_range": 0.02,
    "intermediate_size": 1536, "layer_norm_eps": 1e-12, "max_position_embeddings": 512,
    "model_type": "bert", "num_attention_heads": 12, "num_hidden_layers": 6, "pad_token_id": 0,
    "position_embedding_type": "absolute", "torch_dtype": "float32",
    "transformers_version": "4.8.2", "type_vocab_size": 2, "use_cache": true,
    "vocab_size": 30522})",
                                                "config.json");
  EXPECT_EQ(config.model_type(), "bert");
  EXPECT_EQ(config.architectures(), std::vector<std::string>{"BertModel"});
  EXPECT_EQ(config.dtype(), "float32");
}

TEST(ModelConfig, ReadsWhatTransformers5Writes) {
  const ModelConfig config = ModelConfig::parse(R"({
    "add_cross_attention": false, "architectures": ["BertForSequenceClassification"],
    "bos_token_id": null, "classifier_dropout": null, "dtype": "bfloat16", "eos_token_id": null,
    "hidden_act": "gelu", "id2label": {"1": "POSITIVE", "0": "NEGATIVE"}, "is_decoder": false,
    "label2id": {"NEGATIVE": 0, "POSITIVE": 1}, "model_type": "bert", "pad_token_id": 0,
    "problem_type": "single_label_classification", "tie_word_embeddings": true,
    "transformers_version": "5.23.0"})",
                                                "config.json");
  EXPECT_EQ(config.dtype(), "bfloat16");
  EXPECT_EQ(config.labels(), (std::vector<std::string>{"NEGATIVE", "POSITIVE"}));
  EXPECT_EQ(config.problem_type(), "single_label_classification");
}

// The files of BERT's first release know neither model_type nor position_embedding_type.
TEST(ModelConfig, ModelTypeComesFromTheArchitectureInOldFiles) {
  EXPECT_EQ(ModelConfig::parse(R"({"architectures": ["BertForMaskedLM"]})", "f").model_type(),
            "bert");
  EXPECT_EQ(ModelConfig::parse(R"({"architectures": ["XLMRobertaModel"]})", "f").model_type(),
            "xlm-roberta");
  expect_error<FormatError>([] { ModelConfig::parse("{}", "f"); },
                            "f: model_type: expected a string, got nothing");
}

TEST(ModelConfig, LabelsWithoutNamesAreNumbered) {
  using Labels = std::vector<std::string>;
  const auto labels = [](std::string_view text) { return ModelConfig::parse(text, "f").labels(); };
  EXPECT_EQ(labels(R"({"model_type": "bert"})"), (Labels{"LABEL_0", "LABEL_1"}));
  EXPECT_EQ(labels(R"({"model_type": "bert", "num_labels": 1})"), Labels{"LABEL_0"});
  EXPECT_EQ(labels(R"({"model_type": "bert", "num_labels": 3, "id2label": {"0": "a"}})"),
            Labels{"a"});
}

TEST(ModelConfig, FileIsBoundedAndNamed) {
  const test::ScratchDirectory dir;
  const auto path = dir.write("config.json", R"({"model_type": "bert"})");
  EXPECT_EQ(ModelConfig::load(path).model_type(), "bert");
  dir.write("config.json", R"({"model_type": 7})");
  expect_error<FormatError>([&] { ModelConfig::load(path); },
                            path.string() + ": model_type: expected a string, got 7");
  dir.write("config.json", std::string((1 << 20) + 1, ' '));
  expect_error<LimitError>([&] { ModelConfig::load(path); },
                           path.string() + ": size: expected at most 1048576 bytes, got 1048577");
}

struct Case {
  std::string name;
  std::string keys;
  std::string message;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class HostileConfig : public testing::TestWithParam<Case> {};

TEST_P(HostileConfig, IsRefusedWithItsReason) {
  expect_error<FormatError>(
      [] {
        ModelConfig::parse(concat(R"({"model_type": "bert", )", GetParam().keys, "}"),
                           "config.json");
      },
      "config.json: " + GetParam().message);
}

const std::vector<Case> kCases = {
    {"NotANumber", R"("layer_norm_eps": NaN)", "line 1, column 42: expected valid JSON in UTF-8"},
    {"InfiniteEps", R"("layer_norm_eps": 1e999)",
     "line 1, column 46: expected valid JSON in UTF-8"},
    {"LabelGap", R"("id2label": {"0": "a", "2": "b"})",
     "id2label: expected the keys 0 to 1, got \"2\""},
    {"LabelTwice", R"("id2label": {"0": "a", "00": "b"})",
     "id2label: expected the keys 0 to 1, got \"00\""},
    {"LabelKeyIsText", R"("id2label": {"x": "a"})",
     "id2label: expected the keys 0 to 0, got \"x\""},
    {"LabelIsANumber", R"("id2label": {"0": 7})", "id2label: 0: expected a string, got 7"},
    {"BillionLabels", R"("num_labels": 1000000000)",
     "num_labels: expected 0 to 65536, got 1000000000"},
    {"ProblemType", R"("problem_type": "x")",
     "problem_type: expected single_label_classification, multi_label_classification or "
     "regression, got \"x\""},
    {"ArchitecturesOfNumbers", R"("architectures": [1])",
     "architectures: expected a list of strings"},
    {"KeyTwice", R"("hidden_size": 1, "hidden_size": 2)",
     "key \"hidden_size\": expected once, got twice"},
    {"DeepNesting", "\"x\": " + std::string(100000, '['), "nesting: expected at most 64 levels"},
};

INSTANTIATE_TEST_SUITE_P(Config, HostileConfig, testing::ValuesIn(kCases),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace nopad::io
