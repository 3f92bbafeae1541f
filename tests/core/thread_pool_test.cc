#include "nopad/core/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "random.h"

namespace nopad {
namespace {

using Piece = std::pair<int64_t, int64_t>;

// The pieces that a loop was cut into, in order.
std::vector<Piece> pieces_of(ThreadPool& pool, int64_t n, int64_t grain) {
  std::mutex mutex;
  std::vector<Piece> pieces;
  pool.parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    const std::lock_guard lock(mutex);
    pieces.emplace_back(begin, end);
  });
  std::ranges::sort(pieces);
  return pieces;
}

std::vector<Piece> expected_pieces(int64_t n, int64_t grain) {
  std::vector<Piece> pieces;
  for (int64_t begin = 0; begin < n; begin += grain) {
    pieces.emplace_back(begin, std::min(begin + grain, n));
  }
  return pieces;
}

// How often each of n items was visited, by a loop of `grain`. Plain counters: ThreadSanitizer sees
// an item that two threads visit, or a result that is read before its writer is done.
std::vector<int> visits(ThreadPool& pool, int64_t n, int64_t grain) {
  std::vector<int> counts(static_cast<size_t>(n));
  pool.parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) ++counts[static_cast<size_t>(i)];
  });
  return counts;
}

TEST(ThreadPool, ThePiecesAreTheSameWhateverTheNumberOfThreads) {
  for (int num_threads = 1; num_threads <= 8; ++num_threads) {
    ThreadPool pool(num_threads);
    EXPECT_EQ(pool.num_threads(), num_threads);
    for (const int64_t n : {0, 1, 2, 7, 8, 9, 100}) {
      for (const int64_t grain : {1, 2, 3, 8, 99, 100, 101}) {
        EXPECT_EQ(pieces_of(pool, n, grain), expected_pieces(n, grain))
            << num_threads << " threads, n " << n << ", grain " << grain;
      }
    }
  }
}

TEST(ThreadPool, EveryItemIsVisitedOnceInThousandsOfShortLoops) {
  test::Random random(5);
  for (int num_threads = 1; num_threads <= 8; ++num_threads) {
    ThreadPool pool(num_threads);
    for (int loop = 0; loop < 200; ++loop) {
      const int64_t n = random.integer(0, 200);
      const std::vector<int> counts = visits(pool, n, random.integer(1, 20));
      ASSERT_EQ(std::ranges::count(counts, 1), n);
    }
  }
}

TEST(ThreadPool, WorkersThatFellAsleepWakeForTheNextLoop) {
  ThreadPool pool(3);
  for (int loop = 0; loop < 30; ++loop) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const std::vector<int> counts = visits(pool, 64, 1);
    ASSERT_EQ(std::ranges::count(counts, 1), 64);
  }
}

TEST(ThreadPool, SeveralThreadsTakePiecesAtTheSameTime) {
  ThreadPool pool(2);
  std::atomic<int> inside{0};
  std::atomic<bool> both{false};
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  // Each piece waits until it has seen company: with one thread only, this would time out.
  pool.parallel_for(2, 1, [&](int64_t, int64_t) {
    if (inside.fetch_add(1) == 1) both = true;
    while (!both && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
  });
  EXPECT_TRUE(both);
}

TEST(ThreadPool, NothingToDoCallsNothing) {
  ThreadPool pool(2);
  EXPECT_TRUE(pieces_of(pool, 0, 4).empty());
  EXPECT_TRUE(pieces_of(pool, -3, 4).empty());
}

TEST(ThreadPool, AGrainBelowOneCountsAsOne) {
  for (const int num_threads : {1, 2}) {
    ThreadPool pool(num_threads);
    EXPECT_EQ(pieces_of(pool, 3, 0), expected_pieces(3, 1));
    EXPECT_EQ(pieces_of(pool, 3, -7), expected_pieces(3, 1));
  }
}

TEST(ThreadPool, TheLargestGrainIsOnePiece) {
  ThreadPool pool(2);
  EXPECT_EQ(pieces_of(pool, 5, std::numeric_limits<int64_t>::max()), expected_pieces(5, 5));
}

TEST(ThreadPool, ALoopOfOnePieceRunsOnTheCaller) {
  ThreadPool pool(4);
  std::thread::id ran_on;
  pool.parallel_for(10, 10, [&](int64_t, int64_t) { ran_on = std::this_thread::get_id(); });
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST(ThreadPool, ALoopInsideALoopRunsOnItsOwnThreadAlone) {
  ThreadPool pool(4);
  ThreadPool other(3);
  std::atomic<int> strays{0};
  std::atomic<int64_t> items{0};
  pool.parallel_for(16, 1, [&](int64_t, int64_t) {
    const std::thread::id outer = std::this_thread::get_id();
    const auto inner = [&](int64_t begin, int64_t end) {
      if (std::this_thread::get_id() != outer) ++strays;
      items += end - begin;
    };
    pool.parallel_for(10, 3, inner);
    other.parallel_for(10, 3, inner);
  });
  EXPECT_EQ(strays, 0);
  EXPECT_EQ(items, 16 * 20);
}

TEST(ThreadPool, CallersFromSeveralThreadsTakeTurns) {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int loop = 0; loop < 200; ++loop) {
        const std::vector<int> counts = visits(pool, 37, 2);
        ASSERT_EQ(std::ranges::count(counts, 1), 37);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST(ThreadPool, ManyPoolsLiveSideBySide) {
  std::vector<std::unique_ptr<ThreadPool>> pools;
  for (int i = 0; i < 10; ++i) pools.push_back(std::make_unique<ThreadPool>(1 + i % 4));
  for (int loop = 0; loop < 20; ++loop) {
    for (const auto& pool : pools) EXPECT_EQ(std::ranges::count(visits(*pool, 21, 2), 1), 21);
  }
}

TEST(ThreadPool, PoolsComeAndGoUsedOrNot) {
  for (int i = 0; i < 100; ++i) {
    ThreadPool pool(1 + i % 5);
    if (i % 2 == 0) {
      EXPECT_EQ(std::ranges::count(visits(pool, 9, 1), 1), 9);
    }
  }
}

TEST(ThreadPool, AcceptsConstAndNamedFunctions) {
  ThreadPool pool(2);
  std::atomic<int64_t> sum{0};
  const auto add = [&](int64_t begin, int64_t end) { sum += end - begin; };
  auto add_mutable = [&](int64_t begin, int64_t end) mutable { sum += end - begin; };
  pool.parallel_for(10, 2, add);
  pool.parallel_for(10, 2, add_mutable);
  const RangeFunction reference(add);
  pool.parallel_for(10, 2, reference);
  EXPECT_EQ(sum, 30);
}

TEST(ThreadPool, ResultsOfALoopAreSeenByTheNext) {
  ThreadPool pool(4);
  std::vector<int64_t> values(1000, 1);
  for (int loop = 0; loop < 100; ++loop) {
    std::vector<int64_t> next(values.size());
    pool.parallel_for(1000, 7, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        next[static_cast<size_t>(i)] = values[static_cast<size_t>(999 - i)] + 1;
      }
    });
    values = next;
  }
  EXPECT_EQ(std::ranges::count(values, 101), 1000);
}

TEST(ThreadPool, ImpossibleNumbersOfThreadsAreRefused) {
  test::expect_error<OptionError>([] { ThreadPool pool(-1); },
                                  "ThreadPool: num_threads: expected 0 to 1024, got -1");
  test::expect_error<OptionError>([] { ThreadPool pool(1025); },
                                  "ThreadPool: num_threads: expected 0 to 1024, got 1025");
}

TEST(ThreadPool, ZeroTakesTheProcessorsOfThisProcess) {
  EXPECT_GE(default_num_threads(), 1);
  EXPECT_EQ(ThreadPool(0).num_threads(), default_num_threads());
}

// The contract says that f must not throw; breaking it ends the program instead of losing the
// error.
TEST(ThreadPoolDeathTest, AnExceptionOnManyThreadsEndsTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        ThreadPool pool(2);
        pool.parallel_for(4, 1, [](int64_t begin, int64_t) {
          if (begin == 0) throw std::runtime_error("lost");
        });
      },
      "lost");
}

}  // namespace
}  // namespace nopad
