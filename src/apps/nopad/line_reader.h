// LineReader: the lines of a file, a pipe or standard input, in constant memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace nopad::apps {

class LineReader {
 public:
  // path : a file, or "-" for standard input
  // Throws FileError: can't be opened, a folder.
  LineReader(const std::string& path, size_t max_line_bytes);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // The next line without its end, "\n" or "\r\n"; false after the last. A last line needs no end.
  // Throws FileError: can't be read; LimitError: a line longer than max_line_bytes.
  bool next(std::string& line);
  // The number of the line that next() gave, from 1.
  int64_t line_number() const noexcept { return line_number_; }
  // What messages call the file.
  const std::string& name() const noexcept { return name_; }
  // Of the lines that next() gave, with their ends.
  uint64_t num_bytes() const noexcept { return num_bytes_; }

 private:
  bool fill();

  std::string name_;
  int descriptor_ = -1;
  size_t max_line_bytes_;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;  // what is buffered and was not given yet
  int64_t line_number_ = 0;
  uint64_t num_bytes_ = 0;
};

}  // namespace nopad::apps
