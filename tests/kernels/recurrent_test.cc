#include "kernels/recurrent.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <vector>

#include "isas.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::kernels {
namespace {

class RecurrentKernel : public testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Isas, RecurrentKernel, testing::ValuesIn(test::vector_isas()),
                         test::isa_name);

// Less, as many and more units than any vector has lanes.
constexpr std::array<int64_t, 9> kUnits = {1, 3, 4, 7, 8, 9, 16, 17, 50};
// Tokens out of order, and one that no step visits.
constexpr std::array<int64_t, 3> kTokens = {2, 0, 4};
constexpr int64_t kRows = 3, kNumTokens = 5;

using Values = std::vector<float>;

Values random_values(test::Random& random, int64_t count) {
  Values out(static_cast<size_t>(count));
  for (float& value : out) value = random.real(-3, 3);
  return out;
}

// A matrix with `width` columns per token, one more between two rows.
TokenRows<float> rows_of(Values& values, int64_t width) { return {values.data(), width + 1}; }
TokenRows<const float> rows_of(const Values& values, int64_t width) {
  return {values.data(), width + 1};
}
Values random_token_rows(test::Random& random, int64_t width) {
  return random_values(random, kNumTokens * (width + 1));
}

template <class Step>
Step make_step(int64_t units) {
  Step step;
  step.rows = kRows;
  step.units = units;
  step.tokens = kTokens.data();
  return step;
}

constexpr test::Tolerance kClose{3e-6, 1e-5};

TEST_P(RecurrentKernel, LstmStepsAreThoseOfTheReference) {
  test::Random random(1);
  for (const int64_t u : kUnits) {
    const Values inputs = random_token_rows(random, 4 * u);
    const Values sums = random_values(random, kRows * 4 * u);
    const Values c0 = random_values(random, kRows * u);
    const auto run = [&](const RecurrentCells<float>& cells) {
      Values h(c0.size()), c = c0, output(kNumTokens * (static_cast<size_t>(u) + 1));
      Values gates(inputs.size()), before(output.size());
      auto step = make_step<LstmStep<float>>(u);
      step.inputs = rows_of(inputs, 4 * u);
      step.sums = sums.data();
      step.h = h.data();
      step.c = c.data();
      step.output = rows_of(output, u);
      cells.lstm(step);
      EXPECT_EQ(before, Values(before.size()));  // nothing is saved unless asked for
      c = c0;
      step.saved_gates = rows_of(gates, 4 * u);
      step.saved_cells = rows_of(before, u);
      cells.lstm(step);
      return std::array{h, c, output, gates, before};
    };
    const auto actual = run(recurrent_cells<float>(GetParam()));
    const auto expected = run(ref::recurrent_cells<float>());
    for (size_t i = 0; i < actual.size(); ++i) test::expect_close(actual[i], expected[i], kClose);
  }
}

TEST_P(RecurrentKernel, LstmGradientsAreThoseOfTheReference) {
  test::Random random(2);
  for (const int64_t u : kUnits) {
    const Values gates = random_token_rows(random, 4 * u), before = random_token_rows(random, u);
    const Values d_output = random_token_rows(random, u);
    const Values d_h = random_values(random, kRows * u), d_c0 = random_values(random, kRows * u);
    const auto run = [&](const RecurrentCells<float>& cells) {
      Values d_c = d_c0, d_sums(static_cast<size_t>(kRows * 4 * u)), d_inputs(gates.size());
      auto step = make_step<LstmBackwardStep<float>>(u);
      step.saved_gates = rows_of(gates, 4 * u);
      step.saved_cells = rows_of(before, u);
      step.d_output = rows_of(d_output, u);
      step.d_h = d_h.data();
      step.d_c = d_c.data();
      step.d_sums = d_sums.data();
      step.d_inputs = rows_of(d_inputs, 4 * u);
      cells.lstm_backward(step);
      return std::array{d_c, d_sums, d_inputs};
    };
    const auto actual = run(recurrent_cells<float>(GetParam()));
    const auto expected = run(ref::recurrent_cells<float>());
    for (size_t i = 0; i < actual.size(); ++i) {
      test::expect_close(actual[i], expected[i], {1e-4, 1e-5});  // of values up to 100
    }
  }
}

TEST_P(RecurrentKernel, GruStepsAreThoseOfTheReference) {
  test::Random random(3);
  for (const int64_t u : kUnits) {
    const Values inputs = random_token_rows(random, 3 * u);
    const Values sums0 = random_values(random, kRows * 3 * u);
    const Values h0 = random_values(random, kRows * u);
    const auto run = [&](const RecurrentCells<float>& cells, bool reset_after) {
      Values sums = sums0, h = h0, reset_h(h0.size());
      Values output(kNumTokens * (static_cast<size_t>(u) + 1));
      Values saved(kNumTokens * (4 * static_cast<size_t>(u) + 1));
      auto step = make_step<GruStep<float>>(u);
      step.reset_after = reset_after;
      step.inputs = rows_of(inputs, 3 * u);
      step.sums = sums.data();
      step.h = h.data();
      step.reset_h = reset_h.data();
      step.output = rows_of(output, u);
      step.saved = rows_of(saved, 4 * u);
      cells.gru_gates(step);
      cells.gru_state(step);
      return std::array{sums, h, reset_h, output, saved};
    };
    for (const bool reset_after : {true, false}) {
      const auto actual = run(recurrent_cells<float>(GetParam()), reset_after);
      const auto expected = run(ref::recurrent_cells<float>(), reset_after);
      for (size_t i = 0; i < actual.size(); ++i) test::expect_close(actual[i], expected[i], kClose);
    }
  }
}

TEST_P(RecurrentKernel, GruGradientsAreThoseOfTheReference) {
  test::Random random(4);
  for (const int64_t u : kUnits) {
    const Values saved = random_token_rows(random, 4 * u), previous = random_token_rows(random, u);
    const Values d_output = random_token_rows(random, u);
    const Values d_h = random_values(random, kRows * u),
                 d_reset_h = random_values(random, kRows * u);
    const auto run = [&](const RecurrentCells<float>& cells, bool reset_after) {
      Values d_kept_h(d_h.size()), d_sums(3 * d_h.size());
      Values d_inputs(kNumTokens * (3 * static_cast<size_t>(u) + 1));
      auto step = make_step<GruBackwardStep<float>>(u);
      step.reset_after = reset_after;
      step.saved = rows_of(saved, 4 * u);
      step.previous = rows_of(previous, u);
      step.d_output = rows_of(d_output, u);
      step.d_h = d_h.data();
      step.d_kept_h = d_kept_h.data();
      step.d_sums = d_sums.data();
      step.d_reset_h = d_reset_h.data();
      step.d_inputs = rows_of(d_inputs, 3 * u);
      cells.gru_state_backward(step);
      if (!reset_after) cells.gru_gates_backward(step);
      return std::array{d_kept_h, d_sums, d_inputs};
    };
    for (const bool reset_after : {true, false}) {
      const auto actual = run(recurrent_cells<float>(GetParam()), reset_after);
      const auto expected = run(ref::recurrent_cells<float>(), reset_after);
      for (size_t i = 0; i < actual.size(); ++i) {
        test::expect_close(actual[i], expected[i], {1e-4, 1e-5});
      }
    }
  }
}

TEST_P(RecurrentKernel, RnnStepsAndGradientsAreThoseOfTheReference) {
  test::Random random(5);
  for (const int64_t u : kUnits) {
    const Values inputs = random_token_rows(random, u), d_output = random_token_rows(random, u);
    const Values sums = random_values(random, kRows * u), d_h = random_values(random, kRows * u);
    const auto run = [&](const RecurrentCells<float>& cells, Activation activation) {
      Values h(sums.size()), output(inputs.size()), d_sums(sums.size()), d_inputs(inputs.size());
      auto step = make_step<RnnStep<float>>(u);
      step.activation = activation;
      step.inputs = rows_of(inputs, u);
      step.sums = sums.data();
      step.h = h.data();
      step.output = rows_of(output, u);
      cells.rnn(step);
      auto back = make_step<RnnBackwardStep<float>>(u);
      back.activation = activation;
      back.output = rows_of(std::as_const(output), u);
      back.d_output = rows_of(d_output, u);
      back.d_h = d_h.data();
      back.d_sums = d_sums.data();
      back.d_inputs = rows_of(d_inputs, u);
      cells.rnn_backward(back);
      return std::array{h, output, d_sums, d_inputs};
    };
    for (const Activation activation : {Activation::tanh, Activation::relu}) {
      const auto actual = run(recurrent_cells<float>(GetParam()), activation);
      const auto expected = run(ref::recurrent_cells<float>(), activation);
      for (size_t i = 0; i < actual.size(); ++i) test::expect_close(actual[i], expected[i], kClose);
    }
  }
}

TEST_P(RecurrentKernel, AZeroGradientStaysZeroBesideANan) {
  const int64_t u = 5;
  const Values nan(100, std::numeric_limits<float>::quiet_NaN()), zeros(100);
  for (const auto* cells : {&recurrent_cells<float>(GetParam()), &ref::recurrent_cells<float>()}) {
    Values d_c = zeros, d_sums = nan, d_inputs(200);
    auto step = make_step<LstmBackwardStep<float>>(u);
    step.rows = 1;
    step.saved_gates = {nan.data(), 4 * u};
    step.saved_cells = {nan.data(), u};
    step.d_output = {zeros.data(), u};
    step.d_h = zeros.data();
    step.d_c = d_c.data();
    step.d_sums = d_sums.data();
    step.d_inputs = {d_inputs.data(), 4 * u};
    cells->lstm_backward(step);
    test::expect_close(d_c, zeros, test::kExact);
    test::expect_close(std::span(d_sums).first(20), std::span(zeros).first(20), test::kExact);
  }
}

}  // namespace
}  // namespace nopad::kernels
