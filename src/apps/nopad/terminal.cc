#include "apps/nopad/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace nopad::apps {
namespace {

bool is_set(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

// The bytes that continue a character of UTF-8.
bool is_tail(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

bool is_blank_or_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= 0x20 || byte == 0x7f;
}

}  // namespace

bool is_terminal(int descriptor) noexcept { return isatty(descriptor) == 1; }

size_t terminal_columns(int descriptor) noexcept {
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return std::max<size_t>(size.ws_col, 20);
}

bool can_redraw() noexcept {
  const char* const terminal = std::getenv("TERM");
  return is_terminal(STDERR_FILENO) && terminal != nullptr && std::string_view(terminal) != "dumb";
}

bool can_colour() noexcept { return can_redraw() && !is_set("NO_COLOR"); }

std::string one_line(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    // U+0080 to U+009F are control characters too; in UTF-8 they are 0xC2 and one more byte.
    const bool is_c1 = text[i] == '\xc2' && i + 1 < text.size() && (text[i + 1] & 0x20) == 0;
    if (is_c1) ++i;
    if (!is_c1 && !is_blank_or_control(text[i])) {
      out += text[i];
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string cut_to_columns(std::string_view text, size_t columns) {
  size_t num_characters = 0, cut = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_tail(text[i])) continue;
    if (num_characters + 1 == columns) cut = i;
    if (++num_characters > columns) return std::string(text.substr(0, cut)) + "…";
  }
  return std::string(text);
}

std::string with_thousands(long long number) {
  std::string digits = std::to_string(number);
  const size_t first = number < 0 ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

}  // namespace nopad::apps
