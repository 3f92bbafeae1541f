#include "apps/nopad/encode_records.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "apps/nopad/interrupt.h"
#include "apps/nopad/terminal.h"
#include "nopad/core/error.h"
#include "nopad/ragged/batching.h"

namespace nopad::apps {
namespace {

// Bounds the memory of a batch whose texts are long and cut, or whose token budget is huge.
constexpr size_t kMaxBatchTextBytes = size_t{4} << 20;
constexpr size_t kMaxBatchRecords = 65536;

TokenizedTexts tokenize(const TextEncoder& encoder, const Record& record) {
  TokenizedTexts out;
  try {
    encoder.append(record.text, out);
  } catch (const InputError& error) {
    fail<InputError>(place_of(record), ": ", error.what());
  } catch (const LimitError& error) {
    fail<LimitError>(place_of(record), ": ", error.what());
  }
  return out;
}

struct Batch {
  std::vector<Record> records;
  TokenizedTexts texts;
  size_t text_bytes = 0;

  bool has_room_for(const TokenizedTexts& text, int64_t batch_tokens) const {
    return records.empty() ||
           (std::ssize(texts.ids) + std::ssize(text.ids) <= batch_tokens &&
            text_bytes < kMaxBatchTextBytes && records.size() < kMaxBatchRecords);
  }
  void add(Record record, const TokenizedTexts& text) {
    text_bytes += record.text.size();
    records.push_back(std::move(record));
    texts.ids.insert(texts.ids.end(), text.ids.begin(), text.ids.end());
    texts.lengths.insert(texts.lengths.end(), text.lengths.begin(), text.lengths.end());
  }
};

// What padding would cost somebody who takes the records in batches of kArrivalBatch.
class ArrivalBatches {
 public:
  void add(int64_t length) {
    lengths_.push_back(length);
    if (std::ssize(lengths_) == kArrivalBatch) close();
  }
  int64_t finish() {
    close();
    return num_tokens_;
  }

 private:
  void close() {
    num_tokens_ += padded_tokens(lengths_);
    lengths_.clear();
  }

  std::vector<int64_t> lengths_;
  int64_t num_tokens_ = 0;
};

}  // namespace

EncodeTotals encode_records(RecordReader& reader, const TextEncoder& encoder, int64_t batch_tokens,
                            Progress& progress, const BatchConsumer& consume) {
  EncodeTotals totals;
  ArrivalBatches arrival;
  Batch batch;
  const auto run = [&] {
    if (batch.records.empty()) return;
    consume(batch.records, encoder.encode(batch.texts));
    totals.num_records += std::ssize(batch.records);
    totals.num_tokens += std::ssize(batch.texts.ids);
    batch = {};
    progress.update({totals.num_records, totals.num_tokens, reader.num_bytes()});
    throw_if_interrupted();
  };
  Record record;
  while (reader.next(record)) {
    const TokenizedTexts text = tokenize(encoder, record);
    if (!batch.has_room_for(text, batch_tokens)) run();
    arrival.add(std::ssize(text.ids));
    totals.num_truncated += text.num_truncated;
    batch.add(std::exchange(record, {}), text);
  }
  run();
  totals.num_padded_tokens = arrival.finish();
  totals.seconds = progress.seconds();
  return totals;
}

std::string describe(const EncodeTotals& totals) {
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
