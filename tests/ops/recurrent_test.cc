#include "nopad/ops/recurrent.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "expect_error.h"
#include "nopad/autograd/backward.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "ops/recurrent_reference.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

constexpr std::array kDirections = {Direction::forward, Direction::backward,
                                    Direction::bidirectional};

int64_t directions_of(Direction direction) { return direction == Direction::bidirectional ? 2 : 1; }

// Operands of f32 for G gates and U units, small enough that no gate saturates and no state grows.
struct Operands {
  RaggedTensor gates;
  Tensor weight, bias, h0, c0;
};

Operands make_operands(test::Random& random, const RaggedLayout& layout, Direction direction,
                       int64_t num_gates, int64_t units) {
  const int64_t n = directions_of(direction), width = num_gates * units;
  const auto shape = [&](std::vector<int64_t> dims) {
    if (n == 2) dims.insert(dims.begin(), 2);
    return Shape(dims);
  };
  const float limit = 0.7f / std::sqrt(static_cast<float>(units));
  const Shape states = shape({layout.num_sequences(), units});
  return {{random.tensor({layout.num_tokens(), n * width}), layout},
          random.tensor(shape({width, units}), -limit, limit),
          random.tensor(shape({width})),
          random.tensor(states),
          random.tensor(states)};
}

RaggedLayout layout_of(std::initializer_list<int64_t> lengths) {
  return RaggedLayout::from_lengths(std::vector(lengths));
}

test::PlainOperands to_f64(const Operands& x, Direction direction) {
  return {x.gates.with_values(x.gates.values().to(DType::f64)),
          x.weight.to(DType::f64),
          x.bias.to(DType::f64),
          x.h0.to(DType::f64),
          x.c0.to(DType::f64),
          direction};
}

TEST(Lstm, OneStepByHand) {
  // One unit, h0 = 1, c0 = 2, all weights 1, gates -1: every sum is 0, but g's, which is 1 - 1 + 1.
  const RaggedTensor gates(Tensor::from_values<float>(std::array{-1.f, -1.f, 0.f, -1.f}, {1, 4}),
                           layout_of({1}));
  const Tensor weight = Tensor::from_values<float>(std::array{1.f, 1.f, 1.f, 1.f}, {4, 1});
  const LstmResult out =
      lstm_recurrence(gates, weight, Tensor::from_values<float>(std::array{1.f}, {1, 1}),
                      Tensor::from_values<float>(std::array{2.f}, {1, 1}));
  const double c = 0.5 * 2 + 0.5 * std::tanh(1.0);
  test::expect_close(out.c.values<float>(), std::array{c}, test::kF32);
  test::expect_close(out.h.values<float>(), std::array{0.5 * std::tanh(c)}, test::kF32);
  test::expect_same_bits(out.output.values(), out.h);
}

TEST(Gru, OneStepByHandWithEitherReset) {
  // r = z = σ(0), the candidate's sum from h is 3 and its bias 1, its gate -1.
  const RaggedTensor gates(Tensor::from_values<float>(std::array{0.f, 0.f, -1.f}, {1, 3}),
                           layout_of({1}));
  const Tensor weight = Tensor::from_values<float>(std::array{0.f, 0.f, 3.f}, {3, 1});
  const Tensor bias = Tensor::from_values<float>(std::array{0.f, 0.f, 1.f}, {3});
  const Tensor h0 = Tensor::from_values<float>(std::array{1.f}, {1, 1});
  const auto h = [&](GruReset reset) {
    return gru_recurrence(gates, weight, bias, h0, {.reset = reset}).h;
  };
  test::expect_close(h(GruReset::after).values<float>(),
                     std::array{0.5 * std::tanh(-1 + 0.5 * 4) + 0.5}, test::kF32);
  test::expect_close(h(GruReset::before).values<float>(),
                     std::array{0.5 * std::tanh(-1 + 3 * 0.5 + 1) + 0.5}, test::kF32);
}

TEST(Rnn, TwoStepsByHandInBothDirections) {
  // relu(x + h) with the inputs 1, -3, 2 sums up, and starts anew where it falls below zero.
  const RaggedTensor gates(Tensor::from_values<float>(std::array{1.f, -3.f, 2.f}, {3, 1}),
                           layout_of({3}));
  const Tensor weight = Tensor::from_values<float>(std::array{1.f}, {1, 1});
  const auto run = [&](Direction direction) {
    return rnn_recurrence(gates, weight, {},
                          {.direction = direction, .activation = Activation::relu});
  };
  const RecurrentResult forward = run(Direction::forward), backward = run(Direction::backward);
  test::expect_close(forward.output.values().values<float>(), std::array{1, 0, 2}, test::kExact);
  test::expect_close(forward.h.values<float>(), std::array{2}, test::kExact);
  test::expect_close(backward.output.values().values<float>(), std::array{1, 0, 2}, test::kExact);
  test::expect_close(backward.h.values<float>(), std::array{1}, test::kExact);
}

TEST(Recurrences, EqualPlainLoopsOverEachSequence) {
  test::Random random(1);
  for (const Direction direction : kDirections) {
    for (const int64_t units : {1, 5, 17, 50}) {
      const auto layout = RaggedLayout::from_lengths(random.lengths(6, 40));
      const Operands lstm = make_operands(random, layout, direction, 4, units);
      const Operands gru = make_operands(random, layout, direction, 3, units);
      const Operands rnn = make_operands(random, layout, direction, 1, units);
      const auto expect = [](const test::PlainResult& expected, const RaggedTensor& output,
                             const Tensor& h) {
        test::expect_close(output.values().values<float>(), expected.output, {5e-6, 1e-5});
        test::expect_close(h.values<float>(), expected.h, {5e-6, 1e-5});
      };
      const LstmResult a =
          lstm_recurrence(lstm.gates, lstm.weight, lstm.h0, lstm.c0, {.direction = direction});
      test::PlainOperands lstm64 = to_f64(lstm, direction);
      lstm64.bias = {};
      const auto plain = test::run_plainly(lstm64, 4, &test::PlainRecurrence::lstm);
      expect(plain, a.output, a.h);
      test::expect_close(a.c.values<float>(), plain.c, {5e-6, 1e-5});
      for (const GruReset reset : {GruReset::after, GruReset::before}) {
        const auto b = gru_recurrence(gru.gates, gru.weight, gru.bias, gru.h0, {direction, reset});
        test::PlainOperands x = to_f64(gru, direction);
        x.options.reset = reset;
        expect(test::run_plainly(x, 3, &test::PlainRecurrence::gru), b.output, b.h);
      }
      for (const Activation activation : {Activation::tanh, Activation::relu}) {
        const auto b = rnn_recurrence(rnn.gates, rnn.weight, rnn.h0, {direction, activation});
        test::PlainOperands x = to_f64(rnn, direction);
        x.bias = {};
        x.options.activation = activation;
        expect(test::run_plainly(x, 1, &test::PlainRecurrence::rnn), b.output, b.h);
      }
    }
  }
}

TEST(Recurrences, LeaveOutWhatIsNotGiven) {
  test::Random random(2);
  const RaggedLayout layout = layout_of({3, 0, 5});
  const Operands x = make_operands(random, layout, Direction::forward, 3, 4);
  const Tensor zeros = Tensor::zeros({3, 4});
  const RecurrentResult given = gru_recurrence(x.gates, x.weight, Tensor::zeros({12}), zeros);
  const RecurrentResult left_out = gru_recurrence(x.gates, x.weight);
  test::expect_close(left_out.output.values(), given.output.values(), test::kExact);
  test::expect_close(left_out.h, given.h, test::kExact);
}

TEST(Recurrences, ASequenceHasTheSameBitsInAnyBatch) {
  test::Random random(3);
  for (const int64_t units : {3, 33}) {
    const auto layout = RaggedLayout::from_lengths(random.lengths(9, 40));
    for (const Direction direction : kDirections) {
      const Operands lstm = make_operands(random, layout, direction, 4, units);
      const auto run_lstm = [&](const RaggedTensor& gates) {
        return lstm_recurrence(gates, lstm.weight, {}, {}, {.direction = direction});
      };
      test::expect_batch_equals_alone([&](const auto& gates) { return run_lstm(gates).output; },
                                      lstm.gates);
      const Operands gru = make_operands(random, layout, direction, 3, units);
      for (const GruReset reset : {GruReset::after, GruReset::before}) {
        const auto run_gru = [&](const RaggedTensor& gates) {
          return gru_recurrence(gates, gru.weight, gru.bias, {}, {direction, reset}).output;
        };
        test::expect_batch_equals_alone(run_gru, gru.gates);
      }
      const Operands rnn = make_operands(random, layout, direction, 1, units);
      const auto run_rnn = [&](const RaggedTensor& gates) {
        return rnn_recurrence(gates, rnn.weight, {}, {.direction = direction}).output;
      };
      test::expect_batch_equals_alone(run_rnn, rnn.gates);
      if (direction == Direction::bidirectional) continue;  // its states are [2, B, U]
      test::expect_batch_equals_alone([&](const auto& gates) { return run_lstm(gates).h; },
                                      lstm.gates);
      test::expect_batch_equals_alone([&](const auto& gates) { return run_lstm(gates).c; },
                                      lstm.gates);
    }
  }
}

TEST(Recurrences, BothDirectionsAreTheTwoBesideEachOther) {
  test::Random random(4);
  const RaggedLayout layout = layout_of({4, 0, 1, 9});
  const Operands x = make_operands(random, layout, Direction::bidirectional, 4, 3);
  const LstmResult both =
      lstm_recurrence(x.gates, x.weight, x.h0, x.c0, {.direction = Direction::bidirectional});
  for (const int64_t d : {0, 1}) {
    Tensor gates = Tensor::empty({14, 12}), output = Tensor::empty({14, 3});
    for (int64_t token = 0; token < 14; ++token) {
      const auto from =
          x.gates.values().values<float>().subspan(static_cast<size_t>(token * 24 + d * 12), 12);
      std::ranges::copy(from, gates.mutable_values<float>().begin() + token * 12);
      const auto out =
          both.output.values().values<float>().subspan(static_cast<size_t>(token * 6 + d * 3), 3);
      std::ranges::copy(out, output.mutable_values<float>().begin() + token * 3);
    }
    const auto part = [&](const Tensor& of) {
      return of.rows(d, d + 1).reshape({of.dim(1), of.dim(2)});
    };
    const LstmResult one =
        lstm_recurrence({gates, layout}, part(x.weight), part(x.h0), part(x.c0),
                        {.direction = d == 0 ? Direction::forward : Direction::backward});
    test::expect_same_bits(one.output.values(), output);
    test::expect_same_bits(one.h, part(both.h));
    test::expect_same_bits(one.c, part(both.c));
  }
}

TEST(Recurrences, AnEmptySequenceKeepsItsInitialState) {
  test::Random random(5);
  const RaggedLayout layout = layout_of({0, 2, 0});
  const Operands x = make_operands(random, layout, Direction::forward, 4, 3);
  const LstmResult out = lstm_recurrence(x.gates, x.weight, x.h0, x.c0);
  for (const int64_t b : {0, 2}) {
    test::expect_same_bits(out.h.rows(b, b + 1), x.h0.rows(b, b + 1));
    test::expect_same_bits(out.c.rows(b, b + 1), x.c0.rows(b, b + 1));
  }
}

TEST(Recurrences, NoSequencesAndNoTokensAreFine) {
  test::Random random(6);
  for (const RaggedLayout& layout : {RaggedLayout(), layout_of({0, 0})}) {
    for (const Direction direction : kDirections) {
      const int64_t n = directions_of(direction), b = layout.num_sequences();
      const Operands x = make_operands(random, layout, direction, 3, 2);
      const auto out = gru_recurrence(x.gates, x.weight, x.bias, x.h0, {.direction = direction});
      EXPECT_EQ(out.output.values().shape(), (Shape{0, n * 2}));
      EXPECT_EQ(out.h.shape(), n == 2 ? (Shape{2, b, 2}) : (Shape{b, 2}));
      test::expect_same_bits(out.h, x.h0);
    }
  }
}

TEST(Recurrences, NameTheOperandThatDoesNotFit) {
  const RaggedTensor gates(Tensor::zeros({3, 8}), layout_of({1, 2}));
  const Tensor weight = Tensor::zeros({8, 2});
  const auto lstm = [&](const RaggedTensor& g, const Tensor& w, const Tensor& h0 = {},
                        const Tensor& c0 = {}, Direction direction = Direction::forward) {
    return [=] { lstm_recurrence(g, w, h0, c0, {.direction = direction}); };
  };
  test::expect_error<ShapeError>(
      lstm(gates, Tensor::zeros({8, 3})),
      "lstm_recurrence: recurrent_weight: expected [4 U, U], got [8, 3]");
  test::expect_error<ShapeError>(
      lstm(gates, weight, {}, {}, Direction::bidirectional),
      "lstm_recurrence: recurrent_weight: expected [2, 4 U, U], got [8, 2]");
  test::expect_error<ShapeError>(lstm(gates.with_values(Tensor::zeros({3, 9})), weight),
                                 "lstm_recurrence: gates: expected [3, 8], got [3, 9]");
  test::expect_error<ShapeError>(lstm(gates, weight, Tensor::zeros({3, 2})),
                                 "lstm_recurrence: h0: expected [2, 2], got [3, 2]");
  test::expect_error<ShapeError>(lstm(gates, weight, {}, Tensor::zeros({2, 3})),
                                 "lstm_recurrence: c0: expected [2, 2], got [2, 3]");
  test::expect_error<DTypeError>(
      lstm(gates.with_values(Tensor::zeros({3, 8}, DType::bf16)), weight),
      "lstm_recurrence: gates: expected f32 or f64, got bf16");
  test::expect_error<DTypeError>(
      lstm(gates, Tensor::zeros({8, 2}, DType::f64)),
      "lstm_recurrence: recurrent_weight: expected f32 as the gates, got f64");
  test::expect_error<DTypeError>(lstm(gates, weight, Tensor::zeros({2, 2}, DType::f64)),
                                 "lstm_recurrence: h0: expected f32 as the gates, got f64");
  test::expect_error<ShapeError>([&] { rnn_recurrence(gates, weight); },
                                 "rnn_recurrence: recurrent_weight: expected [U, U], got [8, 2]");
  test::expect_error<ShapeError>(
      [&] {
        gru_recurrence(gates.with_values(Tensor::zeros({3, 6})), Tensor::zeros({6, 2}),
                       Tensor::zeros({2}));
      },
      "gru_recurrence: recurrent_bias: expected [6], got [2]");
  test::expect_error<OptionError>(
      [&] { rnn_recurrence(gates, weight, {}, {.activation = Activation::gelu}); },
      "rnn_recurrence: activation: expected tanh or relu, got gelu");
}

}  // namespace
}  // namespace nopad::ops
