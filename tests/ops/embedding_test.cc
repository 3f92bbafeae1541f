#include "nopad/ops/embedding.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "expect_error.h"
#include "gradients.h"
#include "nopad/autograd/backward.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

using autograd::require_grad;

Tensor ids_of(std::initializer_list<int32_t> ids) {
  return Tensor::from_values<int32_t>(std::span(ids.begin(), ids.size()),
                                      {static_cast<int64_t>(ids.size())});
}

TEST(EmbeddingSum, AddsTheRowsOfAllTables) {
  const Tensor words = Tensor::from_values<float>(std::array{1.0f, 2.0f, 3.0f, 4.0f}, {2, 2});
  const Tensor types = Tensor::from_values<float>(std::array{10.0f, 20.0f}, {1, 2});
  const Tensor word_ids = ids_of({1, 0, 1});
  const Tensor type_ids = ids_of({0, 0, 0});
  const std::array<Lookup, 2> lookups = {
      {{&words, &word_ids, "token_ids"}, {&types, &type_ids, "type_ids"}}};
  test::expect_close(embedding_sum(lookups).values<float>(),
                     std::array{13.0f, 24.0f, 11.0f, 22.0f, 13.0f, 24.0f}, test::kExact);
}

TEST(EmbeddingSum, ReadsNoRowThatNoIdNames) {
  Tensor words = Tensor::zeros({3, 4});
  for (float& value : words.rows(1, 2).mutable_values<float>()) {
    value = std::numeric_limits<float>::quiet_NaN();
  }
  const Tensor ids = ids_of({0, 2});
  const std::array<Lookup, 1> lookups = {{{&words, &ids, "token_ids"}}};
  const Tensor out = embedding_sum(lookups);
  for (const float value : out.values<float>()) EXPECT_EQ(value, 0.0f);
}

TEST(EmbeddingSum, NamesAnIdOutsideTheTableAndItsPlace) {
  const Tensor words = Tensor::zeros({3, 4});
  for (const int32_t bad : {3, -1}) {
    const Tensor ids = ids_of({0, bad});
    const std::array<Lookup, 1> lookups = {{{&words, &ids, "token_ids"}}};
    test::expect_error<InputError>(
        [&] { embedding_sum(lookups); },
        concat("embedding: token_ids: expected 0 to 2, got ", bad, " at 1"));
  }
}

TEST(EmbeddingSum, RefusesTablesAndIdsThatDoNotFit) {
  const Tensor words = Tensor::zeros({3, 4}), narrow = Tensor::zeros({3, 2});
  const Tensor two = ids_of({0, 0}), one = ids_of({0}), none = ids_of({});
  const std::array<Lookup, 2> widths = {{{&words, &two, "token_ids"}, {&narrow, &two, "type_ids"}}};
  test::expect_error<ShapeError>([&] { embedding_sum(widths); },
                                 "embedding: type_ids: expected a table [V, 4], got [3, 2]");
  const std::array<Lookup, 2> lengths = {{{&words, &two, "token_ids"}, {&words, &one, "type_ids"}}};
  test::expect_error<ShapeError>([&] { embedding_sum(lengths); },
                                 "embedding: type_ids: expected [2], got [1]");
  const std::array<Lookup, 1> empty = {{{&words, &none, "token_ids"}}};
  EXPECT_EQ(embedding_sum(empty).shape(), (Shape{0, 4}));
  EXPECT_THROW(embedding_sum({}), ShapeError);
  const Tensor wide = Tensor::zeros({3, 4}, DType::f64);
  const std::array<Lookup, 2> dtypes = {{{&words, &two, "token_ids"}, {&wide, &two, "type_ids"}}};
  test::expect_error<DTypeError>([&] { embedding_sum(dtypes); },
                                 "embedding: type_ids: expected a table of f32, got f64");
}

TEST(EmbeddingSum, HasTheGradientsOfCentralDifferences) {
  test::Random random(1);
  const Tensor word_ids = ids_of({4, 0, 4, 2}), type_ids = ids_of({1, 1, 0, 1});
  test::expect_gradients(
      [&](std::span<const Tensor> tables) {
        const std::array<Lookup, 2> lookups = {
            {{&tables[0], &word_ids, "token_ids"}, {&tables[1], &type_ids, "type_ids"}}};
        return embedding_sum(lookups);
      },
      {random.tensor({5, 3}).to(DType::f64), random.tensor({2, 3}).to(DType::f64)});
}

Tensor table_gradient(Tensor table, const Tensor& ids, const Tensor& d_out) {
  require_grad(table);
  return autograd::backward(embedding(table, ids), d_out).of(table);
}

TEST(Embedding, LooksUpAndScattersByHand) {
  const Tensor table = Tensor::from_values<float>(std::array{1.0f, 2.0f, 3.0f, 4.0f}, {2, 2});
  const Tensor ids = Tensor::from_values<int64_t>(std::array<int64_t, 3>{1, 0, 1}, {3, 1});
  const Tensor out = embedding(table, ids);
  EXPECT_EQ(out.shape(), (Shape{3, 1, 2}));
  test::expect_close(out.values<float>(), std::array{3.0f, 4.0f, 1.0f, 2.0f, 3.0f, 4.0f},
                     test::kExact);
  const Tensor d_out =
      Tensor::from_values<float>(std::array{1.0f, 10.0f, 2.0f, 20.0f, 4.0f, 40.0f}, {3, 1, 2});
  test::expect_close(table_gradient(table, ids, d_out).values<float>(),
                     std::array{2.0f, 20.0f, 5.0f, 50.0f}, test::kExact);
}

TEST(Embedding, HasTheGradientsOfCentralDifferences) {
  test::Random random(2);
  const Tensor ids = ids_of({3, 3, 0, 1, 3});
  test::expect_gradients([&](std::span<const Tensor> in) { return embedding(in[0], ids); },
                         {random.tensor({5, 3}).to(DType::f64)});
}

TEST(Embedding, HasTheSameGradientBitsOnAnyNumberOfThreads) {
  test::Random random(3);
  Tensor ids = Tensor::empty({500}, DType::i32);
  for (int32_t& id : ids.mutable_values<int32_t>()) id = static_cast<int32_t>(random.integer(0, 9));
  const Tensor table = random.tensor({10, 200}), d_out = random.tensor({500, 200});
  const Tensor expected = table_gradient(table, ids, d_out);
  const Execution three({.num_threads = 3});
  const ExecutionScope scope(three);
  test::expect_same_bits(table_gradient(table, ids, d_out), expected);
}

TEST(Embedding, KeepsTheLayoutAndEachSequenceToItself) {
  test::Random random(4);
  const Tensor table = random.tensor({7, 5});
  const RaggedLayout layout = RaggedLayout::from_lengths(random.lengths(6, 20));
  Tensor ids = Tensor::empty({layout.num_tokens()}, DType::i64);
  for (int64_t& id : ids.mutable_values<int64_t>()) id = random.integer(0, 6);
  test::expect_batch_equals_alone(
      [&](const RaggedTensor& batch) { return embedding(table, batch); },
      RaggedTensor(ids, layout));
}

TEST(Embedding, ANanGradientStaysWithTheIdOfItsToken) {
  Tensor d_out = Tensor::zeros({2, 3});
  for (float& value : d_out.rows(0, 1).mutable_values<float>()) {
    value = std::numeric_limits<float>::quiet_NaN();
  }
  const Tensor d_table = table_gradient(Tensor::zeros({3, 3}), ids_of({1, 2}), d_out);
  for (const int64_t row : {0, 2}) {
    test::expect_same_bits(d_table.rows(row, row + 1), Tensor::zeros({1, 3}));
  }
}

TEST(Embedding, NoIdsGiveNoRowsAndAZeroGradient) {
  const Tensor table = Tensor::zeros({3, 4});
  EXPECT_EQ(embedding(table, Tensor::empty({2, 0}, DType::i32)).shape(), (Shape{2, 0, 4}));
  test::expect_same_bits(table_gradient(table, ids_of({}), Tensor::empty({0, 4})), table);
}

TEST(Embedding, RecordsOnlyForATableThatLearns) {
  Tensor table = Tensor::zeros({3, 4});
  EXPECT_FALSE(autograd::needs_grad(embedding(table, ids_of({0}))));
  require_grad(table);
  EXPECT_TRUE(autograd::needs_grad(embedding(table, ids_of({0}))));
  const autograd::NoGradScope no_grad;
  EXPECT_FALSE(autograd::needs_grad(embedding(table, ids_of({0}))));
}

TEST(Embedding, NamesTheOperandThatDoesNotFit) {
  const Tensor table = Tensor::zeros({3, 4});
  test::expect_error<InputError>(
      [&] {
        embedding(table, ids_of({0, 5}));
      },
      "embedding: ids: expected 0 to 2, got 5 at 1");
  test::expect_error<DTypeError>([&] { embedding(table, Tensor::zeros({2})); },
                                 "embedding: ids: expected i32 or i64, got f32");
  test::expect_error<DTypeError>(
      [&] {
        embedding(Tensor::zeros({3, 4}, DType::bf16), ids_of({0}));
      },
      "embedding: table: expected f32 or f64, got bf16");
  test::expect_error<ShapeError>([&] { embedding(Tensor::zeros({3}), ids_of({0})); },
                                 "embedding: ids: expected a table [V, 3], got [3]");
}

}  // namespace
}  // namespace nopad::ops
