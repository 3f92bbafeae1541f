// ProtobufReader: the fields of a protobuf message, one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nopad::text {

// One field. A caller that knows its number says what it must be.
struct ProtobufField {
  enum class Wire : uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

  uint32_t number = 0;
  Wire wire = Wire::varint;
  uint64_t value = 0;      // of all but `bytes`
  std::string_view bytes;  // of `bytes`: in the message
};

// Reads the wire format (protobuf.dev/programming-guides/encoding) without a schema: fields that the
// caller does not know are passed over. Nothing is copied, and nested messages are readers of their
// own, so that no depth is followed unasked.
class ProtobufReader {
 public:
  // message : must outlive the reader and its fields
  // where   : names the file and message in errors
  ProtobufReader(std::string_view message, std::string_view where)
      : message_(message), where_(where) {}

  // The next field; none at the end.
  // Throws FormatError: cut short, a number longer than ten bytes or beyond 64 bits, a length beyond
  //        the message, field number 0, a group.
  std::optional<ProtobufField> next();

  // The field's value as the schema has it. Throw FormatError: it was written as another kind.
  int64_t as_int(const ProtobufField& field) const;
  bool as_bool(const ProtobufField& field) const;
  float as_float(const ProtobufField& field) const;
  std::string_view as_bytes(const ProtobufField& field) const;

 private:
  uint64_t read_varint();
  uint64_t read_fixed(size_t num_bytes);
  std::string_view take(uint64_t num_bytes);
  void expect(const ProtobufField& field, ProtobufField::Wire wire) const;

  std::string_view message_;
  std::string where_;
  size_t at_ = 0;
};

}  // namespace nopad::text
