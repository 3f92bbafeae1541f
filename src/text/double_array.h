// DoubleArray: a set of byte strings with a number each, where one step costs one look-up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace nopad::text {

// Immutable. Faster than Trie to walk, and slower to build: for a model that walks it from every
// byte of a text.
// Source : J. Aoe, "An efficient digital search algorithm by using a double-array structure" (1989),
//          with the exclusive or for the sum.
class DoubleArray {
 public:
  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kNoNode = UINT32_MAX;
  static constexpr int32_t kNone = -1;

  DoubleArray() : DoubleArray(std::vector<std::pair<std::string_view, int32_t>>{}) {}
  // Keys in any order, values 0 or more; of equal keys the one with the largest value counts.
  explicit DoubleArray(std::vector<std::pair<std::string_view, int32_t>> keys);

  // The child over `byte`, or kNoNode.
  uint32_t child(uint32_t node, unsigned char byte) const noexcept {
    const uint32_t next = units_[node].base ^ byte;
    return units_[next].parent == node ? next : kNoNode;
  }
  // The value of the key that ends at this node, or kNone.
  int32_t value(uint32_t node) const noexcept { return units_[node].value; }
  // The value of a key, or kNone.
  int32_t find(std::string_view key) const noexcept;

 private:
  friend class DoubleArrayBuilder;
  struct Unit {
    uint32_t base = 0;
    uint32_t parent = kNoNode;
    int32_t value = kNone;
  };
  std::vector<Unit> units_;  // whole blocks of 256, so that base ^ byte is always inside
};

}  // namespace nopad::text
