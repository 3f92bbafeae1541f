#include "nopad/core/storage.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad {
namespace {

TEST(Storage, IsAlignedAndWritableWithReadableBytesAfterTheEnd) {
  for (const size_t num_bytes :
       {0u, 1u, 63u, 64u, 960u, 961u, 1024u, 1025u, 4097u, 1u << 21, 9u << 18}) {
    Storage storage = Storage::allocate(num_bytes);
    EXPECT_EQ(storage.num_bytes(), num_bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(storage.data()) % Storage::kAlignment, 0u);
    EXPECT_EQ(storage.mutable_data(), storage.data());
    // Under AddressSanitizer this shows that the whole block, and the bytes after it, are there.
    std::memset(storage.mutable_data(), 7, num_bytes + Storage::kAlignment);
  }
}

TEST(Storage, LargeBlocksBeginOnAHugePage) {
  const Storage storage = Storage::allocate(size_t{4} << 20);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(storage.data()) % (size_t{2} << 20), 0u);
}

TEST(Storage, ABlockGivenBackServesTheNextRequestOfALikeSize) {
  const std::byte* first = nullptr;
  {
    const Storage storage = Storage::allocate(100'000);
    first = storage.data();
  }
  EXPECT_EQ(Storage::allocate(100'100).data(), first);
}

TEST(Storage, ABlockInUseServesNobodyElse) {
  const Storage a = Storage::allocate(5000);
  const Storage shared = a;
  const Storage b = Storage::allocate(5000);
  EXPECT_NE(a.data(), b.data());
  EXPECT_EQ(a.data(), shared.data());
}

TEST(Storage, CopiesKeepTheBytesAlive) {
  Storage copy;
  {
    Storage storage = Storage::allocate(10);
    storage.mutable_data()[3] = std::byte{42};
    copy = storage;
  }
  EXPECT_EQ(copy.data()[3], std::byte{42});
}

TEST(Storage, BorrowedBytesAreReadOnlyAndKeepTheirOwner) {
  auto owner = std::make_shared<std::vector<int>>(4, 9);
  const std::weak_ptr<std::vector<int>> watch = owner;
  {
    Storage storage = Storage::borrow(owner, owner->data(), 16);
    EXPECT_EQ(storage.data(), reinterpret_cast<const std::byte*>(owner->data()));
    EXPECT_EQ(storage.num_bytes(), 16u);
    EXPECT_EQ(storage.mutable_data(), nullptr);
    owner.reset();
    EXPECT_FALSE(watch.expired());
  }
  EXPECT_TRUE(watch.expired());
}

TEST(Storage, TooMuchIsALimitErrorAndNotACrash) {
  test::expect_error<LimitError>([] { Storage::allocate(std::numeric_limits<size_t>::max()); },
                                 "Storage: no memory for 18446744073709551615 bytes");
  EXPECT_THROW(Storage::allocate(std::numeric_limits<size_t>::max() - 63), LimitError);
  EXPECT_THROW(Storage::allocate((size_t{1} << 46) + 1), LimitError);
}

TEST(Storage, ReleasingKeptBlocksLeavesThoseInUse) {
  Storage in_use = Storage::allocate(3000);
  std::memset(in_use.mutable_data(), 1, 3000);
  { const Storage kept = Storage::allocate(3000); }
  release_kept_storage();
  release_kept_storage();
  EXPECT_EQ(in_use.data()[2999], std::byte{1});
}

TEST(Storage, ManySizesComeAndGoWithoutOverlap) {
  std::vector<Storage> held;
  for (size_t i = 0; i < 2000; ++i) {
    Storage storage = Storage::allocate(1 + i * 37 % 50'000);
    std::memset(storage.mutable_data(), static_cast<int>(i % 251), storage.num_bytes());
    held.push_back(storage);
    if (i % 3 == 0) held.erase(held.begin() + static_cast<std::ptrdiff_t>(i * 7 % held.size()));
  }
  for (const Storage& storage : held) {
    for (size_t i = 1; i < storage.num_bytes(); i += 97) {
      ASSERT_EQ(storage.data()[i], storage.data()[0]);
    }
  }
}

TEST(Storage, ThreadsMayAllocateAndGiveBackAtTheSameTime) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (size_t i = 0; i < 2000; ++i) {
        Storage storage = Storage::allocate(1000 + i % 7 * 1000);
        std::memset(storage.mutable_data(), t, storage.num_bytes());
        for (size_t at = 0; at < storage.num_bytes(); at += 499) {
          ASSERT_EQ(storage.data()[at], static_cast<std::byte>(t));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace nopad
