// The border against what Keras and PyTorch gave; see tests/data/border/README.md.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "nopad/ragged/convert.h"
#include "recorded_tensors.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad {
namespace {

using test::list;

// Calls f for the cases 0, 1, ... of a file. Fails unless there are as many as expected.
template <class F>
void for_each_case(const std::string& file, int expected, F f) {
  int count = 0;
  for (; test::RecordedCase(file, std::to_string(count)).contains("lengths"); ++count) {
    SCOPED_TRACE(testing::Message() << file << ", case " << count);
    f(test::RecordedCase(file, std::to_string(count)));
  }
  EXPECT_EQ(count, expected);
}

std::vector<Tensor> sequences_of(const test::RecordedCase& recorded) {
  const auto layout = RaggedLayout::from_lengths(list<int64_t>(recorded.tensor("lengths")));
  const RaggedTensor batch(recorded.tensor("values"), layout);
  std::vector<Tensor> out;
  for (int64_t b = 0; b < layout.num_sequences(); ++b) out.push_back(batch.sequence(b));
  return out;
}

Side side_of(int64_t is_left) { return is_left != 0 ? Side::left : Side::right; }

TEST(BorderRecordings, PadSequencesGivesWhatKerasGives) {
  for_each_case("border/keras_pad_sequences", 24, [](const test::RecordedCase& recorded) {
    const auto config = list<int64_t>(recorded.tensor("config"));
    PadSequencesConfig ours{
        .padding = side_of(config[0]), .truncating = side_of(config[1]), .value = -3};
    if (config[2] != 0) ours.max_length = config[2];
    test::expect_same_bits(pad_sequences(sequences_of(recorded), ours), recorded.tensor("padded"));
  });
}

TEST(BorderRecordings, PadSequenceGivesWhatPyTorchGives) {
  for_each_case("border/torch_sequences", 12, [](const test::RecordedCase& recorded) {
    const bool batch_first = list<int64_t>(recorded.tensor("config"))[0] != 0;
    const std::vector<Tensor> sequences = sequences_of(recorded);
    PadSequenceConfig config{.batch_first = batch_first, .padding_value = -3};
    test::expect_same_bits(pad_sequence(sequences, config), recorded.tensor("padded"));
    config.padding_side = Side::left;
    test::expect_same_bits(pad_sequence(sequences, config), recorded.tensor("padded_left"));
    const auto lengths = list<int64_t>(recorded.tensor("lengths"));
    const auto again =
        unpad_sequence(recorded.tensor("padded"), lengths, {.batch_first = batch_first});
    for (size_t b = 0; b < sequences.size(); ++b) test::expect_same_bits(again[b], sequences[b]);
  });
}

TEST(BorderRecordings, PackingGivesWhatPyTorchGives) {
  for_each_case("border/torch_sequences", 12, [](const test::RecordedCase& recorded) {
    const bool batch_first = list<int64_t>(recorded.tensor("config"))[0] != 0;
    const PackedSequence packed =
        pack_padded_sequence(recorded.tensor("padded"), list<int64_t>(recorded.tensor("lengths")),
                             {.batch_first = batch_first, .enforce_sorted = false});
    test::expect_same_bits(packed.data, recorded.tensor("packed.data"));
    EXPECT_EQ(packed.batch_sizes, list<int64_t>(recorded.tensor("packed.batch_sizes")));
    EXPECT_EQ(packed.sorted_indices, list<int64_t>(recorded.tensor("packed.sorted_indices")));
    EXPECT_EQ(packed.unsorted_indices, list<int64_t>(recorded.tensor("packed.unsorted_indices")));
  });
}

TEST(BorderRecordings, PaddingAPackedSequenceGivesWhatPyTorchGives) {
  for_each_case("border/torch_sequences", 12, [](const test::RecordedCase& recorded) {
    const auto config = list<int64_t>(recorded.tensor("config"));
    const PackedSequence packed{
        .data = recorded.tensor("packed.data"),
        .batch_sizes = list<int64_t>(recorded.tensor("packed.batch_sizes")),
        .sorted_indices = list<int64_t>(recorded.tensor("packed.sorted_indices")),
        .unsorted_indices = list<int64_t>(recorded.tensor("packed.unsorted_indices"))};
    const auto [values, lengths] = pad_packed_sequence(
        packed, {.batch_first = config[0] != 0, .padding_value = -4, .total_length = config[1]});
    test::expect_same_bits(values, recorded.tensor("padded_again"));
    EXPECT_EQ(lengths, list<int64_t>(recorded.tensor("lengths_again")));
  });
}

}  // namespace
}  // namespace nopad
