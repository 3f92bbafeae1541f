#include "apps/nopad/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "apps/nopad/terminal.h"
#include "nopad/core/error.h"

namespace nopad::apps {
namespace {

constexpr std::chrono::milliseconds kRedrawInterval{100};
constexpr size_t kBarColumns = 20;
constexpr const char* kClearLine = "\r\x1b[K";

// "1:02:03", "2:03"
std::string clock_text(double seconds) {
  const auto total = static_cast<long long>(std::clamp(seconds, 0.0, 3.6e8));
  char text[32];
  if (total >= 3600) {
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", total / 3600, total / 60 % 60,
                  total % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld:%02lld", total / 60, total % 60);
  }
  return text;
}

// "[#####---------------]  25%"
std::string bar_text(double share) {
  const auto filled = static_cast<size_t>(share * kBarColumns);
  return concat("[", std::string(filled, '#'), std::string(kBarColumns - filled, '-'), "] ",
                static_cast<int>(share * 100), "%  ");
}

}  // namespace

Progress::Progress(bool is_wanted, std::optional<uint64_t> total_bytes)
    : is_wanted_(is_wanted && can_redraw()), total_bytes_(total_bytes) {}

Progress::~Progress() {
  if (last_drawn_) std::fputs(kClearLine, stderr);
}

double Progress::seconds() const noexcept {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Progress::update(const Status& status) {
  if (!is_wanted_) return;
  const Clock::time_point now = Clock::now();
  if (last_drawn_ && now - *last_drawn_ < kRedrawInterval) return;
  last_drawn_ = now;
  draw(status);
}

void Progress::draw(const Status& status) const {
  const double elapsed = std::max(seconds(), 1e-9);
  const auto rate = [&](int64_t count) {
    return with_thousands(static_cast<long long>(static_cast<double>(count) / elapsed));
  };
  std::string line;
  if (total_bytes_ && *total_bytes_ > 0) {
    const double share =
        std::min(1.0, static_cast<double>(status.num_bytes) / static_cast<double>(*total_bytes_));
    line = bar_text(share);
    if (share > 0) line += concat(clock_text(elapsed * (1 - share) / share), " left  ");
  }
  line += concat(with_thousands(status.num_lines), " lines  ", rate(status.num_lines), " lines/s  ",
                 rate(status.num_tokens), " tokens/s");
  line = cut_to_columns(line, terminal_columns(STDERR_FILENO) - 1);
  const bool in_colour = can_colour();
  std::fprintf(stderr, "%s%s%s%s", kClearLine, in_colour ? "\x1b[36m" : "", line.c_str(),
               in_colour ? "\x1b[0m" : "");
  std::fflush(stderr);
}

}  // namespace nopad::apps
