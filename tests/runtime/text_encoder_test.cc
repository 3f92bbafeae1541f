#include "nopad/runtime/text_encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "random.h"
#include "recorded_texts.h"
#include "tolerance.h"

namespace nopad {
namespace {

namespace fs = std::filesystem;

fs::path model_directory(const std::string& name) {
  return fs::path(NOPAD_TEST_DATA) / "models" / name;
}

class SentenceModels : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Versions, SentenceModels,
                         testing::Values("sentence-dense-v2", "sentence-dense-v6"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(SentenceModels, EqualsSentenceTransformers) {
  const auto directory = model_directory(GetParam());
  const auto recorded = test::load_recorded_texts(directory);
  const TextEncoder encoder = TextEncoder::load(directory, {.dtype = ComputeType::f32});
  test::expect_close(encoder.embed(recorded.texts), recorded.embeddings, test::kF32Model);
}

TEST_P(SentenceModels, ATextHasTheSameBitsInAnyCompany) {
  const auto directory = model_directory(GetParam());
  const auto texts = test::load_recorded_texts(directory).texts;
  const TextEncoder one =
      TextEncoder::load(directory, {.dtype = ComputeType::f32, .num_threads = 1});
  const TextEncoder two = TextEncoder::load(
      directory, {.dtype = ComputeType::f32, .num_threads = 2, .batch_tokens = 10});
  const Tensor rows = one.embed(texts);
  test::expect_same_bits(two.embed(texts), rows);
  test::Random random(1);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> drawn;
    std::vector<int64_t> origin;
    for (int64_t i = random.integer(1, 9); i > 0; --i) {
      origin.push_back(random.integer(0, std::ssize(texts) - 1));
      drawn.push_back(texts[static_cast<size_t>(origin.back())]);
    }
    const Tensor out = (random.coin() ? one : two).embed(drawn);
    for (int64_t i = 0; i < std::ssize(drawn); ++i) {
      const int64_t from = origin[static_cast<size_t>(i)];
      test::expect_same_bits(out.rows(i, i + 1), rows.rows(from, from + 1));
    }
  }
}

TEST(TextEncoder, NoTextsGiveNoRows) {
  const TextEncoder encoder = TextEncoder::load(model_directory("sentence-dense-v6"));
  const Tensor rows = encoder.embed(std::span<const std::string>{});
  EXPECT_EQ(rows.shape(), (Shape{0, encoder.dim()}));
}

TEST(TextEncoder, OptionsReplaceWhatTheDirectorySays) {
  const auto directory = model_directory("sentence-dense-v6");
  const TextEncoder plain = TextEncoder::load(directory, {}, {.normalize = false});
  const Tensor row = plain.embed({"the fish"});
  double square = 0;
  for (const float x : row.values<float>()) square += static_cast<double>(x) * x;
  EXPECT_GT(std::abs(square - 1), 1e-3);
  const TextEncoder short_texts = TextEncoder::load(directory, {.max_length = 4});
  EXPECT_EQ(short_texts.max_length(), 4);
  const std::vector<std::string> texts = {"the fish swimming in the sea", "the"};
  const TokenizedTexts tokens = short_texts.tokenize(texts);
  EXPECT_EQ(tokens.lengths, (std::vector<int64_t>{4, 3}));
  EXPECT_EQ(tokens.num_truncated, 1);
}

TEST(TextEncoder, APlainDirectoryNeedsAPooling) {
  const auto directory = model_directory("bert-odd-heads-3");
  EXPECT_THROW(TextEncoder::load(directory), OptionError);
  const TextEncoder encoder =
      TextEncoder::load(directory, {}, {.pooling = Pooling::mean, .normalize = true});
  EXPECT_EQ(encoder.dim(), 36);
  EXPECT_EQ(encoder.max_length(), 40);
}

TEST(TextEncoder, ATextTooLongIsNamedWhenNothingMayBeCut) {
  const TextEncoder encoder =
      TextEncoder::load(model_directory("sentence-dense-v6"), {.max_length = 4, .truncate = false});
  const std::vector<std::string> texts = {"the", "the fish swimming in the sea"};
  try {
    encoder.embed(texts);
    FAIL() << "expected an error";
  } catch (const LimitError& error) {
    EXPECT_EQ(std::string_view(error.what()).substr(0, 8), "text 1: ") << error.what();
  }
}

TEST(TextEncoder, InvalidUtf8IsNamedWithItsText) {
  const TextEncoder encoder = TextEncoder::load(model_directory("sentence-dense-v6"));
  const std::vector<std::string> texts = {"a", "b", "\xff"};
  try {
    encoder.tokenize(texts);
    FAIL() << "expected an error";
  } catch (const InputError& error) {
    EXPECT_EQ(std::string_view(error.what()).substr(0, 8), "text 2: ") << error.what();
  }
}

TEST(TextEncoder, NamesTokensThatItCanNotEncode) {
  const TextEncoder encoder = TextEncoder::load(model_directory("sentence-dense-v6"));
  test::expect_error<ShapeError>(
      [&] {
        encoder.encode({.ids = {1, 2}, .type_ids = {}, .lengths = {1, 2}});
      },
      "ids: expected one for each token of (B=2, T=3), got 2");
  EXPECT_THROW(encoder.encode({.ids = {1, 2}, .type_ids = {0}, .lengths = {2}}), ShapeError);
  EXPECT_THROW(encoder.encode({.ids = {100000}, .type_ids = {}, .lengths = {1}}), InputError);
  EXPECT_THROW(encoder.encode({.ids = std::vector<int32_t>(600), .type_ids = {}, .lengths = {600}}),
               LimitError);
}

// A copy of a model directory in which files can be changed; removed at the end.
class ChangedModel {
 public:
  explicit ChangedModel(const std::string& name) {
    std::string pattern = (fs::temp_directory_path() / "nopad_model_XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    directory_ = pattern;
    fs::copy(model_directory(name), directory_, fs::copy_options::recursive);
  }
  ~ChangedModel() { fs::remove_all(directory_); }
  ChangedModel(const ChangedModel&) = delete;
  ChangedModel& operator=(const ChangedModel&) = delete;

  const fs::path& directory() const { return directory_; }
  void set(const char* file, const char* key, const nlohmann::json& value) const {
    std::ifstream in(directory_ / file);
    nlohmann::json content = nlohmann::json::parse(in);
    content[key] = value;
    std::ofstream(directory_ / file) << content;
  }

 private:
  fs::path directory_;
};

TEST(TextEncoder, PutsTheChosenPromptBeforeEachText) {
  const ChangedModel model("sentence-dense-v6");
  const TextEncoder plain = TextEncoder::load(model.directory());
  model.set("config_sentence_transformers.json", "prompts", {{"query", "the fish "}});
  const TextEncoder prompted = TextEncoder::load(model.directory(), {}, {.prompt_name = "query"});
  test::expect_same_bits(prompted.embed({"hello boy"}), plain.embed({"the fish hello boy"}));
  test::expect_same_bits(TextEncoder::load(model.directory()).embed({"hello boy"}),
                         plain.embed({"hello boy"}));
  model.set("config_sentence_transformers.json", "default_prompt_name", "query");
  test::expect_same_bits(TextEncoder::load(model.directory()).embed({"hello boy"}),
                         prompted.embed({"hello boy"}));
}

TEST(TextEncoder, APromptCanBeLeftOutOfThePooling) {
  const ChangedModel model("sentence-dense-v6");
  model.set("config_sentence_transformers.json", "prompts", {{"query", "the fish "}});
  const SentenceOptions options{.prompt_name = "query"};
  const Tensor with = TextEncoder::load(model.directory(), {}, options).embed({"hello boy"});
  model.set("1_Pooling/config.json", "include_prompt", false);
  // The first token that takes part is then the one after the prompt, not [CLS].
  const Tensor without = TextEncoder::load(model.directory(), {}, options).embed({"hello boy"});
  EXPECT_NE(with.values<float>()[0], without.values<float>()[0]);
}

TEST(TextEncoder, LowersTheCaseWhereTheDirectoryWantsIt) {
  const ChangedModel model("sentence-dense-v2");
  model.set("tokenizer_config.json", "do_lower_case", false);
  model.set("sentence_bert_config.json", "do_lower_case", false);
  const TextEncoder cased = TextEncoder::load(model.directory());
  EXPECT_NE(cased.embed({"HELLO"}).values<float>()[0], cased.embed({"hello"}).values<float>()[0]);
  model.set("sentence_bert_config.json", "do_lower_case", true);
  const TextEncoder lowered = TextEncoder::load(model.directory());
  test::expect_same_bits(lowered.embed({"HELLO"}), cased.embed({"hello"}));
}

TEST(TextEncoder, RefusesOptionsThatCanNotBe) {
  const auto directory = model_directory("sentence-dense-v6");
  EXPECT_THROW(TextEncoder::load(directory, {.dtype = ComputeType::bf16, .isa = Isa::portable}),
               OptionError);
  EXPECT_THROW(TextEncoder::load(directory, {.max_length = 1}), OptionError);
  EXPECT_THROW(TextEncoder::load(directory, {.max_length = 100000}), OptionError);
  EXPECT_THROW(TextEncoder::load(directory, {.batch_tokens = 0}), OptionError);
  EXPECT_THROW(TextEncoder::load(directory, {}, {.prompt_name = "nobody's"}), OptionError);
  EXPECT_THROW(TextEncoder::load(directory / "nothing"), FileError);
}

TEST(TextEncoder, Bf16IsNearF32) {
  const auto directory = model_directory("sentence-dense-v6");
  const auto recorded = test::load_recorded_texts(directory);
  const Isa isa = has_tiles(best_isa()) ? best_isa() : Isa::amx_emulated;
  const TextEncoder encoder =
      TextEncoder::load(directory, {.dtype = ComputeType::bf16, .isa = isa});
  EXPECT_EQ(encoder.dtype(), ComputeType::bf16);
  test::expect_close(encoder.embed(recorded.texts), recorded.embeddings, test::kBf16);
}

TEST(TextEncoder, ServesSeveralThreadsAtOnce) {
  const auto directory = model_directory("sentence-dense-v6");
  const auto texts = test::load_recorded_texts(directory).texts;
  const TextEncoder encoder = TextEncoder::load(directory, {.num_threads = 2});
  const Tensor expected = encoder.embed(texts);
  std::vector<Tensor> results(4);
  {
    std::vector<std::jthread> clients;
    for (Tensor& result : results) {
      clients.emplace_back([&] {
        for (int i = 0; i < 20; ++i) result = encoder.embed(texts);
      });
    }
  }
  for (const Tensor& result : results) test::expect_same_bits(result, expected);
}

}  // namespace
}  // namespace nopad
