#include "apps/nopad/output.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "apps/nopad/interrupt.h"

namespace nopad::apps {
namespace {

constexpr size_t kBufferBytes = size_t{64} << 10;

void write_standard_output(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) {
      throw_if_interrupted();
      continue;
    }
    if (count < 0 && errno == EPIPE) throw ClosedOutput("standard output: closed");
    if (count < 0) {
      fail<FileError>("standard output: writing ", bytes.size(),
                      " bytes: ", std::system_category().message(errno));
    }
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

}  // namespace

Output::Output(const std::filesystem::path& file) { file_.emplace(file); }

void Output::write(std::string_view bytes) {
  buffer_.append(bytes);
  if (buffer_.size() >= kBufferBytes) flush();
}

void Output::finish() {
  flush();
  if (file_) file_->commit();
}

void Output::flush() {
  if (file_) {
    file_->write(buffer_);
  } else {
    write_standard_output(buffer_);
  }
  buffer_.clear();
}

bool is_reader_gone(int descriptor) noexcept {
  pollfd state{.fd = descriptor, .events = POLLOUT, .revents = 0};
  return poll(&state, 1, 0) > 0 && (state.revents & POLLERR) != 0;
}

}  // namespace nopad::apps
