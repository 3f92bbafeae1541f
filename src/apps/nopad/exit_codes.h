// Exit codes: the one place where errors become messages on stderr and numbers for the shell.
#pragma once

#include <string_view>

namespace nopad::apps {

enum class ExitCode { ok = 0, internal = 1, usage = 2, input = 3, file = 4, closed_output = 141 };

// What `--help` says about them.
extern const char* const kExitCodesHelp;

// Writes the message of the exception that is being handled to stderr, after `where`, and returns
// the number to exit with. A closed output and an interrupt are quiet.
int report_current_exception(std::string_view where) noexcept;

}  // namespace nopad::apps
