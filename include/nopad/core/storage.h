// Storage: the shared, 64-byte aligned bytes behind tensors and packed weights.
#pragma once

#include <cstddef>
#include <memory>

namespace nopad {

// Shared ownership of a block of bytes. Blocks that are given back are kept for the next request of
// a like size, so that a model that runs again allocates nothing and touches no fresh page.
class Storage {
 public:
  static constexpr size_t kAlignment = 64;

  Storage() = default;
  // Uninitialised bytes, aligned to kAlignment, with at least kAlignment readable bytes after them.
  // Throws LimitError: no memory.
  static Storage allocate(size_t num_bytes);
  // Read-only bytes that something else owns, e.g. a mapped file; `owner` keeps them alive.
  static Storage borrow(std::shared_ptr<const void> owner, const void* data, size_t num_bytes);

  const std::byte* data() const noexcept { return data_; }
  // Null for borrowed bytes.
  std::byte* mutable_data() noexcept { return writable_ ? data_ : nullptr; }
  size_t num_bytes() const noexcept { return num_bytes_; }
  // Whether these bytes may be written and no other storage shares them.
  bool is_sole_owner() const noexcept { return writable_ && owner_.use_count() == 1; }

 private:
  std::shared_ptr<const void> owner_;
  std::byte* data_ = nullptr;
  size_t num_bytes_ = 0;
  bool writable_ = false;
};

// Gives the kept blocks back to the system, e.g. between a large job and a small one.
void release_kept_storage() noexcept;

}  // namespace nopad
