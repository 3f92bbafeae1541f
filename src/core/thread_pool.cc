#include "nopad/core/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "nopad/core/error.h"

namespace nopad {
namespace {

// About 50 us: longer than the gaps between the ops of a forward pass, shorter than a scheduler's
// tick.
constexpr int kSpins = 4000;

void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

thread_local bool inside_parallel_for = false;

// Processors granted by a cgroup v2 quota ("max 100000" or "150000 100000"); 0 where there is none.
int cgroup_quota() noexcept {
  try {
    std::ifstream file("/sys/fs/cgroup/cpu.max");
    std::string quota;
    double period = 0;
    if (!(file >> quota >> period) || quota == "max" || period <= 0) return 0;
    return std::max(1, static_cast<int>(std::stod(quota) / period));
  } catch (...) {
    return 0;
  }
}

}  // namespace

int default_num_threads() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  int allowed = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  if (const int quota = cgroup_quota(); quota > 0) allowed = std::min(allowed, quota);
  return std::max(1, allowed);
}

// One loop at a time. A loop is opened and announced by a new value of `generation`; the workers
// and the caller then take pieces from `next` until none are left. The caller closes the loop and
// waits for those workers that are still in it, not for those that have not woken up.
struct ThreadPool::State {
  std::mutex one_loop_at_a_time;
  std::atomic<uint32_t> generation{0};
  std::atomic<int> sleeping{0};
  std::atomic<bool> is_open{false};
  std::atomic<int> running{0};
  std::atomic<bool> stop{false};
  std::atomic<int64_t> next{0};
  int64_t n = 0;
  int64_t grain = 1;
  const RangeFunction* function = nullptr;
  std::vector<std::jthread> workers;

  // Also when a thread could not be started: those that were must not wait for ever.
  ~State() {
    stop.store(true, std::memory_order_release);
    announce();
  }

  void take_pieces() noexcept {
    inside_parallel_for = true;
    for (;;) {
      const int64_t begin = next.fetch_add(grain, std::memory_order_relaxed);
      if (begin >= n) break;
      (*function)(begin, begin + std::min(grain, n - begin));
    }
    inside_parallel_for = false;
  }

  // A worker that comes late finds the loop closed and touches nothing of it. Both sides write,
  // then read what the other wrote, so one of them sees the other: hence sequential consistency.
  void join_loop() noexcept {
    running.fetch_add(1, std::memory_order_seq_cst);
    if (is_open.load(std::memory_order_seq_cst)) take_pieces();
    running.fetch_sub(1, std::memory_order_release);
  }

  void wait_for_loop(uint32_t seen) noexcept {
    for (int spin = 0; spin < kSpins; ++spin) {
      if (generation.load(std::memory_order_acquire) != seen) return;
      pause();
    }
    sleeping.fetch_add(1, std::memory_order_seq_cst);
    generation.wait(seen, std::memory_order_seq_cst);
    sleeping.fetch_sub(1, std::memory_order_relaxed);
  }

  void announce() noexcept {
    generation.fetch_add(1, std::memory_order_seq_cst);
    if (sleeping.load(std::memory_order_seq_cst) > 0) generation.notify_all();
  }

  void work() noexcept {
    uint32_t seen = 0;
    for (;;) {
      wait_for_loop(seen);
      seen = generation.load(std::memory_order_acquire);
      if (stop.load(std::memory_order_acquire)) return;
      join_loop();
    }
  }
};

ThreadPool::ThreadPool(int num_threads)
    : num_threads_(num_threads == 0 ? default_num_threads() : num_threads),
      state_(std::make_unique<State>()) {
  if (num_threads < 0 || num_threads > 1024) {
    fail<OptionError>("ThreadPool: num_threads: expected 0 to 1024, got ", num_threads);
  }
  for (int i = 1; i < num_threads_; ++i) {
    state_->workers.emplace_back([state = state_.get()] { state->work(); });
  }
}

ThreadPool::~ThreadPool() = default;

void ThreadPool::parallel_for(int64_t n, int64_t grain, RangeFunction f) {
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  if (num_threads_ == 1 || n <= grain || inside_parallel_for) {
    // The pieces are the same as with many threads; only who runs them differs.
    for (int64_t begin = 0; begin < n; begin += std::min(grain, n - begin)) {
      f(begin, begin + std::min(grain, n - begin));
    }
    return;
  }
  const std::lock_guard turn(state_->one_loop_at_a_time);
  state_->n = n;
  state_->grain = grain;
  state_->function = &f;
  state_->next.store(0, std::memory_order_relaxed);
  state_->is_open.store(true, std::memory_order_seq_cst);
  state_->announce();
  state_->take_pieces();
  state_->is_open.store(false, std::memory_order_seq_cst);
  // Only who took a piece is waited for; he may need the very processor that this thread spins on.
  const auto is_done = [&] { return state_->running.load(std::memory_order_seq_cst) == 0; };
  for (int spin = 0; spin < kSpins && !is_done(); ++spin) pause();
  while (!is_done()) std::this_thread::yield();
}

}  // namespace nopad
