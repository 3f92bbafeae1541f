// Files: bounded reads, read-only mappings, and writes that are whole or not there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "nopad/core/storage.h"

namespace nopad::io {

// The content of a regular file (or of a link to one) of at most `max_bytes` bytes.
// Throws FileError: can't be opened or read, or not a regular file; LimitError: larger.
std::string read_file(const std::filesystem::path& path, uint64_t max_bytes);

// A regular file that is open for reading; its size is fixed when it is opened.
class InputFile {
 public:
  // Throws FileError: can't be opened, or not a regular file.
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;

  const std::filesystem::path& path() const noexcept { return path_; }
  uint64_t num_bytes() const noexcept { return num_bytes_; }
  // Bytes [begin, begin + num_bytes). Throws FileError: out of range, or the file was cut short.
  std::string read(uint64_t begin, size_t num_bytes) const;
  void read_into(uint64_t begin, std::span<std::byte> out) const;
  // The same bytes as a private read-only mapping that lives as long as the storage; its pages are
  // shared with other processes and given back when it dies. The file must not be truncated
  // meanwhile.
  Storage map(uint64_t begin, size_t num_bytes) const;

 private:
  void expect_range(uint64_t begin, size_t num_bytes) const;

  std::filesystem::path path_;
  int descriptor_ = -1;
  uint64_t num_bytes_ = 0;
};

// A file that is written beside its target and takes its place in one step on commit(): the target
// is the old file or the new one, never a part. Not committed means removed. What a killed process
// left beside the target is removed by the next writer of the same target. Writes are not buffered.
class OutputFile {
 public:
  // Throws FileError: the folder can't be written, the target is not a regular file, or another
  // process is writing it.
  explicit OutputFile(const std::filesystem::path& target);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Appends. Throws FileError naming the target and the bytes wanted: no space left, and so on.
  void write(std::string_view bytes);
  // Overwrites bytes that were written before (a header whose counts are known at the end).
  void write_at(uint64_t offset, std::string_view bytes);
  // fsync, rename, fsync of the folder; nothing can be written afterwards.
  // Throws FileError; the target is then as it was.
  void commit();

 private:
  void discard() noexcept;

  std::filesystem::path target_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
  uint64_t num_bytes_ = 0;
};

}  // namespace nopad::io
