// Terminal: what stdout and stderr are connected to, and text that is fit to be shown there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nopad::apps {

bool is_terminal(int descriptor) noexcept;
// At least 20; 80 where it is not known.
size_t terminal_columns(int descriptor) noexcept;
// Whether colours and redrawn lines are welcome on stderr: a terminal that can do them, and for
// colours no NO_COLOR in the environment (https://no-color.org).
bool can_redraw() noexcept;
bool can_colour() noexcept;

// UTF-8 text on one line: blanks and control characters become single spaces.
std::string one_line(std::string_view text);
// At most `columns` characters of UTF-8 text, the last one "…" where something was cut.
std::string cut_to_columns(std::string_view text, size_t columns);
// 1234567 as "1,234,567".
std::string with_thousands(long long number);

}  // namespace nopad::apps
