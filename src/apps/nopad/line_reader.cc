#include "apps/nopad/line_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "apps/nopad/interrupt.h"
#include "nopad/core/error.h"

namespace nopad::apps {
namespace {

constexpr size_t kBufferBytes = size_t{64} << 10;

std::string system_reason() { return std::system_category().message(errno); }

int open_for_reading(const std::string& path) {
  if (path == "-") return STDIN_FILENO;
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail<FileError>(path, ": can't be opened: ", system_reason());
  return descriptor;
}

}  // namespace

LineReader::LineReader(const std::string& path, size_t max_line_bytes)
    : name_(path == "-" ? "<stdin>" : path),
      descriptor_(open_for_reading(path)),
      max_line_bytes_(max_line_bytes),
      buffer_(kBufferBytes) {}

LineReader::~LineReader() {
  if (descriptor_ > STDIN_FILENO) close(descriptor_);
}

bool LineReader::fill() {
  ssize_t count = read(descriptor_, buffer_.data(), buffer_.size());
  while (count < 0 && errno == EINTR) {
    throw_if_interrupted();
    count = read(descriptor_, buffer_.data(), buffer_.size());
  }
  if (count < 0) fail<FileError>(name_, ": can't be read: ", system_reason());
  begin_ = 0;
  end_ = static_cast<size_t>(count);
  return count > 0;
}

bool LineReader::next(std::string& line) {
  line.clear();
  if (begin_ == end_ && !fill()) return false;
  ++line_number_;
  bool is_ended = false;
  do {
    const char* const first = buffer_.data() + begin_;
    const void* const newline = std::memchr(first, '\n', end_ - begin_);
    is_ended = newline != nullptr;
    const auto count =
        is_ended ? static_cast<size_t>(static_cast<const char*>(newline) - first) : end_ - begin_;
    if (count > max_line_bytes_ || line.size() > max_line_bytes_ - count) {
      fail<LimitError>(name_, ":", line_number_, ": expected at most ", max_line_bytes_,
                       " bytes in a line, got more");
    }
    line.append(first, count);
    begin_ += count + (is_ended ? 1 : 0);
    num_bytes_ += count + (is_ended ? 1 : 0);
  } while (!is_ended && fill());
  if (is_ended && line.ends_with('\r')) line.pop_back();
  return true;
}

}  // namespace nopad::apps
