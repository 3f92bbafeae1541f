#include "text/protobuf_reader.h"

#include <bit>

#include "nopad/core/error.h"

namespace nopad::text {

using Wire = ProtobufField::Wire;

std::optional<ProtobufField> ProtobufReader::next() {
  if (at_ == message_.size()) return std::nullopt;
  const size_t begin = at_;
  const uint64_t tag = read_varint();
  const uint64_t number = tag >> 3;
  if (number == 0 || number > (uint64_t{1} << 29) - 1) {
    fail<FormatError>(where_, ": byte ", begin,
                      ": expected a field number from 1 to 536870911, got ", number);
  }
  ProtobufField field{static_cast<uint32_t>(number), static_cast<Wire>(tag & 7), 0, {}};
  switch (field.wire) {
    case Wire::varint: field.value = read_varint(); return field;
    case Wire::fixed64: field.value = read_fixed(8); return field;
    case Wire::bytes: field.bytes = take(read_varint()); return field;
    case Wire::fixed32: field.value = read_fixed(4); return field;
  }
  fail<FormatError>(where_, ": byte ", begin, ": field ", number,
                    ": expected a number or bytes, got wire type ", tag & 7);
}

uint64_t ProtobufReader::read_varint() {
  const size_t begin = at_;
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at_ == message_.size()) {
      fail<FormatError>(where_, ": byte ", begin, ": expected a number, got the end");
    }
    const auto byte = static_cast<unsigned char>(message_[at_++]);
    if (shift == 63 && byte > 1) break;
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  fail<FormatError>(where_, ": byte ", begin,
                    ": expected a number of at most 64 bits, got a longer one");
}

uint64_t ProtobufReader::read_fixed(size_t num_bytes) {
  uint64_t value = 0;
  unsigned shift = 0;
  for (const char byte : take(num_bytes)) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(byte)) << shift;
    shift += 8;
  }
  return value;
}

std::string_view ProtobufReader::take(uint64_t num_bytes) {
  const size_t left = message_.size() - at_;
  if (num_bytes > left) {
    fail<FormatError>(where_, ": byte ", at_, ": expected ", num_bytes, " bytes, got ", left);
  }
  const std::string_view out = message_.substr(at_, num_bytes);
  at_ += num_bytes;
  return out;
}

void ProtobufReader::expect(const ProtobufField& field, Wire wire) const {
  if (field.wire == wire) return;
  fail<FormatError>(where_, ": field ", field.number, ": expected wire type ",
                    static_cast<int>(wire), ", got ", static_cast<int>(field.wire));
}

int64_t ProtobufReader::as_int(const ProtobufField& field) const {
  expect(field, Wire::varint);
  return static_cast<int64_t>(field.value);
}

bool ProtobufReader::as_bool(const ProtobufField& field) const { return as_int(field) != 0; }

float ProtobufReader::as_float(const ProtobufField& field) const {
  expect(field, Wire::fixed32);
  return std::bit_cast<float>(static_cast<uint32_t>(field.value));
}

std::string_view ProtobufReader::as_bytes(const ProtobufField& field) const {
  expect(field, Wire::bytes);
  return field.bytes;
}

}  // namespace nopad::text
