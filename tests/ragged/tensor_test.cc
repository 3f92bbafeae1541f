#include "nopad/ragged/tensor.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad {
namespace {

RaggedLayout layout_of(const std::vector<int64_t>& lengths) {
  return RaggedLayout::from_lengths(lengths);
}

Tensor vector_of(const std::vector<float>& values) {
  return Tensor::from_values(std::span<const float>(values), {std::ssize(values)});
}

TEST(RaggedTensor, TheDefaultHasNoSequences) {
  const RaggedTensor tensor;
  EXPECT_EQ(tensor.layout().num_sequences(), 0);
  EXPECT_EQ(tensor.values().num_elements(), 0);
}

TEST(RaggedTensor, SequencesAreViewsOfTheValues) {
  Tensor values = vector_of({1, 2, 3, 4, 5, 6}).reshape({3, 2});
  const RaggedTensor tensor(values, layout_of({2, 0, 1}));
  EXPECT_EQ(tensor.sequence(0).shape(), Shape({2, 2}));
  EXPECT_EQ(tensor.sequence(1).shape(), Shape({0, 2}));
  values.mutable_values<float>()[5] = 60;
  EXPECT_EQ(tensor.sequence(2).values<float>()[1], 60);
}

TEST(RaggedTensor, SequencesThatDoNotExistAreRefused) {
  const RaggedTensor tensor(vector_of({1}), layout_of({1}));
  test::expect_error<ShapeError>([&] { tensor.sequence(1); },
                                 "RaggedTensor: sequence: expected one of 1, got 1");
  EXPECT_THROW(tensor.sequence(-1), ShapeError);
}

TEST(RaggedTensor, ARowForEachTokenIsExpected) {
  test::expect_error<LayoutError>(
      [] {
        const RaggedTensor tensor(vector_of({1, 2, 3}), layout_of({2, 2}));
      },
      "RaggedTensor: values: expected a row for each token of (B=2, T=4), got [3]");
  EXPECT_THROW(RaggedTensor(Tensor::zeros({}), layout_of({1})), LayoutError);
}

TEST(RaggedTensor, WithValuesKeepsTheLayout) {
  const RaggedTensor tensor(vector_of({1, 2, 3}), layout_of({1, 2}));
  const RaggedTensor wider = tensor.with_values(Tensor::zeros({3, 8}));
  EXPECT_EQ(wider.layout(), tensor.layout());
  EXPECT_EQ(wider.values().shape(), Shape({3, 8}));
  EXPECT_THROW(tensor.with_values(Tensor::zeros({2})), LayoutError);
}

}  // namespace
}  // namespace nopad
