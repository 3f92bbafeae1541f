#include "nopad/io/model_config.h"

#include <gtest/gtest.h>

#include <ostream>

#include "expect_error.h"
#include "io/scratch_directory.h"
#include "nopad/core/error.h"

namespace nopad::io {
namespace {

using test::expect_error;

BertConfig bert_of(std::string_view text) { return ModelConfig::parse(text, "config.json").bert(); }

TEST(ModelConfig, BertDefaultsAreThoseOfTransformers) {
  const BertConfig c = bert_of(R"({"model_type": "bert"})");
  EXPECT_EQ(c.vocab_size, 30522);
  EXPECT_EQ(c.hidden_size, 768);
  EXPECT_EQ(c.num_hidden_layers, 12);
  EXPECT_EQ(c.num_attention_heads, 12);
  EXPECT_EQ(c.intermediate_size, 3072);
  EXPECT_EQ(c.hidden_act, Activation::gelu);
  EXPECT_EQ(c.max_position_embeddings, 512);
  EXPECT_EQ(c.max_tokens(), 512);
  EXPECT_EQ(c.type_vocab_size, 2);
  EXPECT_EQ(c.layer_norm_eps, 1e-12);
  EXPECT_EQ(c.pad_token_id, 0);
  EXPECT_EQ(c.position_embedding, PositionEmbedding::absolute);
  EXPECT_FALSE(c.is_decoder);
}

TEST(ModelConfig, RobertaFamilyHasDefaultsOfItsOwn) {
  const BertConfig roberta =
      bert_of(R"({"model_type": "roberta", "max_position_embeddings": 514})");
  EXPECT_EQ(roberta.vocab_size, 50265);
  EXPECT_EQ(roberta.pad_token_id, 1);
  EXPECT_EQ(roberta.position_offset, 2);
  EXPECT_EQ(roberta.max_tokens(), 512);
  EXPECT_EQ(bert_of(R"({"model_type": "xlm-roberta"})").vocab_size, 30522);
  EXPECT_EQ(bert_of(R"({"model_type": "camembert"})").position_offset, 2);
}

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
  EXPECT_EQ(config.bert().hidden_size, 384);
  EXPECT_EQ(config.bert().num_hidden_layers, 6);
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
  EXPECT_EQ(config.bert().hidden_size, 768);
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

TEST(ModelConfig, KeysThatNameCodeAreIgnored) {
  const BertConfig c = bert_of(R"({"model_type": "bert", "hidden_size": 24,
    "auto_map": {"AutoModel": "evil.py--Model"}, "_attn_implementation_internal": "evil/kernel",
    "custom_pipelines": {"x": {"impl": "evil.Pipeline"}}})");
  EXPECT_EQ(c.hidden_size, 24);
}

TEST(ModelConfig, ActivationsHaveTheNamesOfTransformers) {
  const auto activation = [](std::string_view name) {
    return bert_of(concat(R"({"model_type": "bert", "hidden_act": ")", name, "\"}")).hidden_act;
  };
  for (const auto name : {"gelu", "gelu_python"}) EXPECT_EQ(activation(name), Activation::gelu);
  for (const auto name :
       {"gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate"}) {
    EXPECT_EQ(activation(name), Activation::gelu_tanh);
  }
  for (const auto name : {"silu", "swish"}) EXPECT_EQ(activation(name), Activation::silu);
  EXPECT_EQ(activation("quick_gelu"), Activation::quick_gelu);
  EXPECT_EQ(activation("relu"), Activation::relu);
  EXPECT_EQ(activation("tanh"), Activation::tanh);
  EXPECT_EQ(activation("sigmoid"), Activation::sigmoid);
  EXPECT_EQ(activation("linear"), Activation::none);
}

TEST(ModelConfig, OtherPositionEmbeddingsAreCarried) {
  const BertConfig c =
      bert_of(R"({"model_type": "bert", "position_embedding_type": "relative_key"})");
  EXPECT_EQ(c.position_embedding, PositionEmbedding::relative_key);
  EXPECT_EQ(to_string(PositionEmbedding::relative_key_query), "relative_key_query");
}

TEST(ModelConfig, LabelsWithoutNamesAreNumbered) {
  using Labels = std::vector<std::string>;
  const auto labels = [](std::string_view text) { return ModelConfig::parse(text, "f").labels(); };
  EXPECT_EQ(labels(R"({"model_type": "bert"})"), (Labels{"LABEL_0", "LABEL_1"}));
  EXPECT_EQ(labels(R"({"model_type": "bert", "num_labels": 1})"), Labels{"LABEL_0"});
  EXPECT_EQ(labels(R"({"model_type": "bert", "num_labels": 3, "id2label": {"0": "a"}})"),
            Labels{"a"});
}

TEST(ModelConfig, OtherFamiliesKeepTheirFactsAndRefuseToBeBert) {
  const ModelConfig config = ModelConfig::parse(R"({"model_type": "albert"})", "f");
  EXPECT_EQ(config.model_type(), "albert");
  expect_error<FormatError>(
      [&] { config.bert(); },
      "f: model_type: expected bert, xlm-roberta, roberta or camembert, got \"albert\"");
}

TEST(ModelConfig, FileIsBoundedAndNamed) {
  const test::ScratchDirectory dir;
  const auto path = dir.write("config.json", R"({"model_type": "bert"})");
  EXPECT_EQ(ModelConfig::load(path).model_type(), "bert");
  dir.write("config.json", R"({"model_type": "bert", "hidden_size": 0})");
  expect_error<FormatError>([&] { ModelConfig::load(path).bert(); },
                            path.string() + ": hidden_size: expected 1 to 65536, got 0");
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
      [] { bert_of(concat(R"({"model_type": "bert", )", GetParam().keys, "}")); },
      "config.json: " + GetParam().message);
}

const std::vector<Case> kCases = {
    {"TextAsNumber", R"("hidden_size": "768")", "hidden_size: expected an integer, got a string"},
    {"FloatAsInteger", R"("hidden_size": 768.0)", "hidden_size: expected an integer, got 768.0"},
    {"ListAsInteger", R"("vocab_size": [1])", "vocab_size: expected an integer, got an array"},
    {"Negative", R"("vocab_size": -1)", "vocab_size: expected 1 to 4000000, got -1"},
    {"NotANumber", R"("layer_norm_eps": NaN)", "line 1, column 42: expected valid JSON in UTF-8"},
    {"InfiniteEps", R"("layer_norm_eps": 1e999)",
     "line 1, column 46: expected valid JSON in UTF-8"},
    {"ZeroEps", R"("layer_norm_eps": 0)", "layer_norm_eps: expected above 0 and at most 1, got 0"},
    {"NegativeEps", R"("layer_norm_eps": -1e-5)",
     "layer_norm_eps: expected above 0 and at most 1, got -1e-05"},
    {"BillionLayers", R"("num_hidden_layers": 1000000000)",
     "num_hidden_layers: expected 0 to 1024, got 1000000000"},
    {"HugeHidden", R"("hidden_size": 65537)", "hidden_size: expected 1 to 65536, got 65537"},
    {"HugeVocab", R"("vocab_size": 4000001)", "vocab_size: expected 1 to 4000000, got 4000001"},
    {"HugePositions", R"("max_position_embeddings": 1000001)",
     "max_position_embeddings: expected 1 to 1000000, got 1000001"},
    {"HeadsDoNotDivideHidden", R"("hidden_size": 10, "num_attention_heads": 3)",
     "num_attention_heads: expected a divisor of hidden_size (10), got 3"},
    {"NoHeads", R"("num_attention_heads": 0)", "num_attention_heads: expected 1 to 65536, got 0"},
    {"PadIdBeyondTheVocabulary", R"("vocab_size": 10, "pad_token_id": 10)",
     "pad_token_id: expected 0 to 9, got 10"},
    {"UnknownPositions", R"("position_embedding_type": "rotary")",
     "position_embedding_type: expected absolute, relative_key or relative_key_query, got "
     "\"rotary\""},
    {"UnknownActivation", R"("hidden_act": "gelu_tanh")",
     "hidden_act: expected gelu, gelu_python, gelu_new, gelu_fast, gelu_pytorch_tanh, "
     "gelu_python_tanh, gelu_accurate, quick_gelu, relu, silu, swish, tanh, sigmoid or linear, got "
     "\"gelu_tanh\""},
    {"PrunedHeads", R"("pruned_heads": {"0": [1]})", "pruned_heads: expected none, got 1"},
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
