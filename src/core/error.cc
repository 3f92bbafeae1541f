#include "nopad/core/error.h"

#include <charconv>

namespace nopad::detail {
namespace {

template <class Number>
void append_number(std::string& out, Number number) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  out.append(digits, end);
}

}  // namespace

void append(std::string& out, std::string_view text) { out.append(text); }
void append(std::string& out, int64_t number) { append_number(out, number); }
void append(std::string& out, uint64_t number) { append_number(out, number); }
void append(std::string& out, float number) { append_number(out, number); }
void append(std::string& out, double number) { append_number(out, number); }

}  // namespace nopad::detail
