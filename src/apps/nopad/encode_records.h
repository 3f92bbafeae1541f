// encode_records: a stream of texts into vectors, batch after batch, in constant memory.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "apps/nopad/run_records.h"
#include "nopad/runtime/text_encoder.h"

namespace nopad::apps {

// The records of one batch and their vectors [n, dim], in the order of the input.
using RowsConsumer = std::function<void(std::span<const Record> records, const Tensor& rows)>;

// Throws : as run_records()
RunTotals encode_records(RecordReader& reader, const TextEncoder& encoder, int64_t batch_tokens,
                         Progress& progress, const RowsConsumer& consume);

}  // namespace nopad::apps
