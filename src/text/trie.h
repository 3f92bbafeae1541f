// Trie: a set of byte strings with a number each, for longest matches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace nopad::text {

// Immutable. A node's children lie side by side, sorted by their byte, so that 30,000 words take
// about 1 MB and are built in a few milliseconds; memory grows with the total length of the keys
// only.
class Trie {
 public:
  static constexpr uint32_t kRoot = 0;
  static constexpr int32_t kNone = -1;

  struct Match {
    int32_t value = kNone;
    size_t num_bytes = 0;
  };

  Trie() : Trie(std::vector<std::pair<std::string_view, int32_t>>{}) {}
  // Keys in any order, values 0 or more; of equal keys the one with the largest value counts.
  explicit Trie(std::vector<std::pair<std::string_view, int32_t>> keys);

  // The child over `byte`, or kRoot if there is none.
  uint32_t child(uint32_t node, unsigned char byte) const noexcept {
    const Node& parent = nodes_[node];
    const unsigned char* labels = labels_.data() + parent.first_child;
    for (uint32_t i = 0; i < parent.num_children; ++i) {
      if (labels[i] >= byte) return labels[i] == byte ? parent.first_child + i : kRoot;
    }
    return kRoot;
  }
  // The value of the key that ends at this node, or kNone.
  int32_t value(uint32_t node) const noexcept { return nodes_[node].value; }
  // The node that `path` leads to from the root; kRoot if there is none, or `path` is empty.
  uint32_t walk(std::string_view path) const noexcept;
  // The value of a key, or kNone.
  int32_t find(std::string_view key) const noexcept;
  // The longest of the keys that `text` begins with, reading on from `node`; never an empty one.
  Match longest_match(std::string_view text, uint32_t node = kRoot) const noexcept;

 private:
  struct Node {
    uint32_t first_child = 0;
    uint32_t num_children = 0;
    int32_t value = kNone;
  };
  std::vector<Node> nodes_;
  std::vector<unsigned char> labels_;  // labels_[n] is the byte on the edge into node n
};

}  // namespace nopad::text
