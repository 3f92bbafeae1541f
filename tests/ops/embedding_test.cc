#include "nopad/ops/embedding.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

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
}

}  // namespace
}  // namespace nopad::ops
