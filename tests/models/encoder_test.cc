#include "nopad/models/encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <set>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/io/safetensors.h"
#include "random.h"
#include "recorded.h"
#include "tolerance.h"

namespace nopad::models {
namespace {

using test::RecordedSequence;

EncoderConfig load_config(const std::string& name) {
  return encoder_config(io::ModelConfig::load(test::model_directory(name) / "config.json"));
}

Encoder load_model(const std::string& name, nn::Compute compute = nn::Compute::f32) {
  const EncoderConfig config = load_config(name);
  return Encoder::load(config, *open_weights(test::model_directory(name), config), compute);
}

// Every directory whose last hidden states were recorded: each family with sizes that are no multiple
// of anything, other activations, eps and positions, every spelling of configs and names, and all
// kinds of files.
std::vector<std::string> odd_models() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(test::model_directory(""))) {
    const std::string name = entry.path().filename().string();
    const auto recorded = entry.path() / "recorded.safetensors";
    if (name.find("-odd-") == name.npos || !std::filesystem::exists(recorded)) continue;
    if (io::SafetensorsFile(recorded).contains("last_hidden_state.0")) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

class OddEncoder : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Models, OddEncoder, testing::ValuesIn(odd_models()),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(OddEncoders, AreOfEveryFamily) {
  std::set<std::string> types;
  for (const std::string& name : odd_models()) {
    types.insert(io::ModelConfig::load(test::model_directory(name) / "config.json").model_type());
  }
  EXPECT_EQ(types, (std::set<std::string>{"albert", "bert", "camembert", "distilbert", "electra",
                                          "gte", "modernbert", "mpnet", "new", "nomic_bert",
                                          "roberta", "xlm-roberta"}));
}

TEST_P(OddEncoder, EqualsTransformersAndItselfAlone) {
  const auto recorded = test::load_recorded(test::model_directory(GetParam()));
  std::vector<const RecordedSequence*> all;
  for (const RecordedSequence& sequence : recorded) all.push_back(&sequence);
  const auto batch = test::pack_sequences(all);
  for (const Isa isa : supported_isas()) {
    SCOPED_TRACE(to_string(isa));
    const Execution execution({.num_threads = 2, .isa = isa});
    const ExecutionScope scope(execution);
    const Encoder model = load_model(GetParam());
    const RaggedTensor hidden = model(batch.token_ids, batch.type_ids);
    for (size_t i = 0; i < recorded.size(); ++i) {
      const auto b = static_cast<int64_t>(i);
      test::expect_close(hidden.sequence(b), recorded[i].last_hidden_state, test::kF32Model);
      const auto alone = test::pack_sequences({&recorded[i]});
      test::expect_same_bits(model(alone.token_ids, alone.type_ids).values(), hidden.sequence(b));
      if (recorded[i].pooler_output.num_elements() == 0) continue;
      ASSERT_TRUE(model.has_pooler());
      test::expect_close(model.pool(hidden).rows(b, b + 1).reshape({hidden.values().dim(1)}),
                         recorded[i].pooler_output, test::kF32Model);
    }
  }
}

TEST_P(OddEncoder, InBf16IsNearTransformersAndItselfAlone) {
  const auto recorded = test::load_recorded(test::model_directory(GetParam()));
  const Execution execution(
      {.num_threads = 2, .isa = has_tiles(best_isa()) ? best_isa() : Isa::amx_emulated});
  const ExecutionScope scope(execution);
  const Encoder model = load_model(GetParam(), nn::Compute::bf16);
  std::vector<const RecordedSequence*> all;
  for (const RecordedSequence& sequence : recorded) all.push_back(&sequence);
  const auto batch = test::pack_sequences(all);
  const RaggedTensor hidden = model(batch.token_ids, batch.type_ids);
  for (size_t i = 0; i < recorded.size(); ++i) {
    const auto b = static_cast<int64_t>(i);
    // Normalised vectors: components of order 1, each rounded to 8 bits a few times per layer.
    test::expect_close(hidden.sequence(b).to(DType::f32), recorded[i].last_hidden_state,
                       {6e-2, 3e-2});
    const auto alone = test::pack_sequences({&recorded[i]});
    test::expect_same_bits(model(alone.token_ids, alone.type_ids).values(), hidden.sequence(b));
  }
}

// How many random batches the invariance tests draw: 1,000, or what NOPAD_INVARIANCE_BATCHES says.
int num_random_batches() {
  const char* const wanted = std::getenv("NOPAD_INVARIANCE_BATCHES");
  return wanted == nullptr ? 1000 : std::atoi(wanted);
}

// Sequences of random tokens, drawn again and again into batches of random company and order.
void expect_batch_invariance(const std::string& name, Isa isa, nn::Compute compute,
                             int num_batches) {
  test::Random random(11);
  const Execution one({.num_threads = 1, .isa = isa});
  const Execution two({.num_threads = 2, .isa = isa});
  const ExecutionScope scope(one);
  const Encoder model = load_model(name, compute);
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

TEST(EncoderBatchInvariance, ASequenceHasTheSameBitsInAnyBatchOnOneAndTwoThreads) {
  for (const Isa isa : supported_isas()) {
    if (vector_isa(isa) != isa) continue;
    SCOPED_TRACE(to_string(isa));
    expect_batch_invariance("bert-odd-heads-3", isa, nn::Compute::f32, num_random_batches());
  }
}

// What else attention and feed-forward can be made of, in fewer batches.
TEST(EncoderBatchInvariance, HoldsForEveryKindOfPositionsAndFeedForward) {
  const std::array names = {"albert-odd-groups-2-inner-2", "bert-odd-relative-key-query",
                            "gte-odd-heads-3", "modernbert-odd-window-8", "mpnet-odd-far-buckets"};
  const Isa tiles = has_tiles(best_isa()) ? best_isa() : Isa::amx_emulated;
  for (const char* const name : names) {
    SCOPED_TRACE(name);
    expect_batch_invariance(name, vector_isa(best_isa()), nn::Compute::f32, 20);
    expect_batch_invariance(name, tiles, nn::Compute::bf16, 20);
  }
}

TEST(EncoderBatchInvariance, TheSameHoldsInBf16) {
  const Isa isa = has_tiles(best_isa()) ? best_isa() : Isa::amx_emulated;
  expect_batch_invariance("bert-odd-heads-3", isa, nn::Compute::bf16, num_random_batches());
}

TEST(Encoder, ANeighbourOfBadWeightsOrTokensStaysAlone) {
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
  const EncoderConfig config = load_config("bert-odd-heads-3");
  Poisoned source;
  source.inner = open_weights(test::model_directory("bert-odd-heads-3"), config);
  const Encoder clean = Encoder::load(config, *source.inner, nn::Compute::f32);
  const Encoder poisoned = Encoder::load(config, source, nn::Compute::f32);
  const std::array<int32_t, 9> ids = {1, 2, 3, 7, 7, 4, 5, 6, 8};
  const RaggedTensor batch(Tensor::from_values<int32_t>(ids, {9}),
                           RaggedLayout::from_lengths(std::vector<int64_t>{3, 2, 4}));
  const RaggedTensor expected = clean(batch), got = poisoned(batch);
  test::expect_same_bits(got.sequence(0), expected.sequence(0));
  test::expect_same_bits(got.sequence(2), expected.sequence(2));
  for (const float value : got.sequence(1).values<float>()) EXPECT_TRUE(std::isnan(value));
}

TEST(Encoder, EmptyBatchesAndEmptySequencesGiveNoRows) {
  const Encoder model = load_model("bert-odd-heads-3");
  const RaggedTensor none(Tensor::empty({0}, DType::i32), RaggedLayout());
  EXPECT_EQ(model(none).values().shape(), (Shape{0, 36}));
  EXPECT_EQ(model.pool(model(none)).shape(), (Shape{0, 36}));
  const RaggedTensor empty(Tensor::zeros({1}, DType::i32),
                           RaggedLayout::from_lengths(std::vector<int64_t>{0, 1, 0}));
  EXPECT_EQ(model(empty).values().shape(), (Shape{1, 36}));
}

TEST(Encoder, NamesTokensThatItCanNotRead) {
  const Encoder model = load_model("bert-odd-heads-3");
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
      "Encoder: token_ids: expected at most 40 tokens in a sequence, got 41");
}

TEST(Encoder, KeepsItsWordEmbeddingsForDecoders) {
  const Encoder model = load_model("albert-odd-groups-2-inner-2");
  const EncoderConfig& config = model.config();
  EXPECT_EQ(model.word_embeddings().shape(), (Shape{config.vocab_size, config.embedding_size}));
  EXPECT_EQ(model.word_embeddings().dtype(), DType::f32);
}

// Some weights of a checkpoint left out.
class Without final : public WeightSource {
 public:
  Without(std::shared_ptr<const WeightSource> inner, std::string_view part)
      : inner_(std::move(inner)), part_(part) {}
  bool contains(std::string_view name) const override {
    return name.find(part_) == name.npos && inner_->contains(name);
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> out = inner_->names();
    std::erase_if(out, [&](const std::string& name) { return !contains(name); });
    return out;
  }
  Shape shape(std::string_view name) const override { return inner_->shape(name); }
  Tensor load(std::string_view name) const override { return inner_->load(name); }
  std::string description() const override { return "source"; }

 private:
  std::shared_ptr<const WeightSource> inner_;
  std::string part_;
};

void expect_missing(const std::string& model, std::string_view part, const std::string& message) {
  const EncoderConfig config = load_config(model);
  const Without source(open_weights(test::model_directory(model), config), part);
  test::expect_error<WeightError>([&] { Encoder::load(config, source, nn::Compute::f32); },
                                  "source: missing: " + message);
}

TEST(Encoder, NamesAllThatIsMissingAsItsFamilyDoes) {
  expect_missing("bert-odd-heads-3", "layer.0.attention.self.query",
                 "encoder.layer.0.attention.self.query.bias, "
                 "encoder.layer.0.attention.self.query.weight");
  expect_missing("bert-odd-relative-key", "0.attention.self.distance_embedding",
                 "encoder.layer.0.attention.self.distance_embedding.weight");
  expect_missing("mpnet-odd-far-buckets", "relative_attention_bias",
                 "encoder.relative_attention_bias.weight");
  expect_missing("modernbert-odd-window-8", "layers.1.mlp.Wi", "layers.1.mlp.Wi.weight");
  expect_missing("modernbert-odd-window-8", "final_norm", "final_norm.weight");
  expect_missing("nomic-bert-odd-heads-3", "layers.0.self_attn.q_proj",
                 "layers.0.self_attn.q_proj.weight");
}

TEST(Encoder, ExpectsExactlyWhatTransformersWrote) {
  for (const std::string& name : odd_models()) {
    SCOPED_TRACE(name);
    const EncoderConfig config = load_config(name);
    const auto source = open_weights(test::model_directory(name), config);
    const WeightReport report = compare_weights(*source, Encoder::expected_weights(config));
    EXPECT_EQ(report.missing, std::vector<std::string>());
    EXPECT_EQ(report.misshapen, std::vector<std::string>());
    // The heads that some were saved under.
    for (const std::string& unexpected : report.unexpected) {
      EXPECT_TRUE(unexpected.starts_with("cls.") || unexpected.starts_with("classifier."))
          << unexpected;
    }
  }
}

TEST(Encoder, WithoutPoolerSaysSo) {
  const Encoder model = load_model("bert-odd-no-pooler");
  EXPECT_FALSE(model.has_pooler());
  const RaggedTensor one(Tensor::zeros({1}, DType::i32),
                         RaggedLayout::from_lengths(std::vector<int64_t>{1}));
  EXPECT_THROW(model.pool(model(one)), WeightError);
}

}  // namespace
}  // namespace nopad::models
