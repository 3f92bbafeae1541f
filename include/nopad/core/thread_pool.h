// ThreadPool: a fixed set of threads for loops whose results do not depend on their number.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace nopad {

// A reference to something callable with (begin, end), which must outlive the call that takes it.
class RangeFunction {
 public:
  template <class F,
            class = std::enable_if_t<!std::is_same_v<std::remove_cvref_t<F>, RangeFunction>>>
  RangeFunction(F&& f) noexcept
      : object_(const_cast<void*>(static_cast<const void*>(&f))),
        call_([](void* object, int64_t begin, int64_t end) {
          (*static_cast<std::remove_reference_t<F>*>(object))(begin, end);
        }) {}
  void operator()(int64_t begin, int64_t end) const { call_(object_, begin, end); }

 private:
  void* object_;
  void (*call_)(void*, int64_t, int64_t);
};

// `num_threads` threads in all, the caller's among them. Idle threads spin briefly, then sleep.
class ThreadPool {
 public:
  // num_threads: 1 or more; 0 takes default_num_threads(). Throws OptionError: negative or > 1024.
  explicit ThreadPool(int num_threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int num_threads() const noexcept { return num_threads_; }

  // Calls f(begin, end) over consecutive pieces of [0, n), each of at most `grain` items (below 1
  // counts as 1), on all threads; pieces go to whichever thread is free, so f's result must not
  // depend on who ran it. Returns when all are done. f must not throw. Calls from several threads
  // take turns; a call from inside f runs on the calling thread alone.
  void parallel_for(int64_t n, int64_t grain, RangeFunction f);

 private:
  struct State;
  int num_threads_;
  std::unique_ptr<State> state_;
};

// The processors this process may use (affinity and cgroup quota), at least 1.
int default_num_threads() noexcept;

}  // namespace nopad
