// run_records: a stream of records through a model, batch after batch, in constant memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "apps/nopad/progress.h"
#include "apps/nopad/record_reader.h"
#include "nopad/runtime/tokenized_texts.h"
#include "nopad/text/tokenizer.h"

namespace nopad::apps {

struct RunTotals {
  int64_t num_records = 0;
  int64_t num_tokens = 0;
  int64_t num_truncated = 0;  // records that were cut
  // What num_tokens would be, were each kArrivalBatch sequences in their order padded to the longest.
  int64_t num_padded_tokens = 0;
  double seconds = 0;  // without loading the model
};

inline constexpr int64_t kArrivalBatch = 32;

// "3,627 lines, 120,000 tokens in 4.1 s: 885 lines/s, 29,268 tokens/s; ..."
std::string describe(const RunTotals& totals);

// The sequences that one record became.
struct TokenCount {
  std::vector<int64_t> lengths;
  bool is_truncated = false;
};

TokenCount count_tokens(const TokenizedTexts& texts);
TokenCount count_tokens(const text::Encoding& text);
// One text whole or cut, or windows over it: then nothing of it is lost.
TokenCount count_tokens(const std::vector<text::Encoding>& windows);

// What run_records() has taken in: how full the batch is, and the totals.
class RecordCounter {
 public:
  // All three must outlive it.
  RecordCounter(const RecordReader& reader, int64_t batch_tokens, Progress& progress)
      : reader_(reader), batch_tokens_(batch_tokens), progress_(progress) {}

  // Whether a batch of one record or more can take these as well.
  bool has_room_for(const TokenCount& count) const noexcept;
  void add(const Record& record, const TokenCount& count);
  // Throws Interrupted.
  void close_batch();
  RunTotals finish();

 private:
  void close_arrival();

  const RecordReader& reader_;
  int64_t batch_tokens_;
  Progress& progress_;
  RunTotals totals_;
  std::vector<int64_t> arrival_;  // lengths of the sequences that came in last
  int64_t num_batch_records_ = 0, num_batch_tokens_ = 0;
  size_t num_batch_bytes_ = 0;
};

// tokenize     : const Record& -> Tokens, which count_tokens() knows
// run          : (std::span<const Record>, std::span<const Tokens>), one or more records in the
//                order of the input
// batch_tokens : a batch ends before the record that would bring more tokens; 1 or more
// Throws       : what reading, tokenizing and running throw, "FILE:LINE: " before what concerns a
//                record
template <class Tokenize, class Run>
RunTotals run_records(RecordReader& reader, int64_t batch_tokens, Progress& progress,
                      const Tokenize& tokenize, const Run& run) {
  using Tokens = std::invoke_result_t<const Tokenize&, const Record&>;
  RecordCounter counter(reader, batch_tokens, progress);
  std::vector<Record> records;
  std::vector<Tokens> tokens;
  const auto run_batch = [&] {
    if (records.empty()) return;
    run(std::span<const Record>(records), std::span<const Tokens>(tokens));
    records.clear();
    tokens.clear();
    counter.close_batch();
  };
  Record record;
  while (reader.next(record)) {
    Tokens own = at_place_of(record, [&] { return tokenize(record); });
    const TokenCount count = count_tokens(own);
    if (!counter.has_room_for(count)) run_batch();
    counter.add(record, count);
    records.push_back(std::exchange(record, {}));
    tokens.push_back(std::move(own));
  }
  run_batch();
  return counter.finish();
}

}  // namespace nopad::apps
