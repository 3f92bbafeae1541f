#include "nopad/core/execution.h"

#include "nopad/core/error.h"

namespace nopad {
namespace {

thread_local const Execution* innermost = nullptr;

}  // namespace

Execution::Execution(Config config)
    : threads_(std::make_unique<ThreadPool>(config.num_threads)), isa_(config.isa) {
  if (!is_supported(isa_)) {
    fail<OptionError>("Execution: isa: expected what this machine has (best: ", best_isa(),
                      "), got ", isa_);
  }
}

ExecutionScope::ExecutionScope(const Execution& execution) noexcept : previous_(innermost) {
  innermost = &execution;
}

ExecutionScope::~ExecutionScope() { innermost = previous_; }

const Execution& current_execution() {
  if (innermost != nullptr) return *innermost;
  static const Execution defaults;
  return defaults;
}

}  // namespace nopad
