#include "nopad/models/masked_lm_head.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "expect_error.h"
#include "models/heads/head_models.h"
#include "models/heads/named_weights.h"
#include "nopad/core/error.h"
#include "nopad/ops/select.h"
#include "written_tensors.h"

namespace nopad::models {
namespace {

using test::HeadModel;
using test::NamedWeights;
using test::tensor_of;

TEST(MaskedLmHead, EqualsTransformersInEveryFamily) {
  test::expect_heads_equal_transformers("masked-lm", "logits", 11, [](const HeadModel& model) {
    return [head = MaskedLmHead::load(model.config, *model.weights)](const RaggedTensor& hidden) {
      return head(hidden);
    };
  });
}

TEST(MaskedLmHead, EqualsTheFirstHeadOfPreTraining) {
  test::expect_heads_equal_transformers(
      "pre-training", "prediction_logits", 4, [](const HeadModel& model) {
        return [head = MaskedLmHead::load(model.config, *model.weights)](
                   const RaggedTensor& hidden) { return head(hidden); };
      });
}

TEST(MaskedLmHead, GivesTheSameBitsForGatheredTokens) {
  const HeadModel model("bert-odd-head-masked-lm");
  const auto head = MaskedLmHead::load(model.config, *model.weights);
  const Tensor all = head(model.hidden.values());
  const std::vector<int64_t> masked = {7, 0, 3};
  const Tensor rows =
      head(ops::gather_rows(model.hidden.values(), tensor_of<int64_t>({3}, masked)));
  for (int64_t i = 0; i < 3; ++i) {
    const int64_t token = masked[static_cast<size_t>(i)];
    test::expect_same_bits(rows.rows(i, i + 1), all.rows(token, token + 1));
  }
}

TEST(MaskedLmHead, NoRowsGiveNoRows) {
  const HeadModel model("bert-odd-head-masked-lm");
  const auto head = MaskedLmHead::load(model.config, *model.weights);
  const int64_t width = model.hidden.values().dim(1);
  EXPECT_EQ(head(Tensor::empty({0, width})).shape(), (Shape{0, head.vocab_size()}));
  EXPECT_THROW(head(Tensor::zeros({1, width + 1})), ShapeError);
}

io::ModelConfig tiny_config(std::string_view more = {}) {
  return io::ModelConfig::parse(
      concat(R"({"model_type": "bert", "vocab_size": 2, "hidden_size": 1, "num_attention_heads": 1,
                 "num_hidden_layers": 0)",
             more, "}"),
      "config.json");
}

// One hidden value and two words; a norm of one value gives its bias, here 3.
NamedWeights tiny_weights(std::map<std::string, Tensor, std::less<>> more) {
  more.insert({{"embeddings.word_embeddings.weight", tensor_of<float>({2, 1}, {2, -1})},
               {"cls.predictions.transform.dense.weight", tensor_of<float>({1, 1}, {1})},
               {"cls.predictions.transform.dense.bias", tensor_of<float>({1}, {0})},
               {"cls.predictions.transform.LayerNorm.weight", tensor_of<float>({1}, {1})},
               {"cls.predictions.transform.LayerNorm.bias", tensor_of<float>({1}, {3})}});
  return NamedWeights(std::move(more));
}

std::vector<float> logits(const io::ModelConfig& config, const WeightSource& source) {
  return test::list<float>(MaskedLmHead::load(config, source)(tensor_of<float>({1, 1}, {0.5f})));
}

TEST(MaskedLmHead, ADecoderThatIsNotStoredIsTheTableOfWords) {
  const Tensor bias = tensor_of<float>({2}, {10, 20}), other = tensor_of<float>({2}, {0, 1});
  const NamedWeights tied = tiny_weights({{"cls.predictions.bias", bias}});
  EXPECT_EQ(logits(tiny_config(), tied), (std::vector<float>{16, 17}));
  const NamedWeights by_decoder = tiny_weights({{"cls.predictions.decoder.bias", bias}});
  EXPECT_EQ(logits(tiny_config(), by_decoder), (std::vector<float>{16, 17}));
  const NamedWeights untied = tiny_weights(
      {{"cls.predictions.bias", bias}, {"cls.predictions.decoder.weight", other.reshape({2, 1})}});
  EXPECT_EQ(logits(tiny_config(), untied), (std::vector<float>{10, 23}));
}

TEST(MaskedLmHead, ABiasThatIsStoredTwiceIsNotUnexpected) {
  const Tensor bias = tensor_of<float>({2}, {10, 20});
  const NamedWeights twice =
      tiny_weights({{"cls.predictions.bias", bias}, {"cls.predictions.decoder.bias", bias}});
  const auto expected = MaskedLmHead::expected_weights(tiny_config(), twice);
  EXPECT_EQ(compare_weights(twice, expected).unexpected, std::vector<std::string>());
  EXPECT_EQ(logits(tiny_config(), twice), (std::vector<float>{16, 17}));
}

TEST(MaskedLmHead, NamesAllThatIsMissing) {
  test::expect_error<WeightError>([] { MaskedLmHead::load(tiny_config(), tiny_weights({})); },
                                  "weights: missing: cls.predictions.bias");
  test::expect_error<WeightError>(
      [] {
        MaskedLmHead::load(tiny_config(R"(, "tie_word_embeddings": false)"), tiny_weights({}));
      },
      "weights: missing: cls.predictions.bias, cls.predictions.decoder.weight");
}

}  // namespace
}  // namespace nopad::models
