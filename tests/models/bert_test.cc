#include "nopad/models/bert.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/io/checkpoint.h"
#include "random.h"
#include "recorded.h"
#include "tolerance.h"

namespace nopad::models {
namespace {

using test::RecordedSequence;

BertModel load_model(const std::string& name, nn::Compute compute = nn::Compute::f32) {
  const auto directory = test::model_directory(name);
  return BertModel::load(io::ModelConfig::load(directory / "config.json").bert(),
                         *io::without_prefix(io::open_checkpoint(directory), "bert."), compute);
}

// Sizes that are no multiple of anything, other activations, eps, storage types, shards, old names.
constexpr std::array kModels = {
    "bert-odd-bf16",         "bert-odd-classifier",    "bert-odd-f16",
    "bert-odd-head-64-silu", "bert-odd-heads-3",       "bert-odd-masked-lm",
    "bert-odd-no-pooler",    "bert-odd-sharded",       "bert-odd-tanh-gelu",
    "bert-odd-types-1-relu", "bert-odd-v4-gamma-beta", "bert-odd-v4-gelu-new",
    "bert-odd-width-5"};

class Bert : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Models, Bert, testing::ValuesIn(kModels), [](const auto& parameter) {
  std::string name = parameter.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST_P(Bert, EqualsTransformersOnEverySequence) {
  const auto directory = test::model_directory(GetParam());
  const auto recorded = test::load_recorded(directory);
  ASSERT_GE(recorded.size(), 8u);
  for (const Isa isa : supported_isas()) {
    SCOPED_TRACE(to_string(isa));
    const Execution execution({.num_threads = 2, .isa = isa});
    const ExecutionScope scope(execution);
    const BertModel model = load_model(GetParam());
    std::vector<const RecordedSequence*> all;
    for (const RecordedSequence& sequence : recorded) all.push_back(&sequence);
    const auto batch = test::pack_sequences(all);
    const RaggedTensor hidden = model(batch.token_ids, batch.type_ids);
    for (size_t i = 0; i < recorded.size(); ++i) {
      const auto b = static_cast<int64_t>(i);
      test::expect_close(hidden.sequence(b), recorded[i].last_hidden_state, test::kF32Model);
      if (recorded[i].pooler_output.num_elements() == 0) continue;
      ASSERT_TRUE(model.has_pooler());
      test::expect_close(model.pool(hidden).rows(b, b + 1).reshape({hidden.values().dim(1)}),
                         recorded[i].pooler_output, test::kF32Model);
    }
  }
}

TEST_P(Bert, InBf16IsNearTransformers) {
  const auto recorded = test::load_recorded(test::model_directory(GetParam()));
  const Execution execution(
      {.num_threads = 2, .isa = has_tiles(best_isa()) ? best_isa() : Isa::amx_emulated});
  const ExecutionScope scope(execution);
  const BertModel model = load_model(GetParam(), nn::Compute::bf16);
  for (const RecordedSequence& sequence : recorded) {
    const auto alone = test::pack_sequences({&sequence});
    const Tensor hidden = model(alone.token_ids, alone.type_ids).values().to(DType::f32);
    // Normalised vectors: components of order 1, each rounded to 8 bits a few times per layer.
    test::expect_close(hidden, sequence.last_hidden_state, {6e-2, 3e-2});
  }
}

// How many random batches the invariance tests draw: 1,000, or what NOPAD_INVARIANCE_BATCHES says.
int num_random_batches() {
  const char* const wanted = std::getenv("NOPAD_INVARIANCE_BATCHES");
  return wanted == nullptr ? 1000 : std::atoi(wanted);
}

// Sequences of random tokens, drawn again and again into batches of random company and order.
void expect_batch_invariance(const char* name, Isa isa, nn::Compute compute, int num_batches) {
  test::Random random(11);
  const Execution one({.num_threads = 1, .isa = isa});
  const Execution two({.num_threads = 2, .isa = isa});
  const ExecutionScope scope(one);
  const BertModel model = load_model(name, compute);
  std::vector<RecordedSequence> sequences;
  std::vector<Tensor> alone;
  for (const int64_t length :
       {1, 2, 3, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17, 24, 25, 31, 32, 33, 39, 40}) {
    RecordedSequence sequence;
    sequence.token_ids = Tensor::empty({length}, DType::i32);
    for (int32_t& id : sequence.token_ids.mutable_values<int32_t>()) {
      id = static_cast<int32_t>(random.integer(0, model.config().vocab_size - 1));
    }
    sequence.type_ids = Tensor::zeros({length}, DType::i32);
    sequences.push_back(sequence);
    const auto packed = test::pack_sequences({&sequence});
    alone.push_back(model(packed.token_ids, packed.type_ids).values());
  }
  for (int round = 0; round < num_batches && !testing::Test::HasFailure(); ++round) {
    std::vector<size_t> drawn;
    for (int64_t i = random.integer(1, 12); i > 0; --i) {
      drawn.push_back(static_cast<size_t>(random.integer(0, std::ssize(sequences) - 1)));
    }
    std::vector<const RecordedSequence*> members;
    for (const size_t i : drawn) members.push_back(&sequences[i]);
    const auto packed = test::pack_sequences(members);
    const ExecutionScope threads(random.coin() ? one : two);
    const RaggedTensor hidden = model(packed.token_ids, packed.type_ids);
    for (size_t b = 0; b < drawn.size(); ++b) {
      test::expect_same_bits(hidden.sequence(static_cast<int64_t>(b)), alone[drawn[b]]);
    }
  }
}

TEST(BertBatchInvariance, ASequenceHasTheSameBitsInAnyBatchOnOneAndTwoThreads) {
  for (const Isa isa : supported_isas()) {
    if (vector_isa(isa) != isa) continue;
    SCOPED_TRACE(to_string(isa));
    expect_batch_invariance("bert-odd-heads-3", isa, nn::Compute::f32, num_random_batches());
  }
}

TEST(BertBatchInvariance, TheSameHoldsInBf16) {
  const Isa isa = has_tiles(best_isa()) ? best_isa() : Isa::amx_emulated;
  expect_batch_invariance("bert-odd-heads-3", isa, nn::Compute::bf16, num_random_batches());
}

TEST(BertModel, ANeighbourOfBadWeightsOrTokensStaysAlone) {
  // A vocabulary row of NaN: only the sequence that uses it shows it.
  struct Poisoned : WeightSource {
    std::shared_ptr<const WeightSource> inner;
    bool contains(std::string_view name) const override { return inner->contains(name); }
    std::vector<std::string> names() const override { return inner->names(); }
    Shape shape(std::string_view name) const override { return inner->shape(name); }
    std::string description() const override { return inner->description(); }
    Tensor load(std::string_view name) const override {
      if (name != "embeddings.word_embeddings.weight") return inner->load(name);
      const Tensor table = inner->load(name);
      Tensor copy = Tensor::from_values(table.values<float>(), table.shape());
      for (float& x : copy.rows(7, 8).mutable_values<float>())
        x = std::numeric_limits<float>::quiet_NaN();
      return copy;
    }
  };
  const auto directory = test::model_directory("bert-odd-heads-3");
  Poisoned source;
  source.inner = io::without_prefix(io::open_checkpoint(directory), "bert.");
  const auto config = io::ModelConfig::load(directory / "config.json").bert();
  const BertModel clean = BertModel::load(config, *source.inner, nn::Compute::f32);
  const BertModel poisoned = BertModel::load(config, source, nn::Compute::f32);
  const std::array<int32_t, 9> ids = {1, 2, 3, 7, 7, 4, 5, 6, 8};
  const RaggedTensor batch(Tensor::from_values<int32_t>(ids, {9}),
                           RaggedLayout::from_lengths(std::vector<int64_t>{3, 2, 4}));
  const RaggedTensor expected = clean(batch), got = poisoned(batch);
  test::expect_same_bits(got.sequence(0), expected.sequence(0));
  test::expect_same_bits(got.sequence(2), expected.sequence(2));
  for (const float value : got.sequence(1).values<float>()) EXPECT_TRUE(std::isnan(value));
}

TEST(BertModel, EmptyBatchesAndEmptySequencesGiveNoRows) {
  const BertModel model = load_model("bert-odd-heads-3");
  const RaggedTensor none(Tensor::empty({0}, DType::i32), RaggedLayout());
  EXPECT_EQ(model(none).values().shape(), (Shape{0, 36}));
  EXPECT_EQ(model.pool(model(none)).shape(), (Shape{0, 36}));
  const RaggedTensor empty(Tensor::zeros({1}, DType::i32),
                           RaggedLayout::from_lengths(std::vector<int64_t>{0, 1, 0}));
  EXPECT_EQ(model(empty).values().shape(), (Shape{1, 36}));
}

TEST(BertModel, NamesTokensThatItCanNotRead) {
  const BertModel model = load_model("bert-odd-heads-3");
  const auto batch_of = [](std::vector<int32_t> ids) {
    const auto count = std::ssize(ids);
    return RaggedTensor(Tensor::from_values<int32_t>(ids, {count}),
                        RaggedLayout::from_lengths(std::vector<int64_t>{count}));
  };
  const int64_t vocab = model.config().vocab_size;
  test::expect_error<InputError>(
      [&] {
        model(batch_of({0, static_cast<int32_t>(vocab)}));
      },
      concat("embedding: token_ids: expected 0 to ", vocab - 1, ", got ", vocab, " at 1"));
  test::expect_error<LimitError>(
      [&] { model(batch_of(std::vector<int32_t>(41, 1))); },
      "BertModel: token_ids: expected at most 40 tokens in a sequence, got 41");
}

TEST(BertModel, WithoutPoolerSaysSo) {
  const BertModel model = load_model("bert-odd-no-pooler");
  EXPECT_FALSE(model.has_pooler());
  const RaggedTensor one(Tensor::zeros({1}, DType::i32),
                         RaggedLayout::from_lengths(std::vector<int64_t>{1}));
  EXPECT_THROW(model.pool(model(one)), WeightError);
}

}  // namespace
}  // namespace nopad::models
