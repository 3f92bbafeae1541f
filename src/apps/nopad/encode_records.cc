#include "apps/nopad/encode_records.h"

namespace nopad::apps {
namespace {

TokenizedTexts join(std::span<const TokenizedTexts> texts) {
  TokenizedTexts out;
  const auto append = [](const auto& from, auto& to) {
    to.insert(to.end(), from.begin(), from.end());
  };
  for (const TokenizedTexts& text : texts) {
    append(text.ids, out.ids);
    append(text.type_ids, out.type_ids);
    append(text.lengths, out.lengths);
  }
  return out;
}

}  // namespace

RunTotals encode_records(RecordReader& reader, const TextEncoder& encoder, int64_t batch_tokens,
                         Progress& progress, const RowsConsumer& consume) {
  const auto tokenize = [&](const Record& record) {
    TokenizedTexts out;
    encoder.append(record.text, out);
    return out;
  };
  return run_records(reader, batch_tokens, progress, tokenize,
                     [&](std::span<const Record> records, std::span<const TokenizedTexts> texts) {
                       consume(records, encoder.encode(join(texts)));
                     });
}

}  // namespace nopad::apps
