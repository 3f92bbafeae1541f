// nopad: the command.
#include <CLI/CLI.hpp>
#include <array>
#include <memory>
#include <string>

#include "apps/nopad/commands.h"
#include "apps/nopad/exit_codes.h"
#include "apps/nopad/help_formatter.h"
#include "apps/nopad/interrupt.h"
#include "apps/nopad/output.h"
#include "nopad/core/error.h"

namespace nopad::apps {
namespace {

constexpr const char* kDescription =
    "Runs text encoders over texts of unequal length without padding.\n"
    "Each command has its own --help, e.g. `nopad embed --help`.";

constexpr const char* kFooter =
    "\nEnvironment:\n"
    "  NOPAD_ISA      the instruction set, as --isa\n"
    "  NOPAD_THREADS  the number of threads, as --threads\n"
    "  NO_COLOR       if set and not empty: no colour in the progress bar\n"
    "  TMPDIR         where `embed --format npy` on standard output keeps rows until\n"
    "                 it knows how many they are; default: /tmp\n"
    "\n"
    "Examples:\n"
    "  nopad inspect all-MiniLM-L6-v2\n"
    "  nopad embed --model all-MiniLM-L6-v2 --output rows.npy lines.txt\n"
    "  nopad search --model all-MiniLM-L6-v2 --query \"a quiet place\" lines.txt\n"
    "  nopad classify --model sentiment reviews.txt\n";

void print(const std::string& text) {
  Output output;
  output.write(text);
  output.finish();
}

int run(int argc, char** argv) {
  CLI::App app(kDescription, "nopad");
  app.formatter(std::make_shared<HelpFormatter>("COMMAND [ARGUMENT]..."));
  app.footer(concat(kExitCodesHelp, kFooter));
  app.set_version_flag("--version", "nopad " NOPAD_VERSION, "Print the version and exit.");
  app.set_help_flag("--help,-h", "Print this and exit.");
  app.require_subcommand(1);
  const std::array commands{
      add_embed_command(app),  add_search_command(app),    add_classify_command(app),
      add_rerank_command(app), add_fill_mask_command(app), add_tag_command(app),
      add_answer_command(app), add_tokenize_command(app),  add_inspect_command(app)};
  const auto where = [&] {
    for (const Command& command : commands) {
      if (app.got_subcommand(command.arguments)) {
        return concat("nopad ", command.arguments->get_name());
      }
    }
    return std::string("nopad");
  };
  try {
    try {
      app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
      print(app.help());
      return static_cast<int>(ExitCode::ok);
    } catch (const CLI::CallForVersion& version) {
      print(concat(version.what(), "\n"));
      return static_cast<int>(ExitCode::ok);
    }
    for (const Command& command : commands) {
      if (app.got_subcommand(command.arguments)) command.run();
    }
    return static_cast<int>(ExitCode::ok);
  } catch (...) {
    return report_current_exception(where());
  }
}

}  // namespace
}  // namespace nopad::apps

int main(int argc, char** argv) {
  nopad::apps::catch_signals();
  return nopad::apps::run(argc, argv);
}
