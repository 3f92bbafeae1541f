#include "apps/nopad/record_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "io/json.h"
#include "nopad/core/error.h"
#include "text/unicode.h"

namespace nopad::apps {
namespace {

// The size of a regular file; none for a pipe or a terminal.
std::optional<uint64_t> size_of_input(const std::string& path) {
  struct stat status {};
  const int result = path == "-" ? fstat(STDIN_FILENO, &status) : stat(path.c_str(), &status);
  const bool can_be_read = path == "-" || access(path.c_str(), R_OK) == 0;
  if (result != 0 || !can_be_read) {
    fail<FileError>(path, ": can't be opened: ", std::system_category().message(errno));
  }
  if (S_ISDIR(status.st_mode)) fail<FileError>(path, ": expected a file, got a folder");
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  return static_cast<uint64_t>(status.st_size);
}

void expect_utf8(const Record& record) {
  const size_t invalid = text::find_invalid_utf8(record.text);
  if (invalid == record.text.size()) return;
  constexpr char kDigits[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(record.text[invalid]);
  fail<InputError>(place_of(record), ": expected UTF-8, got the byte 0x",
                   std::string{kDigits[byte >> 4], kDigits[byte & 15]}, " at offset ", invalid);
}

// The text of one tab-separated pair; the second one becomes the record's other.
void take_pair(Record& record) {
  const size_t tab = record.text.find('\t');
  if (tab == std::string::npos || record.text.find('\t', tab + 1) != std::string::npos) {
    fail<InputError>(place_of(record), ": expected two texts with one tab between them, got ",
                     tab == std::string::npos ? "no tab" : "several tabs");
  }
  record.others = {record.text.substr(tab + 1)};
  record.text.resize(tab);
}

std::string string_of(const nlohmann::json& line, const std::string& key,
                      const std::string& place) {
  std::optional<std::string> value = io::find_string(line, key, place);
  if (!value) fail<FormatError>(place, ": ", key, ": expected a string, got nothing");
  return *std::move(value);
}

std::vector<std::string> strings_of(const nlohmann::json& line, const std::string& key,
                                    const std::string& place) {
  const nlohmann::json* const list = io::find_value(line, key, place);
  if (list == nullptr || !list->is_array()) {
    fail<FormatError>(place, ": ", key, ": expected an array of strings, got ",
                      list == nullptr ? "nothing" : io::describe(*list));
  }
  std::vector<std::string> out;
  for (const nlohmann::json& value : *list) {
    if (!value.is_string()) {
      fail<FormatError>(place, ": ", key, ": expected an array of strings, got ",
                        io::describe(value), " in it");
    }
    out.push_back(value.get<std::string>());
  }
  return out;
}

void expect_compatible(const RecordReader::Config& config) {
  if (config.field && config.separator) {
    fail<OptionError>("--field, --separator: expected one of them, got both");
  }
  if (config.are_pairs && (config.field || config.separator)) {
    fail<OptionError>("--pairs: expected neither --field nor --separator with it");
  }
  if (config.pair_field && !config.field) {
    fail<OptionError>("--pair-field: expected the field of the first text with it, got none");
  }
}

}  // namespace

std::string place_of(const Record& record) { return concat(record.file, ":", record.line); }

RecordReader::RecordReader(const std::vector<std::string>& files, Config config)
    : config_(std::move(config)), files_(files) {
  expect_compatible(config_);
  if (files_.empty()) files_.emplace_back("-");
  for (const std::string& file : files_) {
    const std::optional<uint64_t> size = size_of_input(file);
    if (!size) total_bytes_.reset();
    if (total_bytes_) *total_bytes_ += *size;
    names_.push_back(file == "-" ? "<stdin>" : file);
  }
}

bool RecordReader::next(Record& record) {
  while (lines_ || next_file_ < files_.size()) {
    if (!lines_) lines_.emplace(files_[next_file_], config_.max_bytes);
    record.file = names_[next_file_];
    if (config_.separator ? next_section(record) : next_line(record)) return true;
    finished_bytes_ += lines_->num_bytes();
    lines_.reset();
    ++next_file_;
  }
  return false;
}

bool RecordReader::next_line(Record& record) {
  if (!lines_->next(record.text)) return false;
  record.line = lines_->line_number();
  expect_utf8(record);
  if (config_.are_pairs) take_pair(record);
  if (config_.field) take_fields(record);
  return true;
}

bool RecordReader::next_section(Record& record) {
  record.text.clear();
  record.line = 0;
  Record part{.text = {}, .file = record.file};
  while (lines_->next(part.text)) {
    part.line = lines_->line_number();
    if (part.text == *config_.separator) {
      if (record.line != 0) return true;
      continue;
    }
    expect_utf8(part);
    if (part.text.size() >= config_.max_bytes - record.text.size()) {
      fail<LimitError>(place_of(part), ": expected at most ", config_.max_bytes,
                       " bytes in a record, got more");
    }
    if (record.line == 0) {
      record.line = part.line;
    } else {
      record.text += ' ';
    }
    record.text += part.text;
  }
  return record.line != 0;
}

void RecordReader::take_fields(Record& record) const {
  const std::string place = place_of(record);
  try {
    const nlohmann::json line = io::parse_json(record.text, place);
    record.text = string_of(line, *config_.field, place);
    if (config_.pair_field) record.others = {string_of(line, *config_.pair_field, place)};
    if (config_.list_field) record.others = strings_of(line, *config_.list_field, place);
  } catch (const FormatError& error) {
    throw InputError(error.what());
  }
}

uint64_t RecordReader::num_bytes() const noexcept {
  return finished_bytes_ + (lines_ ? lines_->num_bytes() : 0);
}

}  // namespace nopad::apps
