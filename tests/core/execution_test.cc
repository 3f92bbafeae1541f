#include "nopad/core/execution.h"

#include <gtest/gtest.h>

#include <thread>

#include "nopad/core/error.h"

namespace nopad {
namespace {

TEST(Execution, TakesTheThreadsAndTheInstructionSetOfItsConfig) {
  const Execution execution({.num_threads = 3, .isa = Isa::portable});
  EXPECT_EQ(execution.threads().num_threads(), 3);
  EXPECT_EQ(execution.isa(), Isa::portable);
}

TEST(Execution, DefaultsAreAllProcessorsAndTheBestInstructionSet) {
  const Execution execution;
  EXPECT_EQ(execution.threads().num_threads(), default_num_threads());
  EXPECT_EQ(execution.isa(), best_isa());
}

TEST(Execution, RunsWithEverySupportedInstructionSet) {
  for (const Isa isa : supported_isas()) {
    EXPECT_EQ(Execution({.num_threads = 1, .isa = isa}).isa(), isa);
  }
}

TEST(Execution, RefusesAnInstructionSetThatThisMachineLacks) {
  for (const Isa isa : {Isa::avx2, Isa::avx512, Isa::amx}) {
    if (is_supported(isa)) continue;
    EXPECT_THROW(Execution({.num_threads = 1, .isa = isa}), OptionError) << to_string(isa);
  }
  EXPECT_THROW(Execution({.num_threads = -1}), OptionError);
}

TEST(ExecutionScope, TheInnermostCountsAndLeavingGivesTheOuterBack) {
  const Execution outer({.num_threads = 1});
  const Execution inner({.num_threads = 2});
  const Execution& defaults = current_execution();
  {
    const ExecutionScope outer_scope(outer);
    EXPECT_EQ(&current_execution(), &outer);
    {
      const ExecutionScope inner_scope(inner);
      EXPECT_EQ(&current_execution(), &inner);
    }
    EXPECT_EQ(&current_execution(), &outer);
  }
  EXPECT_EQ(&current_execution(), &defaults);
}

TEST(ExecutionScope, EndsWithAnExceptionToo) {
  const Execution outer({.num_threads = 1});
  const Execution inner({.num_threads = 1});
  const ExecutionScope outer_scope(outer);
  try {
    const ExecutionScope inner_scope(inner);
    fail<InputError>("any");
  } catch (const InputError&) {
  }
  EXPECT_EQ(&current_execution(), &outer);
}

TEST(ExecutionScope, OtherThreadsDoNotSeeIt) {
  const Execution mine({.num_threads = 1});
  const Execution& defaults = current_execution();
  const ExecutionScope scope(mine);
  const Execution* seen = nullptr;
  std::thread([&] { seen = &current_execution(); }).join();
  EXPECT_EQ(seen, &defaults);
}

}  // namespace
}  // namespace nopad
