#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "gradients.h"
#include "nopad/autograd/backward.h"
#include "nopad/core/execution.h"
#include "nopad/ops/recurrent.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

constexpr std::array kDirections = {Direction::forward, Direction::backward,
                                    Direction::bidirectional};
constexpr std::array<int64_t, 4> kLengths = {3, 0, 1, 4};
constexpr int64_t kUnits = 3;

// One of the ops, its operands in a list and its results too.
struct Case {
  int64_t num_gates;
  bool has_bias, has_cell;
  std::vector<Tensor> (*run)(const RaggedLayout& layout, std::span<const Tensor> x, Direction);
};

template <GruReset kReset>
std::vector<Tensor> run_gru(const RaggedLayout& layout, std::span<const Tensor> x,
                            Direction direction) {
  const auto out = gru_recurrence({x[0], layout}, x[1], x[2], x[3], {direction, kReset});
  return {out.output.values(), out.h};
}
template <Activation kActivation>
std::vector<Tensor> run_rnn(const RaggedLayout& layout, std::span<const Tensor> x,
                            Direction direction) {
  const auto out = rnn_recurrence({x[0], layout}, x[1], x[2], {direction, kActivation});
  return {out.output.values(), out.h};
}
std::vector<Tensor> run_lstm(const RaggedLayout& layout, std::span<const Tensor> x,
                             Direction direction) {
  const auto out = lstm_recurrence({x[0], layout}, x[1], x[2], x[3], {.direction = direction});
  return {out.output.values(), out.h, out.c};
}

constexpr std::array kCases = {
    Case{4, false, true, run_lstm},
    Case{3, true, false, run_gru<GruReset::after>},
    Case{3, true, false, run_gru<GruReset::before>},
    Case{1, false, false, run_rnn<Activation::tanh>},
    Case{1, false, false, run_rnn<Activation::relu>},
};

std::vector<Tensor> make_operands(const Case& c, const RaggedLayout& layout, Direction direction,
                                  int64_t units, DType dtype) {
  test::Random random(7);
  const auto make = [&](std::vector<int64_t> dims) {
    if (direction == Direction::bidirectional) dims.insert(dims.begin(), 2);
    return random.tensor(Shape(dims), -0.5f, 0.5f).to(dtype);
  };
  const int64_t n = direction == Direction::bidirectional ? 2 : 1, width = c.num_gates * units;
  std::vector<Tensor> x{random.tensor({layout.num_tokens(), n * width}).to(dtype),
                        make({width, units})};
  if (c.has_bias) x.push_back(make({width}));
  x.push_back(make({layout.num_sequences(), units}));
  if (c.has_cell) x.push_back(make({layout.num_sequences(), units}));
  return x;
}

// The gradients of all operands from random ones of all results.
std::vector<Tensor> gradients(const Case& c, const RaggedLayout& layout, Direction direction,
                              std::vector<Tensor> x) {
  for (Tensor& operand : x) autograd::require_grad(operand);
  const std::vector<Tensor> out = c.run(layout, x, direction);
  test::Random random(8);
  std::vector<Tensor> d_out;
  for (const Tensor& result : out) {
    d_out.push_back(random.tensor(result.shape()).to(result.dtype()));
  }
  const autograd::Gradients found = autograd::backward(out, d_out);
  std::vector<Tensor> d;
  for (const Tensor& operand : x) d.push_back(found.of(operand));
  return d;
}

TEST(RecurrentGradients, AreThoseOfCentralDifferences) {
  const auto layout = RaggedLayout::from_lengths(kLengths);
  for (const Case& c : kCases) {
    for (const Direction direction : kDirections) {
      const auto x = make_operands(c, layout, direction, kUnits, DType::f64);
      const size_t num_results = c.has_cell ? 3 : 2;
      for (size_t result = 0; result < num_results; ++result) {
        test::expect_gradients(
            [&](std::span<const Tensor> operands) {
              return c.run(layout, operands, direction)[result];
            },
            x);
      }
    }
  }
}

TEST(RecurrentGradients, InF32AreCloseToThoseInF64) {
  test::Random random(9);
  const auto layout = RaggedLayout::from_lengths(random.lengths(8, 40));
  for (const Case& c : kCases) {
    for (const Direction direction : kDirections) {
      const auto x = make_operands(c, layout, direction, 17, DType::f32);
      std::vector<Tensor> x64;
      for (const Tensor& operand : x) x64.push_back(operand.to(DType::f64));
      const auto actual = gradients(c, layout, direction, x);
      const auto expected = gradients(c, layout, direction, x64);
      for (size_t i = 0; i < x.size(); ++i) {
        test::expect_close(actual[i], expected[i], {2e-5, 2e-5});
      }
    }
  }
}

TEST(RecurrentGradients, AndResultsHaveTheSameBitsOnAnyNumberOfThreads) {
  test::Random random(10);
  const auto layout = RaggedLayout::from_lengths(random.lengths(11, 50));
  for (const Case& c : kCases) {
    for (const Direction direction : kDirections) {
      const auto x = make_operands(c, layout, direction, 9, DType::f32);
      const auto run = [&](int threads) {
        const Execution execution({.num_threads = threads});
        const ExecutionScope scope(execution);
        std::vector<Tensor> all = c.run(layout, x, direction);
        std::ranges::move(gradients(c, layout, direction, x), std::back_inserter(all));
        return all;
      };
      const auto alone = run(1);
      for (const int threads : {2, 3, 7, 16}) {
        const auto together = run(threads);
        for (size_t i = 0; i < alone.size(); ++i) test::expect_same_bits(together[i], alone[i]);
      }
    }
  }
}

// A sequence of NaN that the loss leaves out reaches no gradient: not the weights', not its own.
TEST(RecurrentGradients, ADroppedSequenceOfNanReachesNone) {
  const RaggedLayout layout = RaggedLayout::from_lengths(kLengths);
  for (const Case& c : kCases) {
    for (const Direction direction : kDirections) {
      const auto clean = make_operands(c, layout, direction, kUnits, DType::f32);
      auto poisoned = clean;
      poisoned[0] = Tensor::from_values(clean[0].values<float>(), clean[0].shape());
      const auto nan_rows = [&](Tensor& t, float value) {
        const auto values = t.mutable_values<float>();
        const auto width = values.size() / 8;
        std::ranges::fill(values.subspan(3 * width, width), value);  // token 3: sequence 2
      };
      nan_rows(poisoned[0], std::numeric_limits<float>::quiet_NaN());
      const auto run = [&](std::vector<Tensor> x) {
        for (Tensor& operand : x) autograd::require_grad(operand);
        const Tensor output = c.run(layout, x, direction)[0];
        Tensor d_output = test::Random(11).tensor(output.shape());
        nan_rows(d_output, 0.0f);
        const autograd::Gradients found = autograd::backward(output, d_output);
        std::vector<Tensor> d;
        for (const Tensor& operand : x) d.push_back(found.of(operand));
        return d;
      };
      const auto expected = run(clean), actual = run(poisoned);
      for (size_t i = 0; i < expected.size(); ++i) {
        test::expect_close(actual[i], expected[i], test::kExact);
      }
    }
  }
}

TEST(RecurrentGradients, OfNoTokensAreZerosAndPassTheStatesOn) {
  const RaggedLayout layout = RaggedLayout::from_lengths(std::array<int64_t, 2>{0, 0});
  for (const Case& c : kCases) {
    const auto x = make_operands(c, layout, Direction::forward, kUnits, DType::f32);
    auto learned = x;
    for (Tensor& operand : learned) autograd::require_grad(operand);
    const Tensor h = c.run(layout, learned, Direction::forward)[1];
    const Tensor d_h = test::Random(12).tensor(h.shape());
    const autograd::Gradients found = autograd::backward(h, d_h);
    test::expect_close(found.of(learned[1]), Tensor::zeros(x[1].shape()), test::kExact);
    test::expect_same_bits(found.of(learned[c.has_bias ? 3 : 2]), d_h);
  }
}

TEST(RecurrentGradients, NothingIsRecordedWhereNoneIsWanted) {
  const auto layout = RaggedLayout::from_lengths(kLengths);
  for (const Case& c : kCases) {
    auto x = make_operands(c, layout, Direction::forward, kUnits, DType::f32);
    for (const Tensor& out : c.run(layout, x, Direction::forward)) {
      EXPECT_FALSE(autograd::needs_grad(out));
    }
    autograd::require_grad(x[1]);
    const autograd::NoGradScope no_grad;
    for (const Tensor& out : c.run(layout, x, Direction::forward)) {
      EXPECT_FALSE(autograd::needs_grad(out));
    }
  }
}

}  // namespace
}  // namespace nopad::ops
