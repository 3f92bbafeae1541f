#include "apps/run_command.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

#include "io/scratch_directory.h"

namespace nopad::test {
namespace {

int pipe_without_reader() {
  int ends[2];
  if (pipe(ends) != 0) _exit(126);
  close(ends[0]);
  return ends[1];
}

// A pipe whose writing end stays open, in the reader itself.
int endless_input() {
  int ends[2];
  if (pipe(ends) != 0) _exit(126);
  return ends[0];
}

// Gives up after ten seconds: the test then sees an exit code that it did not expect.
void interrupt(pid_t child, const Interruption& interruption) {
  for (int i = 0; i < 1000 && !std::filesystem::exists(interruption.when_exists); ++i) {
    usleep(10'000);
  }
  usleep(100'000);  // until it waits for input
  kill(child, interruption.signal);
}

void redirect(const std::filesystem::path& path, int flags, int descriptor) {
  const int opened = open(path.c_str(), flags, 0600);
  if (opened < 0 || dup2(opened, descriptor) < 0) _exit(126);
  close(opened);
}

[[noreturn]] void become_command(const std::vector<std::string>& arguments,
                                 const CommandSetting& setting,
                                 const std::filesystem::path& folder) {
  if (setting.interruption) {
    dup2(endless_input(), STDIN_FILENO);
  } else {
    redirect(folder / "in", O_RDONLY, STDIN_FILENO);
  }
  redirect(folder / "err", O_WRONLY | O_CREAT, STDERR_FILENO);
  if (setting.closes_output) {
    dup2(pipe_without_reader(), STDOUT_FILENO);
  } else {
    redirect(setting.output.value_or(folder / "out"), O_WRONLY | O_CREAT, STDOUT_FILENO);
  }
  if (setting.max_file_bytes) {
    const rlimit limit{*setting.max_file_bytes, *setting.max_file_bytes};
    setrlimit(RLIMIT_FSIZE, &limit);
    signal(SIGXFSZ, SIG_IGN);  // the write fails with EFBIG
  }
  for (std::string variable : setting.environment) putenv(strdup(variable.c_str()));
  std::vector<char*> pointers{const_cast<char*>(NOPAD_COMMAND)};
  for (const std::string& argument : arguments) {
    pointers.push_back(const_cast<char*>(argument.c_str()));
  }
  pointers.push_back(nullptr);
  execv(NOPAD_COMMAND, pointers.data());
  _exit(127);
}

}  // namespace

CommandResult run_command(const std::vector<std::string>& arguments,
                          const CommandSetting& setting) {
  const ScratchDirectory folder;
  folder.write("in", setting.input);
  const pid_t child = fork();
  if (child == 0) become_command(arguments, setting, folder.path());
  if (child > 0 && setting.interruption) interrupt(child, *setting.interruption);
  int status = 0;
  rusage usage{};
  if (child < 0 || wait4(child, &status, 0, &usage) != child) {
    throw std::runtime_error("can't run the command");
  }
  return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .out = content_of(folder / "out"),
          .err = content_of(folder / "err"),
          .peak_memory_bytes = usage.ru_maxrss * 1024};
}

std::string small_model() { return NOPAD_TEST_DATA "/models/sentence-dense-v6"; }

}  // namespace nopad::test
