// Progress: one line on stderr that says how far a job is.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace nopad::apps {

// Draws only on a terminal, at most ten times a second, and leaves nothing behind.
class Progress {
 public:
  struct Status {
    int64_t num_lines = 0;
    int64_t num_tokens = 0;
    uint64_t num_bytes = 0;  // of the input
  };

  // is_wanted   : false draws nothing
  // total_bytes : the size of the input; none means that the share and the time left are unknown
  Progress(bool is_wanted, std::optional<uint64_t> total_bytes);
  ~Progress();  // clears the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(const Status& status);
  double seconds() const noexcept;  // since it was made

 private:
  using Clock = std::chrono::steady_clock;
  void draw(const Status& status) const;

  bool is_wanted_;
  std::optional<uint64_t> total_bytes_;
  Clock::time_point start_ = Clock::now();
  std::optional<Clock::time_point> last_drawn_;
};

}  // namespace nopad::apps
