// Output: buffered bytes onto standard output, or into a file that appears whole.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "nopad/core/error.h"
#include "nopad/io/file.h"

namespace nopad::apps {

// Whoever read our standard output has gone (EPIPE).
struct ClosedOutput : Error {
  using Error::Error;
};

class Output {
 public:
  Output() = default;                                  // standard output
  explicit Output(const std::filesystem::path& file);  // Throws FileError.

  // Throws FileError: no space left, and so on; ClosedOutput.
  void write(std::string_view bytes);
  // Writes what is buffered, and puts the file in its place.
  void finish();

 private:
  void flush();

  std::optional<io::OutputFile> file_;
  std::string buffer_;
};

// Whether nobody can read any more what is written to this descriptor, a pipe or socket.
bool is_reader_gone(int descriptor) noexcept;

}  // namespace nopad::apps
