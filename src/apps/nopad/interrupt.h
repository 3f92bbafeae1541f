// Interrupt: SIGINT and SIGTERM end a job between two batches, so that it can clean up.
#pragma once

namespace nopad::apps {

// Not an Error: nothing went wrong.
class Interrupted {
 public:
  explicit Interrupted(int signal) noexcept : signal_(signal) {}
  int exit_code() const noexcept { return 128 + signal_; }

 private:
  int signal_;
};

// From now on the first SIGINT or SIGTERM is noted for throw_if_interrupted(); a second one kills.
// One that was ignored stays so.
// SIGPIPE is ignored: writing to a reader that has gone is an error like others.
void catch_signals() noexcept;
// Throws Interrupted.
void throw_if_interrupted();

}  // namespace nopad::apps
