#include "nopad/ragged/sequences.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "expect_error.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "random.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad {
namespace {

using test::bools;
using test::list;
using test::tensor_of;

// The first rows are what Keras 3.15.1 prints for the same calls.
TEST(PadSequences, DefaultsAreThoseOfKeras) {
  const Tensor padded = pad_sequences({{1, 2, 3}, {4}});
  EXPECT_EQ(padded.dtype(), DType::i32);
  EXPECT_EQ(padded.shape(), Shape({2, 3}));
  EXPECT_EQ(list<int32_t>(padded), (std::vector<int32_t>{1, 2, 3, 0, 0, 4}));
  EXPECT_EQ(list<int32_t>(pad_sequences({{1, 2, 3}, {4}}, {.max_length = 2})),
            (std::vector<int32_t>{2, 3, 0, 4}));
  EXPECT_EQ(list<int32_t>(pad_sequences({{}, {1}}, {.value = 9})), (std::vector<int32_t>{9, 1}));
}

TEST(PadSequences, PadsAndCutsAtEitherSide) {
  const std::vector<std::vector<int64_t>> ids = {{1, 2, 3}, {4}};
  EXPECT_EQ(list<int32_t>(pad_sequences(ids, {.padding = Side::right})),
            (std::vector<int32_t>{1, 2, 3, 4, 0, 0}));
  EXPECT_EQ(list<int32_t>(pad_sequences(ids, {.max_length = 2, .truncating = Side::right})),
            (std::vector<int32_t>{1, 2, 0, 4}));
  EXPECT_EQ(list<int32_t>(pad_sequences(ids, {.max_length = 2, .padding = Side::right})),
            (std::vector<int32_t>{2, 3, 4, 0}));
  EXPECT_EQ(list<int32_t>(pad_sequences(ids, {.max_length = 5, .value = -1})),
            (std::vector<int32_t>{-1, -1, 1, 2, 3, -1, -1, -1, -1, 4}));
}

TEST(PadSequences, TheNotebooksIdsPadOnTheRight) {
  const Tensor padded =
      pad_sequences({{83, 91, 1, 645, 1253, 927}, {73, 8, 3215, 55, 927}, {711, 632, 71}},
                    {.padding = Side::right});
  EXPECT_EQ(list<int32_t>(padded), (std::vector<int32_t>{83, 91, 1, 645, 1253, 927, 73, 8, 3215, 55,
                                                         927, 0, 711, 632, 71, 0, 0, 0}));
}

// Two braces inside two more could be taken for a pair of iterators.
TEST(PadSequences, PairsOfIdsAreIds) {
  EXPECT_EQ(list<int32_t>(pad_sequences({{5, 6}})), (std::vector<int32_t>{5, 6}));
  EXPECT_EQ(list<int32_t>(pad_sequences({{1, 2}, {3, 4}})), (std::vector<int32_t>{1, 2, 3, 4}));
}

TEST(PadSequences, WithoutIdsThereIsOnlyPaddingOrNothing) {
  EXPECT_EQ(pad_sequences({}).shape(), Shape({0, 0}));
  EXPECT_EQ(pad_sequences({}, {.max_length = 4}).shape(), Shape({0, 4}));
  EXPECT_EQ(pad_sequences(std::vector<std::vector<int64_t>>(1)).shape(), Shape({1, 0}));
}

TEST(PadSequences, FloatsStayFloatsUnlessAskedFor) {
  const std::vector<std::vector<float>> floats = {{1.5f, 2}, {-3}};
  const Tensor padded = pad_sequences(floats, {.value = 0.5});
  EXPECT_EQ(list<float>(padded), (std::vector<float>{1.5f, 2, 0.5f, -3}));
  const std::vector<std::vector<double>> whole = {{1, 2}, {-3}};
  EXPECT_EQ(pad_sequences(whole).dtype(), DType::f32);
  EXPECT_EQ(list<int32_t>(pad_sequences(whole, {.dtype = DType::i32})),
            (std::vector<int32_t>{1, 2, 0, -3}));
  EXPECT_EQ(list<double>(pad_sequences({{1, 2}, {3}}, {.dtype = DType::f64})),
            (std::vector<double>{1, 2, 0, 3}));
}

TEST(PadSequences, TakesSequencesOfFeatureRows) {
  const std::vector<Tensor> rows = {tensor_of<float>({2, 2}, {1, 2, 3, 4}),
                                    tensor_of<float>({0, 2}, {}), tensor_of<float>({1, 2}, {5, 6})};
  const Tensor padded = pad_sequences(rows, {.value = -1});
  EXPECT_EQ(padded.shape(), Shape({3, 2, 2}));
  EXPECT_EQ(list<float>(padded), (std::vector<float>{1, 2, 3, 4, -1, -1, -1, -1, -1, -1, 5, 6}));
  const Tensor cut =
      pad_sequences(rows, {.max_length = 1, .truncating = Side::right, .dtype = DType::i64});
  EXPECT_EQ(list<int64_t>(cut), (std::vector<int64_t>{1, 2, 0, 0, 5, 6}));
}

TEST(PadSequences, WithKeepItAlsoTellsWhichCellsAreTokens) {
  const std::vector<std::vector<int64_t>> ids = {{0, 7, 0}, {0}, {}};
  const auto [values, keep] = pad_sequences_with_keep(ids, {.max_length = 2});
  EXPECT_EQ(list<int32_t>(values), (std::vector<int32_t>{7, 0, 0, 0, 0, 0}));
  test::expect_same_bits(keep, bools({3, 2}, {1, 1, 0, 1, 0, 0}));
  const auto right = pad_sequences_with_keep(ids, {.max_length = 4, .padding = Side::right});
  test::expect_same_bits(right.keep, bools({3, 4}, {1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0}));
  const auto none = pad_sequences_with_keep({}, {.max_length = 4});
  EXPECT_EQ(none.values.dtype(), DType::i32);
  test::expect_same_bits(none.keep, bools({0, 4}, {}));
}

TEST(PadSequences, ValuesBeyondTheDtypeAreRefused) {
  const int64_t large = int64_t{1} << 40;
  test::expect_error<InputError>(
      [&] {
        pad_sequences({{1}, {2, large}});
      },
      "pad_sequences: sequence 1: expected values of i32, got 1099511627776 at index 1");
  EXPECT_EQ(list<int64_t>(pad_sequences({{large}}, {.dtype = DType::i64})),
            (std::vector<int64_t>{large}));
  test::expect_error<OptionError>([&] { pad_sequences({{1}}, {.value = -0.5}); },
                                  "pad_sequences: value: expected a value of i32, got -0.5");
}

// Keras makes 1.7 a 1.
TEST(PadSequences, FloatsAreNotCutToIntegers) {
  const std::vector<std::vector<float>> floats = {{1, 2, 1.75f}};
  test::expect_error<InputError>(
      [&] { pad_sequences(floats, {.max_length = 2, .dtype = DType::i32}); },
      "pad_sequences: sequence 0: expected values of i32, got 1.75 at index 2");
  // What is cut off is not looked at.
  EXPECT_EQ(list<int32_t>(pad_sequences(
                floats, {.max_length = 2, .truncating = Side::right, .dtype = DType::i32})),
            (std::vector<int32_t>{1, 2}));
}

TEST(PadSequences, ImpossibleSettingsAreRefused) {
  test::expect_error<OptionError>([] { pad_sequences({{1}}, {.max_length = 0}); },
                                  "pad_sequences: max_length: expected 1 or more, got 0");
}

TEST(PadSequences, SequencesThatDifferInKindAreRefused) {
  const Tensor two = Tensor::zeros({3, 2});
  test::expect_error<ShapeError>(
      [&] {
        pad_sequences(std::vector<Tensor>{two, Tensor::zeros({3, 4})});
      },
      "pad_sequences: sequence 1: expected the dimensions of sequence 0's [3, 2] after the first, "
      "got [3, 4]");
  test::expect_error<DTypeError>(
      [&] {
        pad_sequences(std::vector<Tensor>{two, Tensor::zeros({3, 2}, DType::i32)});
      },
      "pad_sequences: sequence 1: expected f32 as sequence 0 has, got i32");
  test::expect_error<ShapeError>([&] { pad_sequences(std::vector<Tensor>{Tensor::zeros({})}); },
                                 "pad_sequences: sequence 0: expected [length, ...], got a scalar");
}

TEST(PadSequences, RandomIdsComeBackThroughFromPadded) {
  test::Random random(53);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::vector<int64_t>> ids;
    for (const int64_t length : random.lengths(random.integer(0, 6), 40)) {
      ids.emplace_back();
      for (int64_t i = 0; i < length; ++i) ids.back().push_back(random.integer(1, 5000));
    }
    const Side side = random.coin() ? Side::left : Side::right;
    const Tensor padded = pad_sequences(ids, {.padding = side, .dtype = DType::i64});
    const RaggedTensor ragged = from_padded(padded, padded.to(DType::boolean));
    for (size_t b = 0; b < ids.size(); ++b) {
      EXPECT_EQ(list<int64_t>(ragged.sequence(static_cast<int64_t>(b))), ids[b]);
    }
  }
}

TEST(FromSequences, PutsThemEndToEnd) {
  const RaggedTensor ids = from_sequences({{83, 91, 1}, {}, {73, 8}});
  EXPECT_EQ(list<int64_t>(ids.values()), (std::vector<int64_t>{83, 91, 1, 73, 8}));
  EXPECT_EQ(list<int64_t>(ids.layout().lengths()), (std::vector<int64_t>{3, 0, 2}));
  const RaggedTensor rows = from_sequences(
      std::vector{tensor_of<float>({1, 2}, {1, 2}), tensor_of<float>({2, 2}, {3, 4, 5, 6})});
  EXPECT_EQ(rows.values().shape(), Shape({3, 2}));
  EXPECT_EQ(list<float>(rows.values()), (std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST(FromSequences, NoneAreAnEmptyBatch) {
  const RaggedTensor none = from_sequences({});
  EXPECT_EQ(none.values().dtype(), DType::i64);
  EXPECT_EQ(none.layout().num_sequences(), 0);
  EXPECT_EQ(from_sequences(std::vector<std::vector<float>>(2)).values().shape(), Shape({0}));
}

const std::vector<Tensor>& three_sequences() {
  static const std::vector<Tensor> kThree = {tensor_of<int32_t>({2}, {1, 2}),
                                             tensor_of<int32_t>({0}, {}),
                                             tensor_of<int32_t>({3}, {3, 4, 5})};
  return kThree;
}

TEST(PadSequence, IsTimeFirstUnlessAskedFor) {
  const Tensor padded = pad_sequence(three_sequences());
  EXPECT_EQ(padded.shape(), Shape({3, 3}));
  EXPECT_EQ(list<int32_t>(padded), (std::vector<int32_t>{1, 0, 3, 2, 0, 4, 0, 0, 5}));
  EXPECT_EQ(list<int32_t>(pad_sequence(three_sequences(), {.batch_first = true})),
            (std::vector<int32_t>{1, 2, 0, 0, 0, 0, 3, 4, 5}));
}

TEST(PadSequence, PadsWithAnyValueOnEitherSide) {
  const PadSequenceConfig left{
      .batch_first = true, .padding_value = -1, .padding_side = Side::left};
  EXPECT_EQ(list<int32_t>(pad_sequence(three_sequences(), left)),
            (std::vector<int32_t>{-1, 1, 2, -1, -1, -1, 3, 4, 5}));
  // PyTorch makes -1.5 a -1.
  test::expect_error<OptionError>([] { pad_sequence(three_sequences(), {.padding_value = -1.5}); },
                                  "pad_sequence: padding_value: expected a value of i32, got -1.5");
}

TEST(PadSequence, OfNothingIsEmpty) { EXPECT_EQ(pad_sequence({}).shape(), Shape({0, 0})); }

TEST(UnpadSequence, GivesTheSequencesBack) {
  const std::vector<int64_t> lengths = {2, 0, 3};
  for (const bool batch_first : {false, true}) {
    const Tensor padded = pad_sequence(three_sequences(), {.batch_first = batch_first});
    const auto sequences = unpad_sequence(padded, lengths, {.batch_first = batch_first});
    ASSERT_EQ(sequences.size(), 3u);
    for (size_t b = 0; b < 3; ++b) test::expect_same_bits(sequences[b], three_sequences()[b]);
  }
}

// PyTorch's unpad_sequence transposes the tensor that it is given.
TEST(UnpadSequence, LeavesTheCallersTensorAlone) {
  Tensor padded = tensor_of<int32_t>({3, 2}, {1, 4, 2, 5, 3, 0});
  const auto sequences = unpad_sequence(padded, std::vector<int64_t>{3, 2});
  EXPECT_EQ(padded.shape(), Shape({3, 2}));
  padded.mutable_values<int32_t>()[0] = 99;
  EXPECT_EQ(list<int32_t>(sequences[0]), (std::vector<int32_t>{1, 2, 3}));
}

TEST(UnpadSequence, LengthsThatDoNotFitAreRefused) {
  const Tensor padded = Tensor::zeros({4, 2, 5});
  test::expect_error<ShapeError>(
      [&] {
        unpad_sequence(padded, std::vector<int64_t>{1, 2, 3});
      },
      "unpad_sequence: padded: expected [L, B, ...] with B=3, got [4, 2, 5]");
  test::expect_error<LayoutError>(
      [&] {
        unpad_sequence(padded, std::vector<int64_t>{4, 5});
      },
      "unpad_sequence: lengths: expected 0 to 4, got 5 for sequence 1");
}

TEST(Sequences, AGradientIsNotLostInSilence) {
  Tensor leaf = Tensor::zeros({2, 3});
  autograd::require_grad(leaf);
  const std::string rest =
      ": expected a detached tensor, got one whose gradient is wanted and would be lost";
  test::expect_error<OptionError>([&] { pad_sequence({leaf}); }, "pad_sequence: sequence 0" + rest);
  test::expect_error<OptionError>(
      [&] {
        unpad_sequence(leaf, std::vector<int64_t>{1, 1, 1});
      },
      "unpad_sequence: padded" + rest);
  EXPECT_NO_THROW(pad_sequence({autograd::detach(leaf)}));
}

}  // namespace
}  // namespace nopad
