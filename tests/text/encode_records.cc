// Encodes length-prefixed texts from stdin, for tools/text/compare_with_package.py.
//
// encode_records MODEL_DIR MAX_LENGTH STRATEGY [typed]
// in  : per record a u8 number of texts (1 or 2), then per text a u32 length and the bytes
// out : per record a u32 number of tokens, then per token i32 id, i32 type, i32 source, i64 begin,
//       i64 end; then a u32 length and the bytes of what the tokens decode to
#include <cstdint>
#include <iostream>
#include <string>

#include "nopad/core/error.h"
#include "nopad/text/tokenizer.h"

namespace {

using nopad::text::EncodeOptions;
using nopad::text::Encoding;
using nopad::text::Tokenizer;
using nopad::text::Truncation;

template <class T>
bool read(T& value) {
  return static_cast<bool>(std::cin.read(reinterpret_cast<char*>(&value), sizeof value));
}

template <class T>
void write(T value) {
  std::cout.write(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string read_text() {
  uint32_t length = 0;
  read(length);
  std::string text(length, '\0');
  std::cin.read(text.data(), length);
  return text;
}

// A record without tokens stands for an error, as a text always has its frame.
Encoding encode_record(const Tokenizer& tokenizer, uint8_t num_texts,
                       const EncodeOptions& options) {
  const std::string first = read_text();
  const std::string second = num_texts == 2 ? read_text() : "";
  try {
    return num_texts == 2 ? tokenizer.encode_pair(first, second, options)
                          : tokenizer.encode(first, options);
  } catch (const nopad::Error&) {
    return {};
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  std::ios::sync_with_stdio(false);
  const Tokenizer tokenizer = Tokenizer::load(argv[1]);
  EncodeOptions options;
  options.max_length = std::stoll(argv[2]);
  const std::string strategy = argv[3];
  options.truncation = strategy == "only_first"    ? Truncation::only_first
                       : strategy == "only_second" ? Truncation::only_second
                                                   : Truncation::longest_first;
  options.truncation_side = strategy == "left" ? nopad::text::Side::left : nopad::text::Side::right;
  options.match_special_tokens = argc == 4;
  for (uint8_t num_texts = 0; read(num_texts);) {
    const Encoding encoding = encode_record(tokenizer, num_texts, options);
    write(static_cast<uint32_t>(encoding.size()));
    for (size_t i = 0; i < encoding.size(); ++i) {
      write(encoding.ids[i]);
      write(encoding.type_ids[i]);
      write(static_cast<int32_t>(encoding.sources[i]));
      write(encoding.spans[i].begin);
      write(encoding.spans[i].end);
    }
    const std::string decoded = tokenizer.decode(encoding.ids);
    write(static_cast<uint32_t>(decoded.size()));
    std::cout.write(decoded.data(), static_cast<std::streamsize>(decoded.size()));
  }
  return 0;
}
