#include "nopad/io/sentence_transformers.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "expect_error.h"
#include "io/scratch_directory.h"
#include "nopad/core/error.h"

namespace nopad::io {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::ScratchDirectory;

using Modes = std::vector<Pooling>;

constexpr std::string_view kBertConfig =
    R"({"model_type": "bert", "architectures": ["BertModel"]})";

// all-MiniLM-L6-v2 as sentence-transformers 2 wrote it: 2_Normalize is an empty directory.
void write_version_2(const ScratchDirectory& dir) {
  dir.write("config.json", kBertConfig);
  dir.write("modules.json", R"([
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])");
  dir.write("1_Pooling/config.json", R"({
    "word_embedding_dimension": 384, "pooling_mode_cls_token": false,
    "pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": false,
    "pooling_mode_mean_sqrt_len_tokens": false})");
  dir.write("sentence_bert_config.json", R"({"max_seq_length": 256, "do_lower_case": false})");
  dir.write("config_sentence_transformers.json", R"({"__version__": {
    "sentence_transformers": "2.0.0", "transformers": "4.6.1", "pytorch": "1.8.1"}})");
  dir.write("tokenizer_config.json", R"({"do_lower_case": true, "model_max_length": 512})");
}

// The same as version 6 writes it.
void write_version_6(const ScratchDirectory& dir) {
  dir.write("config.json", kBertConfig);
  dir.write("modules.json", R"([
    {"idx": 0, "name": "0", "path": "",
     "type": "sentence_transformers.base.modules.transformer.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling",
     "type": "sentence_transformers.sentence_transformer.modules.pooling.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize",
     "type": "sentence_transformers.base.modules.normalize.Normalize"}])");
  dir.write("1_Pooling/config.json",
            R"({"embedding_dimension": 384, "pooling_mode": "mean", "include_prompt": true})");
  dir.write("2_Normalize/config.json", R"({"module_input_name": "sentence_embedding",
                                            "module_output_name": "sentence_embedding"})");
  dir.write("sentence_bert_config.json", R"({"transformer_task": "feature-extraction",
    "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    "module_output_name": "token_embeddings"})");
  dir.write("config_sentence_transformers.json", R"({"model_type": "SentenceTransformer",
    "__version__": {"sentence_transformers": "6.2.0"}, "prompts": {"query": "", "document": ""},
    "default_prompt_name": null, "similarity_fn_name": "cosine"})");
  dir.write("tokenizer_config.json", R"({"model_max_length": 256})");
}

TEST(DescribeDirectory, ReadsVersion2) {
  const ScratchDirectory dir;
  write_version_2(dir);
  const ModelDirectory model = describe_directory(dir.path());
  EXPECT_TRUE(model.is_sentence_transformer);
  EXPECT_EQ(model.transformer, dir.path());
  EXPECT_EQ(model.config.model_type(), "bert");
  ASSERT_EQ(model.modules.size(), 2u);
  const auto& pooling = std::get<PoolingModule>(model.modules[0]);
  EXPECT_EQ(pooling.modes, Modes{Pooling::mean});
  EXPECT_EQ(pooling.dimension, 384);
  EXPECT_TRUE(pooling.include_prompt);
  EXPECT_TRUE(std::holds_alternative<NormalizeModule>(model.modules[1]));
  EXPECT_EQ(model.max_seq_length, 256);
  EXPECT_EQ(model.model_max_length, 512);
  EXPECT_FALSE(model.do_lower_case);
  EXPECT_TRUE(model.prompts.empty());
}

TEST(DescribeDirectory, ReadsVersion6) {
  const ScratchDirectory dir;
  write_version_6(dir);
  const ModelDirectory model = describe_directory(dir.path());
  ASSERT_EQ(model.modules.size(), 2u);
  EXPECT_EQ(std::get<PoolingModule>(model.modules[0]).dimension, 384);
  EXPECT_TRUE(std::holds_alternative<NormalizeModule>(model.modules[1]));
  EXPECT_EQ(model.max_seq_length, std::nullopt);
  EXPECT_EQ(model.model_max_length, 256);
  EXPECT_EQ(model.prompts.size(), 2u);
  EXPECT_EQ(model.default_prompt_name, std::nullopt);
  EXPECT_EQ(model.similarity_fn_name, "cosine");
}

TEST(DescribeDirectory, TransformerMayHaveAFolderOfItsOwnAndAnOldConfigName) {
  const ScratchDirectory dir;
  dir.write("modules.json", R"([
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 0, "name": "0", "path": "0_Transformer", "type": "sentence_transformers.models.Transformer"}])");
  dir.write("0_Transformer/config.json", R"({"model_type": "roberta"})");
  dir.write("0_Transformer/sentence_roberta_config.json",
            R"({"max_seq_length": 128, "do_lower_case": true})");
  dir.write("1_Pooling/config.json", "{}");
  const ModelDirectory model = describe_directory(dir.path());
  EXPECT_EQ(model.transformer, dir / "0_Transformer");
  EXPECT_EQ(model.config.model_type(), "roberta");
  EXPECT_EQ(model.max_seq_length, 128);
  EXPECT_TRUE(model.do_lower_case);
  EXPECT_EQ(std::get<PoolingModule>(model.modules.at(0)).modes, Modes{Pooling::mean});
}

TEST(DescribeDirectory, PlainTransformersDirectoryHasNoModules) {
  const ScratchDirectory dir;
  dir.write("config.json", kBertConfig);
  dir.write("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
  const ModelDirectory model = describe_directory(dir.path());
  EXPECT_FALSE(model.is_sentence_transformer);
  EXPECT_TRUE(model.modules.empty());
  EXPECT_EQ(model.model_max_length, std::nullopt);
}

TEST(DescribeDirectory, MissingFilesAreNamed) {
  const ScratchDirectory dir;
  expect_error<FileError>(
      [&] { describe_directory(dir / "no"); },
      (dir / "no").string() + ": expected a model directory, got nothing of that name");
  expect_error<FileError>(
      [&] { describe_directory(dir.path()); },
      (dir / "config.json").string() + ": can't be opened: No such file or directory");
  write_version_2(dir);
  fs::remove_all(dir / "1_Pooling");
  expect_error<FileError>(
      [&] { describe_directory(dir.path()); },
      (dir / "1_Pooling").string() + ": can't be opened: No such file or directory");
}

TEST(DescribeDirectory, PipeAsConfigIsRefusedWithoutWaiting) {
  const ScratchDirectory dir;
  ASSERT_EQ(mkfifo((dir / "config.json").c_str(), 0600), 0);
  expect_error<FileError>([&] { describe_directory(dir.path()); },
                          (dir / "config.json").string() + ": expected a regular file, got a pipe");
}

PoolingModule pooling_of(std::string_view config) {
  const ScratchDirectory dir;
  write_version_2(dir);
  dir.write("1_Pooling/config.json", config);
  return std::get<PoolingModule>(describe_directory(dir.path()).modules.at(0));
}

TEST(PoolingModule, OldFlagsAreConcatenatedInTheOldOrder) {
  EXPECT_EQ(pooling_of(R"({"pooling_mode_lasttoken": true, "pooling_mode_weightedmean_tokens": true,
                           "pooling_mode_mean_sqrt_len_tokens": true,
                           "pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true,
                           "pooling_mode_cls_token": true})")
                .modes,
            (Modes{Pooling::cls, Pooling::max, Pooling::mean, Pooling::mean_sqrt_length,
                   Pooling::weighted_mean, Pooling::last_token}));
}

TEST(PoolingModule, NoFlagIsMean) {
  EXPECT_EQ(pooling_of(R"({"pooling_mode_cls_token": false})").modes, Modes{Pooling::mean});
}

TEST(PoolingModule, NewListKeepsItsOrderAndWinsOverFlags) {
  EXPECT_EQ(
      pooling_of(R"({"pooling_mode": ["mean", "cls"], "pooling_mode_max_tokens": true})").modes,
      (Modes{Pooling::mean, Pooling::cls}));
  EXPECT_EQ(pooling_of(R"({"pooling_mode": "mean_sqrt_len_tokens"})").modes,
            Modes{Pooling::mean_sqrt_length});
}

TEST(PoolingModule, PromptMayBeLeftOut) {
  EXPECT_FALSE(pooling_of(R"({"include_prompt": false})").include_prompt);
}

// A directory with a Dense module as the last one.
ModelDirectory with_dense(const ScratchDirectory& dir, std::string_view config) {
  write_version_2(dir);
  dir.write("modules.json", R"([
    {"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "path": "2_Dropout", "type": "sentence_transformers.models.Dropout"},
    {"idx": 3, "path": "3_Dense", "type": "sentence_transformers.base.modules.dense.Dense"}])");
  dir.write("3_Dense/config.json", config);
  return describe_directory(dir.path());
}

TEST(DenseModule, ReadsItsConfigAndSkipsDropout) {
  const ScratchDirectory dir;
  const ModelDirectory model =
      with_dense(dir, R"({"in_features": 384, "out_features": 128, "bias": false,
                          "activation_function": "torch.nn.modules.linear.Identity"})");
  ASSERT_EQ(model.modules.size(), 2u);
  const auto& dense = std::get<DenseModule>(model.modules[1]);
  EXPECT_EQ(dense.in_features, 384);
  EXPECT_EQ(dense.out_features, 128);
  EXPECT_FALSE(dense.bias);
  EXPECT_EQ(dense.activation, Activation::none);
  EXPECT_EQ(dense.directory, dir / "3_Dense");
}

TEST(DenseModule, DefaultsAreBiasAndTanh) {
  const ScratchDirectory dir;
  const ModelDirectory model = with_dense(dir, R"({"in_features": 4, "out_features": 2})");
  EXPECT_TRUE(std::get<DenseModule>(model.modules[1]).bias);
  EXPECT_EQ(std::get<DenseModule>(model.modules[1]).activation, Activation::tanh);
}

TEST(DenseModule, WhatItCannotComputeIsRefused) {
  const ScratchDirectory dir;
  const auto refused = [&](std::string_view keys, std::string_view message) {
    expect_error<FormatError>(
        [&] { with_dense(dir, concat(R"({"in_features": 4, "out_features": 2, )", keys, "}")); },
        concat((dir / "3_Dense/config.json").string(), ": ", message));
  };
  refused(R"("activation_function": "os.system")",
          "activation_function: expected torch.nn's Tanh, Identity, ReLU, GELU, SiLU or Sigmoid, "
          "got \"os.system\"");
  refused(R"("use_residual": true)", "use_residual: expected false, got true");
  refused(R"("module_input_name": "token_embeddings")",
          "module_input_name: expected sentence_embedding, got \"token_embeddings\"");
  expect_error<FormatError>(
      [&] { with_dense(dir, R"({"in_features": 4})"); },
      (dir / "3_Dense/config.json").string() + ": out_features: expected a value, got nothing");
  expect_error<FormatError>(
      [&] { with_dense(dir, R"({"in_features": 0, "out_features": 2})"); },
      (dir / "3_Dense/config.json").string() + ": in_features: expected 1 to 1000000, got 0");
}

void expect_refused(const ScratchDirectory& dir, std::string_view file, std::string_view text,
                    std::string_view message) {
  const fs::path path = dir.write(file, text);
  expect_error<FormatError>([&] { describe_directory(dir.path()); },
                            concat(path.string(), ": ", message));
}

std::string modules_with(std::string_view second) {
  return concat(R"([{"idx": 0, "path": "", "type": "Transformer"}, )", second, "]");
}

TEST(Modules, ASpladePoolingWantsATransformerThatFillsMasks) {
  const ScratchDirectory dir;
  dir.write("config.json", kBertConfig);
  dir.write("modules.json",
            modules_with(R"({"idx": 1, "path": "1_SpladePooling", "type": "x.SpladePooling"})"));
  dir.write("1_SpladePooling/config.json",
            R"({"pooling_strategy": "sum", "activation_function": "log1p_relu"})");
  dir.write("sentence_bert_config.json", R"({"transformer_task": "fill-mask"})");
  const ModelDirectory model = describe_directory(dir.path());
  ASSERT_EQ(model.modules.size(), 1u);
  const auto& splade = std::get<SpladeModule>(model.modules[0]);
  EXPECT_EQ(splade.pooling, "sum");
  EXPECT_EQ(splade.activation, "log1p_relu");
  expect_refused(dir, "sentence_bert_config.json", R"({"transformer_task": "feature-extraction"})",
                 "transformer_task: expected fill-mask, got \"feature-extraction\"");
}

TEST(Modules, HostileListsAreRefused) {
  const ScratchDirectory dir;
  write_version_2(dir);
  const auto refused = [&](std::string_view text, std::string_view message) {
    expect_refused(dir, "modules.json", text, message);
  };
  refused("[]", "expected a list of 1 to 64 modules");
  refused("{}", "expected a list of 1 to 64 modules");
  refused("[1]", "module 0: expected an object, got 1");
  refused("[{}]", "module 0: type: expected a value, got nothing");
  refused(R"([{"type": "Pooling", "path": "1_Pooling"}])",
          "module 0: type: expected Transformer as the first module, got \"Pooling\"");
  refused(modules_with(R"({"idx": 1, "path": "", "type": "Transformer"})"),
          "module 1: type: expected Pooling, Dense, Normalize, SpladePooling or Dropout after one "
          "Transformer, got \"Transformer\"");
  refused(modules_with(R"({"idx": 1, "path": "", "type": "my.code.Evil"})"),
          "module 1: type: expected Pooling, Dense, Normalize, SpladePooling or Dropout after one "
          "Transformer, got \"Evil\"");
  refused(modules_with(R"({"idx": "1", "path": "", "type": "Pooling"})"),
          "module 1: idx: expected an integer, got a string");
}

TEST(Modules, PathsOutOfTheDirectoryAreRefused) {
  const ScratchDirectory outside;
  outside.write("config.json", "{}");
  const ScratchDirectory dir;
  write_version_2(dir);
  for (const std::string path : {"../x", "/etc", "1_Pooling/../..", "a\\\\b"}) {
    const std::string shown = concat("\"", path, "\"");
    expect_refused(dir, "modules.json",
                   modules_with(concat(R"({"idx": 1, "type": "Pooling", "path": ")", path, "\"}")),
                   "module 1: path: expected a path within the directory, got " + shown);
  }
  fs::create_directory_symlink(outside.path(), dir / "link");
  expect_refused(dir, "modules.json",
                 modules_with(R"({"idx": 1, "type": "Pooling", "path": "link"})"),
                 "module 1: path: expected a path within the directory, got a link out of it: "
                 "\"link\"");
}

TEST(Modules, LinkWithinTheDirectoryIsFollowed) {
  const ScratchDirectory dir;
  write_version_2(dir);
  fs::create_directory_symlink("1_Pooling", dir / "link");
  dir.write("modules.json", modules_with(R"({"idx": 1, "type": "Pooling", "path": "link"})"));
  EXPECT_EQ(describe_directory(dir.path()).modules.size(), 1u);
}

TEST(DescribeDirectory, HostileValuesAreRefused) {
  const auto refused = [](std::string_view file, std::string_view text, std::string_view message) {
    const ScratchDirectory dir;
    write_version_2(dir);
    expect_refused(dir, file, text, message);
  };
  refused("1_Pooling/config.json", R"({"pooling_mode": "median"})",
          "pooling_mode: expected cls, max, mean, mean_sqrt_len_tokens, weightedmean or lasttoken, "
          "got \"median\"");
  refused("1_Pooling/config.json", R"({"pooling_mode": []})",
          "pooling_mode: expected 1 to 6 modes, got 0");
  refused("1_Pooling/config.json", R"({"pooling_mode_cls_token": 1})",
          "pooling_mode_cls_token: expected true or false, got 1");
  refused("1_Pooling/config.json", R"({"word_embedding_dimension": -1})",
          "word_embedding_dimension: expected 1 to 1000000, got -1");
  refused("sentence_bert_config.json", R"({"max_seq_length": 0})",
          "max_seq_length: expected 1 to 9223372036854775807, got 0");
  refused("sentence_bert_config.json", R"({"transformer_task": "text-generation"})",
          "transformer_task: expected feature-extraction, got \"text-generation\"");
  refused("tokenizer_config.json", R"({"model_max_length": -5})",
          "model_max_length: expected 1 or more, got -5");
  refused("tokenizer_config.json", R"({"model_max_length": "512"})",
          "model_max_length: expected a number, got a string");
  refused("config_sentence_transformers.json", R"({"prompts": {"query": 1}})",
          "prompts: \"query\": expected a string, got 1");
  refused("config_sentence_transformers.json", R"({"default_prompt_name": "query"})",
          "default_prompt_name: expected the name of a prompt, got \"query\"");
  refused("config_sentence_transformers.json", R"({"similarity_fn_name": "jaccard"})",
          "similarity_fn_name: expected cosine, dot, euclidean or manhattan, got \"jaccard\"");
}

// As measured with sentence-transformers 6.2.0 on all-MiniLM-L6-v2 (512 positions).
TEST(MaxSequenceLength, FollowsSentenceTransformers) {
  EXPECT_EQ(max_sequence_length(256, 512, 512), 256);
  EXPECT_EQ(max_sequence_length({}, 512, 512), 512);
  EXPECT_EQ(max_sequence_length({}, 64, 512), 64);
  EXPECT_EQ(max_sequence_length(256, 64, 512), 256);
  EXPECT_EQ(max_sequence_length({}, {}, 512), 512);
}

TEST(MaxSequenceLength, NeverBeyondThePositions) {
  EXPECT_EQ(max_sequence_length(1000, 512, 512), 512);
  // RoBERTa's 514 positions, of which two are no token's.
  constexpr int64_t kRobertaTokens = 514 - 2;
  EXPECT_EQ(max_sequence_length({}, {}, kRobertaTokens), 512);
  EXPECT_EQ(max_sequence_length({}, 514, kRobertaTokens), 512);
}

}  // namespace
}  // namespace nopad::io
