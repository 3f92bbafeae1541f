#include "text/double_array.h"

#include <algorithm>
#include <string>

namespace nopad::text {
namespace {

constexpr uint32_t kBlock = 256;
constexpr uint32_t kNoUnit = UINT32_MAX;
// Places that are tried for the children of a node before a new block is opened: it bounds the time
// to build, and costs a few per cent of the memory.
constexpr int kMaxTries = 64;

}  // namespace

// Places nodes, and keeps the free units in a ring: those that are not used yet.
class DoubleArrayBuilder {
 public:
  using Key = std::pair<std::string_view, int32_t>;

  explicit DoubleArrayBuilder(std::vector<DoubleArray::Unit>& units) : units_(units) {
    grow();
    take(DoubleArray::kRoot);
    is_base_[0] = true;  // so that no node is its own child
  }

  void build(const std::vector<Key>& keys) {
    struct Range {  // the keys that share the path to a node
      size_t begin, end, depth;
      uint32_t node;
    };
    std::vector<Range> ranges{{0, keys.size(), 0, DoubleArray::kRoot}};
    std::string labels;
    std::vector<size_t> bounds;
    while (!ranges.empty()) {
      Range range = ranges.back();
      ranges.pop_back();
      for (; range.begin < range.end && keys[range.begin].first.size() == range.depth;
           ++range.begin) {
        units_[range.node].value = keys[range.begin].second;
      }
      if (range.begin == range.end) continue;
      labels.clear();
      bounds.clear();
      for (size_t i = range.begin; i < range.end; ++i) {
        const char label = keys[i].first[range.depth];
        if (labels.empty() || labels.back() != label) {
          labels.push_back(label);
          bounds.push_back(i);
        }
      }
      bounds.push_back(range.end);
      const uint32_t base = place(range.node, labels);
      for (size_t i = 0; i < labels.size(); ++i) {
        const uint32_t child = base ^ static_cast<unsigned char>(labels[i]);
        ranges.push_back({bounds[i], bounds[i + 1], range.depth + 1, child});
      }
    }
  }

 private:
  uint32_t place(uint32_t node, std::string_view labels) {
    const uint32_t base = find_base(labels);
    is_base_[base] = true;
    units_[node].base = base;
    for (const char label : labels) {
      const uint32_t child = base ^ static_cast<unsigned char>(label);
      take(child);
      units_[child].parent = node;
    }
    return base;
  }
  uint32_t find_base(std::string_view labels) {
    uint32_t unit = first_free_;
    for (int tries = 0; unit != kNoUnit && tries < kMaxTries; ++tries) {
      const uint32_t base = unit ^ static_cast<unsigned char>(labels[0]);
      if (!is_base_[base] && all_free(base, labels)) return base;
      unit = next_free_[unit];
      if (unit == first_free_) break;
    }
    const auto begin = static_cast<uint32_t>(units_.size());
    grow();
    return begin;
  }
  bool all_free(uint32_t base, std::string_view labels) const {
    return std::all_of(labels.begin(), labels.end(), [&](char label) {
      return is_free_[base ^ static_cast<unsigned char>(label)];
    });
  }
  // Opens a block of free units, before all others in the ring.
  void grow() {
    const auto begin = static_cast<uint32_t>(units_.size());
    units_.resize(begin + kBlock);
    is_free_.resize(begin + kBlock, true);
    is_base_.resize(begin + kBlock, false);
    next_free_.resize(begin + kBlock);
    previous_free_.resize(begin + kBlock);
    for (uint32_t i = 0; i < kBlock; ++i) {
      next_free_[begin + i] = begin + (i + 1) % kBlock;
      previous_free_[begin + i] = begin + (i + kBlock - 1) % kBlock;
    }
    if (first_free_ != kNoUnit) {
      const uint32_t last_new = begin + kBlock - 1, last = previous_free_[first_free_];
      link(last_new, first_free_);
      link(last, begin);
    }
    first_free_ = begin;
  }
  void take(uint32_t unit) {
    is_free_[unit] = false;
    if (next_free_[unit] == unit) {
      first_free_ = kNoUnit;
      return;
    }
    link(previous_free_[unit], next_free_[unit]);
    if (first_free_ == unit) first_free_ = next_free_[unit];
  }
  void link(uint32_t before, uint32_t after) {
    next_free_[before] = after;
    previous_free_[after] = before;
  }

  std::vector<DoubleArray::Unit>& units_;
  std::vector<bool> is_free_, is_base_;
  std::vector<uint32_t> next_free_, previous_free_;
  uint32_t first_free_ = kNoUnit;
};

DoubleArray::DoubleArray(std::vector<std::pair<std::string_view, int32_t>> keys) {
  std::sort(keys.begin(), keys.end());
  DoubleArrayBuilder(units_).build(keys);
}

int32_t DoubleArray::find(std::string_view key) const noexcept {
  uint32_t node = kRoot;
  for (const char byte : key) {
    node = child(node, static_cast<unsigned char>(byte));
    if (node == kNoNode) return kNone;
  }
  return value(node);
}

}  // namespace nopad::text
