// run_command: the built `nopad` as a process, and everything that came of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace nopad::test {

// Standard input never ends; `signal` is sent as soon as there is a file `when_exists`.
struct Interruption {
  int signal = 0;
  std::filesystem::path when_exists;
};

struct CommandSetting {
  std::string input = {};                            // on standard input
  std::vector<std::string> environment = {};         // "NAME=value", added to ours
  std::optional<std::filesystem::path> output = {};  // where standard output goes, if not to us
  bool closes_output = false;                        // standard output is a pipe without reader
  std::optional<uint64_t> max_file_bytes = {};       // RLIMIT_FSIZE
  std::optional<Interruption> interruption = {};
};

struct CommandResult {
  int exit_code = 0;  // 128 + the signal, where one killed it
  std::string out;
  std::string err;
  int64_t peak_memory_bytes = 0;  // at least what this process had when it started the command
};

// For tests of memory: AddressSanitizer gives back at once what the command frees.
inline const std::vector<std::string> kNoQuarantine = {
    "ASAN_OPTIONS=quarantine_size_mb=0:thread_local_quarantine_size_kb=0"};

CommandResult run_command(const std::vector<std::string>& arguments,
                          const CommandSetting& setting = {});

// A small model with Pooling, Dense and Normalize modules, a limit of 32 tokens and vectors of 5.
std::string small_model();

}  // namespace nopad::test
