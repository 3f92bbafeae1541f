#include "apps/nopad/interrupt.h"

#include <csignal>
#include <initializer_list>

namespace nopad::apps {
namespace {

volatile sig_atomic_t caught_signal = 0;

void note(int signal) { caught_signal = signal; }

}  // namespace

void catch_signals() noexcept {
  // No SA_RESTART: a read that waits for input has to come back.
  struct sigaction noting {};
  noting.sa_handler = note;
  noting.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGINT, SIGTERM}) {
    // A shell starts background jobs with SIGINT ignored; that stays.
    struct sigaction current {};
    sigaction(signal, nullptr, &current);
    if (current.sa_handler != SIG_IGN) sigaction(signal, &noting, nullptr);
  }
  struct sigaction ignoring {};
  ignoring.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignoring, nullptr);
}

void throw_if_interrupted() {
  if (caught_signal != 0) throw Interrupted(caught_signal);
}

}  // namespace nopad::apps
