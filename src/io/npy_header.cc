#include "io/npy_header.h"

#include <charconv>
#include <set>

#include "nopad/core/error.h"

namespace nopad::io {
namespace {

// Reads the Python literal from left to right; what does not fit is an error at that column.
class Cursor {
 public:
  Cursor(std::string_view text, std::string_view where) : text_(text), where_(where) {}

  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }
  bool accept(std::string_view token) {
    skip_space();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  void expect(std::string_view token) {
    if (!accept(token)) fail_here(token);
  }
  [[noreturn]] void fail_here(std::string_view expected) const {
    fail<FormatError>(where_, ": header: column ", at_ + 1, ": expected ", expected);
  }

  std::string string() {
    const char mark = accept("'") ? '\'' : '"';
    if (mark == '"') expect("\"");
    const size_t end = text_.find(mark, at_);
    if (end == text_.npos) fail_here("the end of a string");
    std::string value(text_.substr(at_, end - at_));
    at_ = end + 1;
    return value;
  }
  bool boolean() {
    if (accept("True")) return true;
    expect("False");
    return false;
  }
  std::vector<int64_t> counts() {
    constexpr size_t kMaxRank = 32;
    std::vector<int64_t> values;
    expect("(");
    while (!accept(")")) {
      if (values.size() == kMaxRank) fail_here("at most 32 dimensions");
      values.push_back(count());
      if (!accept(",")) {
        expect(")");
        break;
      }
    }
    return values;
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  int64_t count() {
    skip_space();
    int64_t value = 0;
    const char* const begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc() || value < 0) fail_here("a count below 2^63");
    at_ += static_cast<size_t>(end - begin);
    return value;
  }

  std::string_view text_;
  std::string_view where_;
  size_t at_ = 0;
};

}  // namespace

NpyHeader parse_npy_header(std::string_view text, std::string_view where) {
  Cursor cursor(text, where);
  NpyHeader header;
  std::set<std::string> missing = {"descr", "fortran_order", "shape"};
  cursor.expect("{");
  while (!cursor.accept("}")) {
    const std::string key = cursor.string();
    if (missing.erase(key) == 0) cursor.fail_here("the keys descr, fortran_order and shape, once");
    cursor.expect(":");
    if (key == "descr") header.descr = cursor.string();
    if (key == "fortran_order") header.fortran_order = cursor.boolean();
    if (key == "shape") header.shape = cursor.counts();
    if (!cursor.accept(",")) {
      cursor.expect("}");
      break;
    }
  }
  if (!missing.empty()) cursor.fail_here(concat("the key ", *missing.begin()));
  if (!cursor.at_end()) cursor.fail_here("nothing but spaces after the header");
  return header;
}

std::string make_npy_header(int64_t num_rows, int64_t num_columns) {
  constexpr size_t kNumBytes = 128;  // the longest shape fits, and data begins at a cache line
  std::string out("\x93NUMPY\x01\x00\x76\x00", 10);
  out += concat("{'descr': '<f4', 'fortran_order': False, 'shape': (", num_rows, ", ", num_columns,
                "), }");
  out.resize(kNumBytes - 1, ' ');
  return out + '\n';
}

}  // namespace nopad::io
