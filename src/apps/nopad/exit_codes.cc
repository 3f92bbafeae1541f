#include "apps/nopad/exit_codes.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>

#include "apps/nopad/interrupt.h"
#include "apps/nopad/output.h"
#include "nopad/core/error.h"

namespace nopad::apps {
namespace {

int report(std::string_view where, std::string_view message, ExitCode code) noexcept {
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(where.size()), where.data(),
               static_cast<int>(message.size()), message.data());
  return static_cast<int>(code);
}

}  // namespace

const char* const kExitCodesHelp =
    "Exit codes:\n"
    "  0    done\n"
    "  1    a bug in nopad, or no memory\n"
    "  2    wrong usage: an unknown option, a setting out of range or impossible here\n"
    "  3    bad input: not UTF-8, not the JSON that was announced, too long\n"
    "  4    a file or a model: missing, malformed, can't be read or written\n"
    "  130  stopped by Ctrl-C (SIGINT); 143: by SIGTERM\n"
    "  141  the reader of standard output has gone, as in `nopad ... | head`; no\n"
    "       message\n"
    "Unless it is 0, a file named with --output is as it was before.\n";

int report_current_exception(std::string_view where) noexcept {
  try {
    throw;
  } catch (const ClosedOutput&) {
    return static_cast<int>(ExitCode::closed_output);
  } catch (const Interrupted& interrupted) {
    return interrupted.exit_code();
  } catch (const CLI::ParseError& error) {
    const int code = report(where, error.what(), ExitCode::usage);
    std::fprintf(stderr, "Try '%.*s --help'.\n", static_cast<int>(where.size()), where.data());
    return code;
  } catch (const OptionError& error) {
    return report(where, error.what(), ExitCode::usage);
  } catch (const InputError& error) {
    return report(where, error.what(), ExitCode::input);
  } catch (const LimitError& error) {
    return report(where, error.what(), ExitCode::input);
  } catch (const FileError& error) {
    return report(where, error.what(), ExitCode::file);
  } catch (const FormatError& error) {
    return report(where, error.what(), ExitCode::file);
  } catch (const WeightError& error) {
    return report(where, error.what(), ExitCode::file);
  } catch (const std::bad_alloc&) {
    return report(where, "no memory left", ExitCode::internal);
  } catch (const std::exception& error) {
    return report(where, error.what(), ExitCode::internal);
  } catch (...) {
    return report(where, "an unknown exception", ExitCode::internal);
  }
}

}  // namespace nopad::apps
