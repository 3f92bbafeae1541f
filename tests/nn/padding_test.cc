// Models of layers that mix tokens, whatever padding their input came with.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/recurrent_inputs.h"
#include "nopad/autograd/backward.h"
#include "nopad/autograd/record.h"
#include "nopad/nn/batch_norm.h"
#include "nopad/nn/bidirectional.h"
#include "nopad/nn/conv1d.h"
#include "nopad/nn/group_norm.h"
#include "nopad/nn/gru.h"
#include "nopad/nn/lstm.h"
#include "nopad/nn/pooling.h"
#include "nopad/nn/sequential.h"
#include "nopad/nn/simple_rnn.h"
#include "nopad/nn/transformer.h"
#include "nopad/ragged/convert.h"
#include "ragged_checks.h"

namespace nopad::nn {
namespace {

constexpr int64_t kWidth = 3;

struct NamedModel {
  std::string name;
  Sequential model;
};

std::vector<NamedModel> models() {
  const LSTM sequences({.units = 5, .return_sequences = true});
  const Conv1D same({.filters = 4, .kernel_size = 3, .padding = WindowPadding::same()});
  const Conv1D strided({.filters = 4, .kernel_size = 2, .strides = 2});
  return {
      {"stacked LSTM", Sequential(sequences, LSTM({.units = 4}))},
      {"PyTorch's stack",
       Sequential(
           LSTM({.units = 4, .layers = 2, .bidirectional = true, .return_sequences = true}))},
      {"BiLSTM and mean", Sequential(Bidirectional(LSTM({.units = 4, .return_sequences = true})),
                                     GlobalAveragePooling1D())},
      {"BiGRU and maximum", Sequential(Bidirectional(GRU({.units = 4, .return_sequences = true})),
                                       GlobalMaxPooling1D())},
      {"convolution and RNN", Sequential(same, SimpleRNN({.units = 4}))},
      {"strides, windows and backward LSTM",
       Sequential(strided, MaxPooling1D({.pool_size = 2, .strides = 1}),
                  LSTM({.units = 4, .go_backwards = true}))},
      {"transformer and mean",
       Sequential(
           TransformerEncoderLayer({.hidden_size = kWidth, .num_heads = 1, .intermediate_size = 5}),
           GlobalAveragePooling1D())},
      {"causal transformer",
       Sequential(TransformerEncoderLayer({.hidden_size = kWidth,
                                           .num_heads = 3,
                                           .intermediate_size = 4,
                                           .norm_first = true,
                                           .pattern = AttentionPattern::causal()}))},
      {"norms over time", Sequential(GroupNorm(), BatchNorm(), LSTM({.units = 4}))},
  };
}

// Where a token of a sequence of this length stands in a row of the padded batch.
struct Placement {
  std::string name;
  int64_t width;
  std::function<int64_t(int64_t index, int64_t length)> column;
};

std::vector<Placement> placements(int64_t longest) {
  std::vector<Placement> out;
  for (int64_t more = 0; more <= 3; ++more) {
    const int64_t width = longest + more;
    out.push_back(
        {concat("right, ", more, " more"), width, [](int64_t index, int64_t) { return index; }});
    out.push_back({concat("left, ", more, " more"), width,
                   [=](int64_t index, int64_t length) { return width - length + index; }});
  }
  out.push_back({"holes", 2 * longest + 1,
                 [](int64_t index, int64_t length) { return 2 * index + length % 2; }});
  return out;
}

// The batch as it would come from elsewhere, NaN wherever there is no token.
RaggedTensor through_padding(const RaggedTensor& x, const Placement& placement) {
  const RaggedLayout& layout = x.layout();
  const int64_t b = layout.num_sequences(), width = placement.width;
  Tensor padded = Tensor::empty({b, width, kWidth});
  Tensor keep = Tensor::zeros({b, width}, DType::boolean);
  std::ranges::fill(padded.mutable_values<float>(), std::numeric_limits<float>::quiet_NaN());
  for (int64_t s = 0; s < b; ++s) {
    for (int64_t i = 0; i < layout.length(s); ++i) {
      const int64_t at = s * width + placement.column(i, layout.length(s));
      keep.mutable_values<bool>()[static_cast<size_t>(at)] = true;
      for (int64_t k = 0; k < kWidth; ++k) {
        padded.mutable_values<float>()[static_cast<size_t>(at * kWidth + k)] =
            x.values().values<float>()[static_cast<size_t>((layout.offset(s) + i) * kWidth + k)];
      }
    }
  }
  return from_padded(padded, keep);
}

// A result, then the gradients to all parameters of the sum of its squares.
std::vector<Tensor> run(const Sequential& model, const RaggedTensor& x) {
  const Tensor out = model(x).values();
  const autograd::Gradients gradients = autograd::backward(out, autograd::detach(out));
  std::vector<Tensor> all{autograd::detach(out)};
  for (const auto& [name, parameter] : model.parameters()) {
    if (parameter.is_trained()) all.push_back(gradients.of(*parameter));
  }
  return all;
}

bool is_finite(const Tensor& tensor) {
  return std::ranges::all_of(tensor.values<float>(),
                             [](float value) { return std::isfinite(value); });
}

TEST(Padding, ReachesNeitherResultsNorGradients) {
  const RaggedTensor x = test::random_tokens({4, 0, 7, 1, 3}, kWidth);
  for (const auto& [name, model] : models()) {
    const std::vector<Tensor> expected = run(model, x);
    ASSERT_GT(expected.size(), 3u);
    for (const Placement& placement : placements(7)) {
      SCOPED_TRACE(name + ", padding: " + placement.name);
      const std::vector<Tensor> actual = run(model, through_padding(x, placement));
      for (size_t i = 0; i < expected.size(); ++i) {
        EXPECT_TRUE(is_finite(actual[i])) << i;
        test::expect_same_bits(actual[i], expected[i]);
      }
    }
  }
}

TEST(Padding, AnEmptySequenceBesideAFullOneChangesNothing) {
  const RaggedTensor alone = test::random_tokens({9}, kWidth);
  for (const auto& [name, model] : models()) {
    const std::vector<Tensor> expected = run(model, alone);
    for (const std::vector<int64_t>& lengths : {std::vector<int64_t>{0, 9}, {9, 0}}) {
      SCOPED_TRACE(name);
      const RaggedTensor x(alone.values(), RaggedLayout::from_lengths(lengths));
      const std::vector<Tensor> actual = run(model, x);
      const int64_t full = lengths[0] == 0 ? 1 : 0;
      const bool has_rows = model.mask_rule() == MaskRule::reduces;
      test::expect_same_bits(has_rows ? actual[0].rows(full, full + 1) : actual[0], expected[0]);
      for (size_t i = 1; i < expected.size(); ++i) {
        EXPECT_TRUE(is_finite(actual[i])) << i;
        test::expect_same_bits(actual[i], expected[i]);
      }
    }
  }
}

TEST(Padding, NothingButEmptySequencesGivesZerosAndNoGradient) {
  for (const auto& [name, model] : models()) {
    model(test::random_tokens({3}, kWidth));  // weights
    for (const std::vector<int64_t>& lengths : {std::vector<int64_t>{0, 0}, {}}) {
      SCOPED_TRACE(name);
      for (const Tensor& tensor : run(model, test::random_tokens(lengths, kWidth))) {
        test::expect_same_bits(tensor, Tensor::zeros(tensor.shape()));
      }
    }
  }
}

TEST(Padding, ASequenceDoesNotFeelItsNeighbours) {
  const autograd::NoGradScope no_grad;
  const RaggedTensor x = test::random_tokens({4, 0, 9, 1, 3}, kWidth);
  for (const auto& [name, model] : models()) {
    SCOPED_TRACE(name);
    const Sequential layer = model;
    if (layer.mask_rule() == MaskRule::reduces) {
      test::expect_batch_equals_alone([&](const RaggedTensor& part) { return layer(part).dense(); },
                                      x);
    } else {
      test::expect_batch_equals_alone(
          [&](const RaggedTensor& part) { return layer(part).ragged(); }, x);
    }
  }
}

}  // namespace
}  // namespace nopad::nn
