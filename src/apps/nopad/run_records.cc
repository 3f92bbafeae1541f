#include "apps/nopad/run_records.h"

#include <algorithm>
#include <cstdio>

#include "apps/nopad/interrupt.h"
#include "apps/nopad/terminal.h"
#include "nopad/core/error.h"
#include "nopad/ragged/batching.h"

namespace nopad::apps {
namespace {

// Bounds the memory of a batch whose texts are long and cut, or whose token budget is huge.
constexpr size_t kMaxBatchBytes = size_t{4} << 20;
constexpr int64_t kMaxBatchRecords = 65536;

int64_t sum(const std::vector<int64_t>& values) {
  int64_t out = 0;
  for (const int64_t value : values) out += value;
  return out;
}

size_t num_bytes_of(const Record& record) {
  size_t out = record.text.size();
  for (const std::string& other : record.others) out += other.size();
  return out;
}

}  // namespace

TokenCount count_tokens(const TokenizedTexts& texts) {
  return {texts.lengths, texts.num_truncated > 0};
}

TokenCount count_tokens(const text::Encoding& text) {
  return {{std::ssize(text.ids)}, text.num_truncated > 0};
}

TokenCount count_tokens(const std::vector<text::Encoding>& windows) {
  TokenCount count;
  count.is_truncated = windows.size() == 1 && windows[0].num_truncated > 0;
  for (const text::Encoding& window : windows) count.lengths.push_back(std::ssize(window.ids));
  return count;
}

bool RecordCounter::has_room_for(const TokenCount& count) const noexcept {
  return num_batch_tokens_ + sum(count.lengths) <= batch_tokens_ &&
         num_batch_bytes_ < kMaxBatchBytes && num_batch_records_ < kMaxBatchRecords;
}

void RecordCounter::add(const Record& record, const TokenCount& count) {
  ++num_batch_records_;
  num_batch_tokens_ += sum(count.lengths);
  num_batch_bytes_ += num_bytes_of(record);
  totals_.num_truncated += count.is_truncated ? 1 : 0;
  for (const int64_t length : count.lengths) {
    arrival_.push_back(length);
    if (std::ssize(arrival_) == kArrivalBatch) close_arrival();
  }
}

void RecordCounter::close_arrival() {
  totals_.num_padded_tokens += padded_tokens(arrival_);
  arrival_.clear();
}

void RecordCounter::close_batch() {
  totals_.num_records += std::exchange(num_batch_records_, 0);
  totals_.num_tokens += std::exchange(num_batch_tokens_, 0);
  num_batch_bytes_ = 0;
  progress_.update({totals_.num_records, totals_.num_tokens, reader_.num_bytes()});
  throw_if_interrupted();
}

RunTotals RecordCounter::finish() {
  close_arrival();
  totals_.seconds = progress_.seconds();
  return totals_;
}

std::string describe(const RunTotals& totals) {
  const double seconds = std::max(totals.seconds, 1e-9);
  const auto rate = [&](int64_t count) {
    return with_thousands(static_cast<long long>(static_cast<double>(count) / seconds));
  };
  char duration[32];
  std::snprintf(duration, sizeof duration, "%.2f s", totals.seconds);
  std::string out =
      concat(with_thousands(totals.num_records), totals.num_records == 1 ? " line, " : " lines, ",
             with_thousands(totals.num_tokens), " tokens in ", duration, ": ",
             rate(totals.num_records), " lines/s, ", rate(totals.num_tokens), " tokens/s; ",
             with_thousands(totals.num_truncated), " truncated");
  if (totals.num_tokens > 0) {
    const double padding = static_cast<double>(totals.num_padded_tokens - totals.num_tokens);
    char share[32];
    std::snprintf(share, sizeof share, "%.0f %%",
                  100 * padding / static_cast<double>(totals.num_tokens));
    out += concat("; padding batches of ", kArrivalBatch, " in this order would add ", share,
                  " to the tokens");
  }
  return out;
}

}  // namespace nopad::apps
