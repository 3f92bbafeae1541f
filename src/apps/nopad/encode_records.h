// encode_records: a stream of texts into vectors, batch after batch, in constant memory.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "apps/nopad/progress.h"
#include "apps/nopad/record_reader.h"
#include "nopad/runtime/text_encoder.h"

namespace nopad::apps {

struct EncodeTotals {
  int64_t num_records = 0;
  int64_t num_tokens = 0;
  int64_t num_truncated = 0;  // records that were cut
  // What num_tokens would be, were each kArrivalBatch records in their order padded to the longest.
  int64_t num_padded_tokens = 0;
  double seconds = 0;  // without loading the model
};

inline constexpr int64_t kArrivalBatch = 32;

// The records of one batch and their vectors [n, dim], in the order of the input.
using BatchConsumer = std::function<void(std::span<const Record> records, const Tensor& rows)>;

// batch_tokens : a batch ends before the record that would bring more tokens; 1 or more
// Throws : what reading, encoding and consuming throw, "FILE:LINE: " before what concerns a record
EncodeTotals encode_records(RecordReader& reader, const TextEncoder& encoder, int64_t batch_tokens,
                            Progress& progress, const BatchConsumer& consume);

// "3,627 lines, 120,000 tokens in 4.1 s: 885 lines/s, 29,268 tokens/s; ..."
std::string describe(const EncodeTotals& totals);

}  // namespace nopad::apps
