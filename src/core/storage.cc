#include "nopad/core/storage.h"

#include <sys/mman.h>

#include <bit>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "nopad/core/error.h"

namespace nopad {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
// Kept blocks beyond this are given back: what a layer of some thousand tokens works with fits.
constexpr size_t kMaxKeptBytes = size_t{64} << 20;

// Sizes are rounded up to eighths of a power of two: at most an eighth is wasted, and requests of
// nearly the same size find each other's blocks.
size_t round_up_to_class(size_t num_bytes) {
  constexpr size_t kSmallest = 1024;
  if (num_bytes <= kSmallest) return kSmallest;
  const size_t step = std::bit_floor(num_bytes - 1) / 8;
  return (num_bytes + step - 1) / step * step;
}

struct Block {
  std::byte* data;
  size_t num_bytes;
};

Block allocate_block(size_t num_bytes) {
  const size_t alignment = num_bytes >= kHugePage ? kHugePage : Storage::kAlignment;
  auto* const data = static_cast<std::byte*>(
      std::aligned_alloc(alignment, (num_bytes + alignment - 1) / alignment * alignment));
  if (data == nullptr) fail<LimitError>("Storage: no memory for ", num_bytes, " bytes");
  // Weights and activations are read in panels: large pages halve the time at the edge of L2.
  if (num_bytes >= kHugePage) madvise(data, num_bytes, MADV_HUGEPAGE);
  return {data, num_bytes};
}

class BlockCache {
 public:
  // The smallest kept block that is large enough and at most twice as large, since batches differ in
  // their tokens and fresh pages cost more than spare ones; else a new block.
  Block take(size_t num_bytes) {
    {
      const std::lock_guard lock(mutex_);
      auto best = kept_.end();
      for (auto block = kept_.begin(); block != kept_.end(); ++block) {
        if (block->num_bytes < num_bytes || block->num_bytes / 2 > num_bytes) continue;
        if (best == kept_.end() || block->num_bytes <= best->num_bytes) best = block;
      }
      if (best != kept_.end()) {
        const Block found = *best;
        kept_.erase(best);
        kept_bytes_ -= found.num_bytes;
        return found;
      }
    }
    return allocate_block(num_bytes);
  }

  void give_back(Block block) noexcept {
    const std::lock_guard lock(mutex_);
    if (block.num_bytes > kMaxKeptBytes) {
      std::free(block.data);
      return;
    }
    // Room is made by dropping what has lain unused for longest.
    size_t dropped = 0;
    while (kept_bytes_ + block.num_bytes > kMaxKeptBytes || kept_.size() - dropped >= kMaxKept) {
      kept_bytes_ -= kept_[dropped].num_bytes;
      std::free(kept_[dropped++].data);
    }
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(dropped));
    kept_.push_back(block);
    kept_bytes_ += block.num_bytes;
  }

  void clear() noexcept {
    const std::lock_guard lock(mutex_);
    for (const Block block : kept_) std::free(block.data);
    kept_.clear();
    kept_bytes_ = 0;
  }

  BlockCache() { kept_.reserve(kMaxKept + 1); }

 private:
  static constexpr size_t kMaxKept = 256;
  std::mutex mutex_;
  std::vector<Block> kept_;
  size_t kept_bytes_ = 0;
};

// Never destroyed: tensors with static lifetime may give their blocks back after main.
BlockCache& cache() {
  static auto* const instance = new BlockCache;
  return *instance;
}

}  // namespace

Storage Storage::allocate(size_t num_bytes) {
  constexpr size_t kAddressable = size_t{1} << 46;
  if (num_bytes > kAddressable) fail<LimitError>("Storage: no memory for ", num_bytes, " bytes");
  const Block block = cache().take(round_up_to_class(num_bytes + kAlignment));
  Storage storage;
  storage.data_ = block.data;
  storage.owner_ =
      std::shared_ptr<const void>(block.data, [block](const void*) { cache().give_back(block); });
  storage.num_bytes_ = num_bytes;
  storage.writable_ = true;
  return storage;
}

Storage Storage::borrow(std::shared_ptr<const void> owner, const void* data, size_t num_bytes) {
  Storage storage;
  storage.owner_ = std::move(owner);
  storage.data_ = static_cast<std::byte*>(const_cast<void*>(data));
  storage.num_bytes_ = num_bytes;
  return storage;
}

void release_kept_storage() noexcept { cache().clear(); }

}  // namespace nopad
