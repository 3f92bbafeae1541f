// The exceptions that every part of nopad throws, and the one way to build their messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace nopad {

// Base of everything that nopad throws on purpose.
// Messages read "where: operand: expected X, got Y" and name the file where one is involved.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// clang-format off
// The caller's bug.
struct ShapeError : Error { using Error::Error; };    // a dimension that does not fit
struct DTypeError : Error { using Error::Error; };    // an element type that does not fit
struct LayoutError : Error { using Error::Error; };   // operands whose sequences differ
struct WeightError : Error { using Error::Error; };   // a missing or misshapen weight
struct OptionError : Error { using Error::Error; };   // a setting out of range, or impossible here

// The world's fault.
struct FileError : Error { using Error::Error; };     // one that can't be opened, read or written
struct FormatError : Error { using Error::Error; };   // a malformed file
struct InputError : Error { using Error::Error; };    // unusable text, token ids or request
struct LimitError : Error { using Error::Error; };    // input too long, too many, too large

// Ours.
struct InternalError : Error { using Error::Error; };
// clang-format on

namespace detail {

void append(std::string& out, std::string_view text);
void append(std::string& out, int64_t number);
void append(std::string& out, uint64_t number);
void append(std::string& out, float number);
void append(std::string& out, double number);

template <class Part>
void append_part(std::string& out, const Part& part) {
  if constexpr (std::is_convertible_v<const Part&, std::string_view>) {
    append(out, std::string_view(part));
  } else if constexpr (std::is_floating_point_v<Part>) {
    append(out, part);
  } else if constexpr (std::is_integral_v<Part> && std::is_signed_v<Part>) {
    append(out, static_cast<int64_t>(part));
  } else if constexpr (std::is_integral_v<Part>) {
    append(out, static_cast<uint64_t>(part));
  } else {
    append(out, std::string_view(to_string(part)));  // found where the type is declared
  }
}

}  // namespace detail

// Joins strings, numbers and anything with a `to_string` into one string.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::string out;
  (detail::append_part(out, parts), ...);
  return out;
}

// Throws E with the parts joined into its message.
template <class E, class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw E(concat(parts...));
}

}  // namespace nopad
