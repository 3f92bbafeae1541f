// The thin tile type that the bf16 kernels are written against: in hardware, and emulated.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hwy/base.h"

namespace nopad::kernels::amx {

// A tile is at most 16 rows of 64 bytes: 16 x 16 f32, or 16 x 32 bf16.
inline constexpr int kTileRows = 16;
inline constexpr int64_t kTileRowBytes = 64;
inline constexpr int64_t kTileColumns = 16;
inline constexpr int64_t kTileDepth = 32;

// The kernels' roles of the eight tiles.
inline constexpr int kSumTile = 0;    // 0 to 3: sums
inline constexpr int kLeftTile = 4;   // 4 and 5: rows of activations
inline constexpr int kRightTile = 6;  // 6 and 7: packed weights
inline constexpr int kNumTiles = 8;

// The operand of ldtilecfg.
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};

  // Tiles of activations and sums have `num_rows` rows; all else is full.
  explicit TileConfig(int64_t num_rows) noexcept {
    for (int tile = 0; tile < kNumTiles; ++tile) {
      row_bytes[tile] = kTileRowBytes;
      rows[tile] = tile < kRightTile ? static_cast<uint8_t>(num_rows) : uint8_t{kTileRows};
    }
  }
};
static_assert(sizeof(TileConfig) == 64 && offsetof(TileConfig, row_bytes) == 16 &&
              offsetof(TileConfig, rows) == 48);

#if defined(__x86_64__)
// The instructions. Tiles are configured on the thread that makes the object, for as long as it
// lives. They are written as assembly, so that a tile's number can be a template argument, which
// GCC 12's intrinsics refuse, and so that no function has to be compiled for AMX.
class HardwareTiles {
 public:
  explicit HardwareTiles(const TileConfig& config) noexcept {
    asm volatile("ldtilecfg %0" : : "m"(config));
  }
  ~HardwareTiles() { asm volatile("tilerelease"); }
  HardwareTiles(const HardwareTiles&) = delete;
  HardwareTiles& operator=(const HardwareTiles&) = delete;

  template <int kTile>
  HWY_INLINE void clear() noexcept {
    asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
  }
  template <int kTile>
  HWY_INLINE void load(const void* from, int64_t stride_bytes) noexcept {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2"
                 :
                 : "r"(from), "r"(stride_bytes), "i"(kTile)
                 : "memory");
  }
  // For what will not be read again soon: it leaves the first-level cache to the others.
  template <int kTile>
  HWY_INLINE void stream(const void* from, int64_t stride_bytes) noexcept {
    asm volatile("tileloaddt1 (%0,%1,1), %%tmm%c2"
                 :
                 : "r"(from), "r"(stride_bytes), "i"(kTile)
                 : "memory");
  }
  template <int kTile>
  HWY_INLINE void store(void* to, int64_t stride_bytes) const noexcept {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)"
                 :
                 : "r"(to), "r"(stride_bytes), "i"(kTile)
                 : "memory");
  }
  // sum += left right
  template <int kSum, int kLeft, int kRight>
  HWY_INLINE void multiply_add() noexcept {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kLeft), "i"(kRight));
  }
};
#endif

// The instructions in plain C++. Their arithmetic is what Intel's Software Developer's Manual,
// volume 2, documents under TILELOADD, TILESTORED and TDPBF16PS, to the bit (a NaN's sign and
// payload excepted).
class EmulatedTiles {
 public:
  explicit EmulatedTiles(const TileConfig& config) noexcept : config_(config) {}

  template <int kTile>
  HWY_INLINE void clear() noexcept {
    clear(kTile);
  }
  template <int kTile>
  HWY_INLINE void load(const void* from, int64_t stride_bytes) noexcept {
    load(kTile, from, stride_bytes);
  }
  template <int kTile>
  HWY_INLINE void stream(const void* from, int64_t stride_bytes) noexcept {
    load(kTile, from, stride_bytes);
  }
  template <int kTile>
  HWY_INLINE void store(void* to, int64_t stride_bytes) const noexcept {
    store(kTile, to, stride_bytes);
  }
  template <int kSum, int kLeft, int kRight>
  HWY_INLINE void multiply_add() noexcept {
    multiply_add(kSum, kLeft, kRight);
  }

 private:
  // Defined in a source of their own, which is compiled for every machine.
  void clear(int tile) noexcept;
  void load(int tile, const void* from, int64_t stride_bytes) noexcept;
  void store(int tile, void* to, int64_t stride_bytes) const noexcept;
  void multiply_add(int sum, int left, int right) noexcept;
  template <class Real>
  void multiply_add_in(int sum, int left, int right) noexcept;

  TileConfig config_;
  alignas(64) std::byte tiles_[kNumTiles][kTileRows][kTileRowBytes] = {};
};

}  // namespace nopad::kernels::amx
