// Nearest: the records whose vectors are nearest to a query, in memory that does not grow.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "apps/nopad/record_reader.h"

namespace nopad::apps {

struct Hit {
  double score = 0;   // the cosine, -1 to 1
  int64_t index = 0;  // of the record, from 0
  Record record;
};

// The cosine of the angle between two vectors of one length; 0 where one of them is all zeros.
double cosine(std::span<const float> a, std::span<const float> b) noexcept;

// Keeps the `count` best hits that it was offered; of equal scores the one with the lower index.
class NearestRecords {
 public:
  explicit NearestRecords(size_t count) : count_(count) {}

  // Whether a hit of this score is among the best; asking first saves the copy of its text.
  bool would_keep(double score, int64_t index) const noexcept;
  void add(Hit hit);
  // The best first; empties this.
  std::vector<Hit> take();

 private:
  size_t count_;
  std::vector<Hit> heap_;  // the worst on top
};

}  // namespace nopad::apps
