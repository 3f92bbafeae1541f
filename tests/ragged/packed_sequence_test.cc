#include "nopad/ragged/packed_sequence.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "expect_error.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/ragged/sequences.h"
#include "random.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad {
namespace {

using test::list;
using test::tensor_of;
using List = std::vector<int64_t>;

// Lengths 2, 0, 3, 2.
RaggedTensor four_sequences() { return from_sequences({{1, 2}, {}, {3, 4, 5}, {6, 7}}); }

TEST(ToPacked, GoesStepByStepTheLongestFirst) {
  const PackedSequence packed = to_packed(four_sequences());
  EXPECT_EQ(list<int64_t>(packed.data), (List{3, 1, 6, 4, 2, 7, 5}));
  EXPECT_EQ(packed.batch_sizes, (List{3, 3, 1}));
  EXPECT_EQ(packed.sorted_indices, (List{2, 0, 3, 1}));
  EXPECT_EQ(packed.unsorted_indices, (List{1, 3, 0, 2}));
}

TEST(ToPacked, TakesWholeRowsOfFeatures) {
  const RaggedTensor rows = from_sequences(
      std::vector{tensor_of<float>({1, 2}, {1, 2}), tensor_of<float>({2, 2}, {3, 4, 5, 6})});
  const PackedSequence packed = to_packed(rows);
  EXPECT_EQ(packed.data.shape(), Shape({3, 2}));
  EXPECT_EQ(list<float>(packed.data), (std::vector<float>{3, 4, 1, 2, 5, 6}));
}

TEST(ToPacked, SequencesOfNothingAreCountedByTheIndices) {
  const PackedSequence empty = to_packed(from_sequences(std::vector<List>(2)));
  EXPECT_EQ(empty.batch_sizes, List());
  EXPECT_EQ(empty.sorted_indices, (List{0, 1}));
  EXPECT_EQ(from_packed(empty).layout().num_sequences(), 2);
  EXPECT_EQ(to_packed(RaggedTensor()).sorted_indices, List());
  EXPECT_EQ(from_packed(PackedSequence()).layout().num_sequences(), 0);
}

TEST(FromPacked, IsTheInverse) {
  test::Random random(61);
  for (int round = 0; round < 200; ++round) {
    const auto layout = RaggedLayout::from_lengths(random.lengths(random.integer(0, 8), 40));
    const RaggedTensor ragged(random.tensor({layout.num_tokens(), random.integer(0, 3)}), layout);
    const RaggedTensor again = from_packed(to_packed(ragged));
    EXPECT_EQ(again.layout(), layout);
    test::expect_same_bits(again.values(), ragged.values());
  }
}

TEST(FromPacked, BatchSizesThatDoNotFitAreRefused) {
  const auto expect_refused = [](List batch_sizes, const std::string& what) {
    PackedSequence packed = to_packed(four_sequences());
    packed.batch_sizes = std::move(batch_sizes);
    test::expect_error<LayoutError>([&] { from_packed(packed); },
                                    "PackedSequence: batch_sizes: expected " + what);
  };
  expect_refused({5, 2}, "1 to 4, got 5 at step 0");
  expect_refused({2, 3, 2}, "1 to 2, got 3 at step 1");
  expect_refused({4, 3, 0}, "1 to 3, got 0 at step 2");
  expect_refused({4, 2}, "a sum of 7, the rows of data, got less");
  expect_refused({4, 4}, "a sum of 7, the rows of data, got more");
}

TEST(FromPacked, IndicesThatAreNoPermutationAreRefused) {
  const auto expect_refused = [](List sorted, List unsorted, const std::string& what) {
    PackedSequence packed = to_packed(four_sequences());
    packed.sorted_indices = std::move(sorted);
    packed.unsorted_indices = std::move(unsorted);
    test::expect_error<LayoutError>([&] { from_packed(packed); }, "PackedSequence: " + what);
  };
  expect_refused({2, 0, 3, 1}, {1, 3, 0},
                 "unsorted_indices: expected 4 as sorted_indices has, got 3");
  expect_refused({2, 0, 4, 1}, {1, 3, 0, 2}, "sorted_indices: expected 0 to 3, got 4 at place 2");
  expect_refused({2, 0, 0, 1}, {1, 3, 0, 2}, "unsorted_indices: expected 2 for sequence 0, got 1");
}

TEST(PackPaddedSequence, TakesUnsortedLengthsWithNoneAmongThem) {
  const List lengths = {2, 0, 3, 2};
  const Tensor padded = pad_sequence(unpack_sequence(to_packed(four_sequences())));
  const PackedSequence packed = pack_padded_sequence(padded, lengths, {.enforce_sorted = false});
  EXPECT_EQ(list<int64_t>(packed.data), (List{3, 1, 6, 4, 2, 7, 5}));
  EXPECT_EQ(packed.batch_sizes, (List{3, 3, 1}));
}

TEST(PackPaddedSequence, OrderIsEnforcedUnlessAskedFor) {
  const Tensor padded = tensor_of<int64_t>({2, 3}, {1, 2, 3, 4, 5, 0});
  const PackedSequence packed = pack_padded_sequence(padded, List{3, 2}, {.batch_first = true});
  EXPECT_EQ(list<int64_t>(packed.data), (List{1, 4, 2, 5, 3}));
  EXPECT_EQ(packed.batch_sizes, (List{2, 2, 1}));
  EXPECT_EQ(packed.sorted_indices, (List{0, 1}));
  test::expect_error<LayoutError>(
      [] {
        pack_padded_sequence(Tensor::zeros({6, 2}), List{4, 6});
      },
      "pack_padded_sequence: lengths: expected them never to rise under enforce_sorted, got 4 then "
      "6 at sequence 1");
}

// PyTorch takes [6, 2] for 4 steps, and fails somewhere later.
TEST(PackPaddedSequence, LengthsThatDoNotFitAreRefused) {
  const Tensor input = Tensor::zeros({4, 2, 5});
  test::expect_error<LayoutError>(
      [&] {
        pack_padded_sequence(input, List{6, 2});
      },
      "pack_padded_sequence: lengths: expected 0 to 4, got 6 for sequence 0");
  test::expect_error<LayoutError>(
      [&] {
        pack_padded_sequence(input, List{2, -1});
      },
      "pack_padded_sequence: lengths: expected 0 to 4, got -1 for sequence 1");
  test::expect_error<ShapeError>(
      [&] {
        pack_padded_sequence(input, List{2, 1}, {.batch_first = true});
      },
      "pack_padded_sequence: input: expected [B, L, ...] with B=2, got [4, 2, 5]");
  test::expect_error<ShapeError>(
      [&] { pack_padded_sequence(Tensor::zeros({4}), List{2}); },
      "pack_padded_sequence: input: expected [L, B, ...] with B=1, got [4]");
}

TEST(PackSequence, TakesSequencesOfTheirOwn) {
  const std::vector<Tensor> sequences = unpack_sequence(to_packed(four_sequences()));
  const PackedSequence packed = pack_sequence(sequences, {.enforce_sorted = false});
  EXPECT_EQ(list<int64_t>(packed.data), (List{3, 1, 6, 4, 2, 7, 5}));
  test::expect_error<LayoutError>(
      [&] { pack_sequence(sequences); },
      "pack_sequence: lengths: expected them never to rise under enforce_sorted, got 0 then 3 at "
      "sequence 2");
}

TEST(PadPackedSequence, GivesTheCallersOrderAndLengths) {
  const auto [values, lengths] =
      pad_packed_sequence(to_packed(four_sequences()), {.batch_first = true, .padding_value = -1});
  EXPECT_EQ(list<int64_t>(values), (List{1, 2, -1, -1, -1, -1, 3, 4, 5, 6, 7, -1}));
  EXPECT_EQ(lengths, (List{2, 0, 3, 2}));
  const auto by_time = pad_packed_sequence(to_packed(four_sequences()));
  EXPECT_EQ(by_time.values.shape(), Shape({3, 4}));
  EXPECT_EQ(list<int64_t>(by_time.values), (List{1, 0, 3, 6, 2, 0, 4, 7, 0, 0, 5, 0}));
}

TEST(PadPackedSequence, TotalLengthOnlyAdds) {
  const PackedSequence packed = to_packed(four_sequences());
  EXPECT_EQ(pad_packed_sequence(packed, {.total_length = 5}).values.shape(), Shape({5, 4}));
  test::expect_error<OptionError>([&] { pad_packed_sequence(packed, {.total_length = 2}); },
                                  "pad_packed_sequence: total_length: expected 3 or more, got 2");
  test::expect_error<OptionError>(
      [&] { pad_packed_sequence(packed, {.padding_value = 0.5}); },
      "pad_packed_sequence: padding_value: expected a value of i64, got 0.5");
}

TEST(UnpackSequence, GivesTheSequencesInTheirOrder) {
  const auto sequences = unpack_sequence(to_packed(four_sequences()));
  ASSERT_EQ(sequences.size(), 4u);
  for (int64_t b = 0; b < 4; ++b) {
    test::expect_same_bits(sequences[static_cast<size_t>(b)], four_sequences().sequence(b));
  }
}

TEST(PackedSequence, AGradientIsNotLostInSilence) {
  Tensor leaf = Tensor::zeros({2});
  autograd::require_grad(leaf);
  const auto layout = RaggedLayout::from_lengths(List{2});
  test::expect_error<OptionError>(
      [&] {
        to_packed({leaf, layout});
      },
      "to_packed: tensor: expected a detached tensor, got one whose "
      "gradient is wanted and would be lost");
  PackedSequence packed = to_packed({Tensor::zeros({2}), layout});
  packed.data = leaf;
  EXPECT_THROW(from_packed(packed), OptionError);
}

}  // namespace
}  // namespace nopad
