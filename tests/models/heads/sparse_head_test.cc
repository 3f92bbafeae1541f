#include "nopad/models/sparse_head.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "models/heads/head_models.h"
#include "nopad/core/error.h"
#include "random.h"

namespace nopad::models {
namespace {

using test::HeadModel;

constexpr const char* kDirectory = "bert-odd-head-masked-lm";

SparseHead load(const HeadModel& model, const SparseHead::Config& config = {}) {
  return {MaskedLmHead::load(model.config, *model.weights), config};
}

TEST(SparseHead, EqualsTransformersInEveryFamily) {
  test::expect_heads_equal_transformers("masked-lm", "splade", 11, [](const HeadModel& model) {
    return [head = load(model)](const RaggedTensor& hidden) { return head(hidden); };
  });
}

// Sequences beyond one block of tokens, and an empty one.
RaggedTensor draw_hidden(const HeadModel& model) {
  test::Random random(5);
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{70, 0, 3, 130, 1});
  return {random.tensor({layout.num_tokens(), model.encoder.config().hidden_size}, -2, 2), layout};
}

// From the logits of all tokens.
Tensor slow_sparse(const RaggedTensor& logits, const TokenMask& keep,
                   const SparseHead::Config& config) {
  const int64_t num_words = logits.values().dim(1);
  Tensor out = Tensor::zeros({logits.layout().num_sequences(), num_words});
  for (int64_t b = 0; b < logits.layout().num_sequences(); ++b) {
    for (int64_t v = 0; v < num_words; ++v) {
      double word = 0;
      for (int64_t t = logits.layout().offset(b); t < logits.layout().offset(b + 1); ++t) {
        if (!keep.keep()[static_cast<size_t>(t)]) continue;
        const float logit = logits.values().values<float>()[static_cast<size_t>(t * num_words + v)];
        double x = std::log1p(std::max(static_cast<double>(logit), 0.0));
        if (config.activation == SparseActivation::log1p_relu) x = std::log1p(x);
        word = config.pooling == SparsePooling::max ? std::max(word, x) : word + x;
      }
      out.mutable_values<float>()[static_cast<size_t>(b * num_words + v)] =
          static_cast<float>(word);
    }
  }
  return out;
}

TEST(SparseHead, EqualsTheSlowFormForEveryPoolingAndActivation) {
  const HeadModel model(kDirectory);
  const RaggedTensor hidden = draw_hidden(model);
  const RaggedTensor logits = MaskedLmHead::load(model.config, *model.weights)(hidden);
  const TokenMask all = TokenMask::all(hidden.layout());
  for (const auto activation : {SparseActivation::relu, SparseActivation::log1p_relu}) {
    for (const auto pooling : {SparsePooling::max, SparsePooling::sum}) {
      SCOPED_TRACE(concat(activation, " ", pooling));
      const SparseHead head = load(model, {activation, pooling});
      test::expect_close(head(hidden), slow_sparse(logits, all, head.config()), test::kF32);
      test::expect_batch_equals_alone(head, hidden);
    }
  }
}

TEST(SparseHead, DroppedTokensTakeNoPartWhateverTheyHold) {
  const HeadModel model(kDirectory);
  const RaggedTensor hidden = draw_hidden(model);
  test::Random random(6);
  Tensor dropped = Tensor::empty({hidden.layout().num_tokens()}, DType::boolean);
  for (bool& keep : dropped.mutable_values<bool>()) keep = random.coin();
  dropped.mutable_values<bool>()[203] = false;  // the last sequence's only token
  const TokenMask keep = TokenMask::from_tensor(hidden.layout(), dropped);
  const SparseHead head = load(model, {.pooling = SparsePooling::sum});
  const RaggedTensor logits = MaskedLmHead::load(model.config, *model.weights)(hidden);
  const Tensor expected = head(hidden, keep);
  test::expect_close(expected, slow_sparse(logits, keep, head.config()), test::kF32);
  for (const float weight : expected.rows(4, 5).values<float>()) EXPECT_EQ(weight, 0);

  Tensor poisoned = Tensor::from_values(hidden.values().values<float>(), hidden.values().shape());
  for (int64_t t = 0; t < hidden.layout().num_tokens(); ++t) {
    if (keep.keep()[static_cast<size_t>(t)]) continue;
    std::ranges::fill(poisoned.rows(t, t + 1).mutable_values<float>(),
                      std::numeric_limits<float>::quiet_NaN());
  }
  test::expect_same_bits(head(hidden.with_values(poisoned), keep), expected);
}

TEST(SparseHead, ANanShowsInItsSequence) {
  const HeadModel model(kDirectory);
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{2});
  Tensor hidden = Tensor::zeros({2, model.encoder.config().hidden_size});
  hidden.mutable_values<float>()[0] = std::numeric_limits<float>::quiet_NaN();
  const Tensor sparse = load(model)(RaggedTensor(hidden, layout));
  for (const float weight : sparse.values<float>()) EXPECT_TRUE(std::isnan(weight));
}

TEST(SparseHead, AnEmptyBatchGivesNoRows) {
  const HeadModel model(kDirectory);
  const SparseHead head = load(model);
  const RaggedTensor none(Tensor::empty({0, model.encoder.config().hidden_size}), RaggedLayout());
  EXPECT_EQ(head(none).shape(), (Shape{0, head.vocab_size()}));
}

TEST(SparseHead, SettingsAreReadBackFromTheirNames) {
  EXPECT_EQ(sparse_activation_from_string("log1p_relu"), SparseActivation::log1p_relu);
  EXPECT_EQ(sparse_pooling_from_string("sum"), SparsePooling::sum);
  EXPECT_THROW(sparse_activation_from_string("gelu"), OptionError);
  EXPECT_THROW(sparse_pooling_from_string("mean"), OptionError);
}

}  // namespace
}  // namespace nopad::models
