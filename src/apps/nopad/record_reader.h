// RecordReader: the texts of a job, one after the other, with the places that they come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/nopad/line_reader.h"
#include "nopad/core/error.h"

namespace nopad::apps {

// One text: a line, a field of a JSON line, or several lines up to a separator. Or several texts that
// belong together.
struct Record {
  std::string text;                      // UTF-8
  std::vector<std::string> others = {};  // the second text of a pair, or those of a list; UTF-8
  std::string_view file = {};            // as messages name it; valid while the reader lives
  int64_t line = 0;                      // its first, from 1
};

// "FILE:LINE"
std::string place_of(const Record& record);

// Calls f(). What it throws of a text gets "FILE:LINE: " put before it.
template <class F>
auto at_place_of(const Record& record, F&& f) {
  try {
    return f();
  } catch (const InputError& error) {
    fail<InputError>(place_of(record), ": ", error.what());
  } catch (const LimitError& error) {
    fail<LimitError>(place_of(record), ": ", error.what());
  }
}

class RecordReader {
 public:
  struct Config {
    std::optional<std::string> field;      // each line is a JSON object; its string of that name
    std::optional<std::string> separator;  // records end at a line that equals it
    // Where `others` come from, if anywhere: what follows the one tab of a line, another string of the
    // JSON object, or its list of strings.
    bool are_pairs = false;
    std::optional<std::string> pair_field = {};
    std::optional<std::string> list_field = {};
    size_t max_bytes = size_t{16} << 20;  // of a record
  };

  // files : in their order, "-" for standard input; none means standard input
  // Throws FileError: a file that can't be opened, before anything is read; OptionError: settings
  // that exclude each other.
  RecordReader(const std::vector<std::string>& files, Config config);

  // False after the last. Line ends inside a record become spaces. A record without a line, such
  // as behind a separator at the end of a file, is skipped.
  // Throws FileError; InputError: "FILE:LINE: ...", not UTF-8, no such field, no tab or several;
  // LimitError: too long.
  bool next(Record& record);

  // Of the records that next() gave.
  uint64_t num_bytes() const noexcept;
  // The size of all files together, where they are regular files.
  std::optional<uint64_t> total_bytes() const noexcept { return total_bytes_; }

 private:
  bool next_line(Record& record);
  bool next_section(Record& record);
  void take_fields(Record& record) const;

  Config config_;
  std::vector<std::string> files_;
  std::vector<std::string> names_;
  std::optional<LineReader> lines_;
  size_t next_file_ = 0;
  uint64_t finished_bytes_ = 0;  // of the files before the current one
  std::optional<uint64_t> total_bytes_ = 0;
};

}  // namespace nopad::apps
