// Execution: the threads and the instruction set that ops run with.
#pragma once

#include <memory>

#include "nopad/core/isa.h"
#include "nopad/core/thread_pool.h"

namespace nopad {

// Ops take their threads and instruction set from here. Results depend on the instruction set (and
// the dtype), never on the threads.
class Execution {
 public:
  struct Config {
    int num_threads = 0;  // 0: default_num_threads()
    Isa isa = best_isa();
  };
  Execution() : Execution(Config{}) {}
  // Throws OptionError: an instruction set that this machine lacks.
  explicit Execution(Config config);

  ThreadPool& threads() const noexcept { return *threads_; }
  Isa isa() const noexcept { return isa_; }

 private:
  std::unique_ptr<ThreadPool> threads_;
  Isa isa_;
};

// Makes `execution` the one that ops on this thread use, until the scope ends. It must outlive it.
class ExecutionScope {
 public:
  explicit ExecutionScope(const Execution& execution) noexcept;
  ~ExecutionScope();
  ExecutionScope(const ExecutionScope&) = delete;
  ExecutionScope& operator=(const ExecutionScope&) = delete;

 private:
  const Execution* previous_;
};

// The innermost scope's execution on this thread; outside any, one with the defaults, made when it
// is first asked for.
const Execution& current_execution();

}  // namespace nopad
