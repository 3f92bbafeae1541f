// nopad inspect: what it says of directories that can and can't be run.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/run_command.h"
#include "io/scratch_directory.h"

namespace nopad::test {
namespace {

nlohmann::json inspect(const std::string& model) {
  const CommandResult result = run_command({"inspect", "--json", model});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return nlohmann::json::parse(result.out);
}

std::string model_of(const std::string& name) { return NOPAD_TEST_DATA "/models/" + name; }

TEST(Inspect, ASentenceTransformerIsDescribed) {
  const auto report = inspect(small_model());
  EXPECT_EQ(report.at("runnable"), true);
  EXPECT_EQ(report.at("problems"), nlohmann::json::array());
  EXPECT_EQ(report.at("model_type"), "bert");
  EXPECT_EQ(report.at("sentence_transformer"), true);
  ASSERT_EQ(report.at("modules").size(), 3u);
  EXPECT_EQ(report.at("modules")[0].at("modes"), nlohmann::json({"cls", "max"}));
  EXPECT_EQ(report.at("modules")[1].at("type"), "dense");
  EXPECT_EQ(report.at("modules")[2].at("type"), "normalize");
  EXPECT_EQ(report.at("dim"), report.at("modules")[1].at("out_features"));
  EXPECT_EQ(report.at("max_length").at("tokens"), 32);
  EXPECT_EQ(report.at("weights").at("missing"), nlohmann::json::array());
  EXPECT_EQ(report.at("weights").at("tensors_of_dtype").size(), 1u);
  EXPECT_GT(report.at("weights").at("parameters"), 0);
}

TEST(Inspect, APlainModelRunsWithAPoolingToBeChosen) {
  EXPECT_EQ(inspect(model_of("bert-odd-heads-3")).at("runnable"), true);
  const CommandResult text = run_command({"inspect", model_of("bert-odd-heads-3")});
  EXPECT_NE(text.out.find("choose a --pooling"), std::string::npos) << text.out;
}

TEST(Inspect, StoredTypesAndShardsAreCounted) {
  const auto half = inspect(model_of("bert-odd-bf16")).at("weights").at("tensors_of_dtype");
  EXPECT_TRUE(half.contains("BF16")) << half;
  const auto sharded = inspect(model_of("bert-odd-sharded")).at("weights");
  EXPECT_EQ(sharded.at("tensors_of_dtype").at("F32"), sharded.at("tensors"));
}

std::string pipeline_of(const std::string& name) { return NOPAD_TEST_DATA "/pipelines/" + name; }

TEST(Inspect, TheOwnHeadIsExpectedAndItsCommandsAreNamed) {
  const auto commands_of = [](const std::string& name) {
    const auto report = inspect(pipeline_of(name));
    EXPECT_EQ(report.at("problems"), nlohmann::json::array()) << name;
    EXPECT_EQ(report.at("weights").at("unexpected"), nlohmann::json::array()) << name;
    EXPECT_EQ(report.at("weights").at("missing"), nlohmann::json::array()) << name;
    return report.at("commands");
  };
  using List = nlohmann::json;
  EXPECT_EQ(commands_of("bert-classify"), List({"embed --pooling", "classify"}));
  EXPECT_EQ(commands_of("roberta-rerank"), List({"embed --pooling", "classify", "rerank"}));
  EXPECT_EQ(commands_of("bert-fill-mask"),
            List({"embed --pooling", "fill-mask", "embed --sparse", "classify --pairs"}));
  EXPECT_EQ(commands_of("modernbert-fill-mask"),
            List({"embed --pooling", "fill-mask", "embed --sparse"}));
  EXPECT_EQ(commands_of("bert-next-sentence"), List({"embed --pooling", "classify --pairs"}));
  EXPECT_EQ(commands_of("roberta-tag"), List({"embed --pooling", "tag"}));
  EXPECT_EQ(commands_of("bert-answer"), List({"embed --pooling", "answer"}));
  EXPECT_EQ(commands_of("bert-splade"), List({"fill-mask", "embed --sparse"}));
  EXPECT_EQ(commands_of("roberta-sentence-max"), List({"embed"}));
  EXPECT_EQ(commands_of("nomic-bert-embed"), List({"embed --pooling"}));
}

TEST(Inspect, AHeadThatIsNamedAndNotThereIsMissing) {
  const ScratchDirectory folder;
  std::filesystem::copy(pipeline_of("bert-embed"), folder / "model");
  auto config = nlohmann::json::parse(content_of(folder / "model/config.json"));
  config["architectures"] = {"BertForSequenceClassification"};
  folder.write("model/config.json", config.dump());
  const auto report = inspect((folder / "model").string());
  EXPECT_EQ(report.at("weights").at("heads"), nlohmann::json({"sequence classification"}));
  EXPECT_EQ(report.at("weights").at("missing"),
            nlohmann::json({"classifier.bias", "classifier.weight"}));
  EXPECT_EQ(report.at("commands"), nlohmann::json({"embed --pooling"}));
}

TEST(Inspect, SizesThatDoNotFitAreMisshapen) {
  const ScratchDirectory folder;
  std::filesystem::copy(small_model(), folder / "model", std::filesystem::copy_options::recursive);
  auto config = nlohmann::json::parse(content_of(folder / "model/config.json"));
  config["intermediate_size"] = config["intermediate_size"].get<int>() + 1;
  config["num_hidden_layers"] = config["num_hidden_layers"].get<int>() + 1;
  folder.write("model/config.json", config.dump());
  const auto report = inspect((folder / "model").string());
  EXPECT_EQ(report.at("runnable"), false);
  EXPECT_EQ(report.at("problems").size(), 1u);
  EXPECT_GT(report.at("weights").at("misshapen").size(), 0u);
  EXPECT_GT(report.at("weights").at("missing").size(), 0u);
  EXPECT_TRUE(report.contains("tokenizer"));
}

TEST(Inspect, ATruncatedFileIsAProblemAndTheRestIsShown) {
  const ScratchDirectory folder;
  std::filesystem::copy(small_model(), folder / "model", std::filesystem::copy_options::recursive);
  std::filesystem::resize_file(folder / "model/model.safetensors", 20000);
  const auto report = inspect((folder / "model").string());
  EXPECT_EQ(report.at("runnable"), false);
  ASSERT_EQ(report.at("problems").size(), 1u);
  EXPECT_NE(report.at("problems")[0].get<std::string>().find("model.safetensors"),
            std::string::npos);
  EXPECT_TRUE(report.contains("config"));
  EXPECT_FALSE(report.contains("weights"));
}

TEST(Inspect, AnotherArchitectureIsShownWithTheReasonWhyItCannotRun) {
  const ScratchDirectory folder;
  folder.write("config.json", "{\"model_type\":\"gpt2\",\"architectures\":[\"GPT2LMHeadModel\"]}");
  const auto report = inspect(folder.path().string());
  EXPECT_EQ(report.at("model_type"), "gpt2");
  EXPECT_EQ(report.at("runnable"), false);
  EXPECT_NE(report.at("problems").dump().find("gpt2"), std::string::npos) << report;
}

TEST(Inspect, NoDirectoryIsAnError) {
  const CommandResult result = run_command({"inspect", "/nowhere"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(result.err, "nopad inspect: /nowhere: expected a model directory, got nothing\n");
}

}  // namespace
}  // namespace nopad::test
