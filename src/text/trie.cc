#include "text/trie.h"

#include <algorithm>

namespace nopad::text {

Trie::Trie(std::vector<std::pair<std::string_view, int32_t>> keys) {
  std::sort(keys.begin(), keys.end());
  struct Range {  // the keys that share the path to a node
    size_t begin, end, depth;
  };
  std::vector<Range> ranges{{0, keys.size(), 0}};
  nodes_.emplace_back();
  labels_.push_back(0);
  // Breadth first: node n is complete when its turn comes, and its children are the next ones made.
  for (size_t n = 0; n < ranges.size(); ++n) {
    auto [begin, end, depth] = ranges[n];
    while (begin < end && keys[begin].first.size() == depth) nodes_[n].value = keys[begin++].second;
    nodes_[n].first_child = static_cast<uint32_t>(nodes_.size());
    while (begin < end) {
      const char label = keys[begin].first[depth];
      size_t last = begin;
      while (last < end && keys[last].first[depth] == label) ++last;
      nodes_.emplace_back();
      labels_.push_back(static_cast<unsigned char>(label));
      ranges.push_back({begin, last, depth + 1});
      ++nodes_[n].num_children;
      begin = last;
    }
  }
}

uint32_t Trie::walk(std::string_view path) const noexcept {
  uint32_t node = kRoot;
  for (const char byte : path) {
    node = child(node, static_cast<unsigned char>(byte));
    if (node == kRoot) break;
  }
  return node;
}

int32_t Trie::find(std::string_view key) const noexcept {
  const uint32_t node = walk(key);
  return node == kRoot && !key.empty() ? kNone : value(node);
}

Trie::Match Trie::longest_match(std::string_view text, uint32_t node) const noexcept {
  Match longest;
  for (size_t at = 0; at < text.size(); ++at) {
    node = child(node, static_cast<unsigned char>(text[at]));
    if (node == kRoot) break;
    if (value(node) != kNone) longest = {value(node), at + 1};
  }
  return longest;
}

}  // namespace nopad::text
