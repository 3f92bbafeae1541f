#include "nopad/ops/pool_windows.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "nopad/autograd/record.h"
#include "nopad/core/execution.h"
#include "nopad/core/shape.h"
#include "ops/axes.h"
#include "ops/dispatch_float.h"
#include "ops/window_walk.h"

namespace nopad::ops {
namespace {

Windows make_windows(const RaggedTensor& x, const PoolConfig& config, std::string_view op) {
  const WindowConfig windows{.size = config.window,
                             .stride = config.stride == 0 ? config.window : config.stride,
                             .padding = config.padding};
  return {x.layout(), window_layout(x.layout(), windows, op), windows};
}

int64_t width_of(const Tensor& x) { return x.dim(0) == 0 ? 0 : x.num_elements() / x.dim(0); }

// The real tokens under a window.
struct Tokens {
  int64_t begin, end;
};
Tokens tokens_under(const Window& window, const WindowConfig& config) {
  return {std::max(window.first, window.begin), std::min(window.first + config.size, window.end)};
}

template <class T>
bool wins(T value, T best) {
  return value > best || (std::isnan(value) && !std::isnan(best));
}

// The token under a window whose feature wins, the first of equals. There is one.
template <class T>
int64_t winner_of(const T* x, int64_t width, Tokens tokens, int64_t feature) {
  int64_t best = tokens.begin;
  for (int64_t token = tokens.begin + 1; token < tokens.end; ++token) {
    if (wins(x[token * width + feature], x[best * width + feature])) best = token;
  }
  return best;
}

template <class T>
void take_max(const T* x, int64_t width, Tokens tokens, T* out) {
  if (tokens.begin >= tokens.end) {
    std::fill_n(out, width, T{0});
    return;
  }
  std::copy_n(x + tokens.begin * width, width, out);
  for (int64_t token = tokens.begin + 1; token < tokens.end; ++token) {
    const T* const row = x + token * width;
    for (int64_t i = 0; i < width; ++i) out[i] = wins(row[i], out[i]) ? row[i] : out[i];
  }
}

// 1 / what an average divides by; 0 where no token lies under the window.
template <class T>
T weight_of(Tokens tokens, const WindowConfig& config, AverageOver over) {
  if (tokens.begin >= tokens.end) return 0;
  const int64_t count = over == AverageOver::window ? config.size : tokens.end - tokens.begin;
  return 1 / static_cast<T>(count);
}

template <class T>
void take_average(const T* x, int64_t width, Tokens tokens, T weight, T* out) {
  std::fill_n(out, width, T{0});
  for (int64_t token = tokens.begin; token < tokens.end; ++token) {
    for (int64_t i = 0; i < width; ++i) out[i] += x[token * width + i];
  }
  for (int64_t i = 0; i < width; ++i) out[i] *= weight;
}

// Calls f(window, its real tokens) for all windows, on all threads.
template <class F>
void for_each_window(const Windows& windows, int64_t width, F&& f) {
  auto some = [&](int64_t begin, int64_t end) {
    windows.for_each(
        begin, end, [&](const Window& window) { f(window, tokens_under(window, windows.config)); });
  };
  const int64_t grain = std::max<int64_t>(1, 16384 / (width * windows.config.size + 1));
  current_execution().threads().parallel_for(windows.windows.num_tokens(), grain, some);
}

// The same, all windows of a sequence on one thread and in order: they add to the same tokens.
template <class F>
void for_each_window_of_sequences(const Windows& windows, F&& f) {
  auto sequences = [&](int64_t begin, int64_t end) {
    windows.for_each(
        windows.windows.offset(begin), windows.windows.offset(end),
        [&](const Window& window) { f(window, tokens_under(window, windows.config)); });
  };
  current_execution().threads().parallel_for(windows.windows.num_sequences(), 1, sequences);
}

Tensor backward_of_max(const Tensor& x, const Windows& windows, const Tensor& d_out) {
  Tensor d_x = Tensor::zeros(x.shape(), x.dtype());
  dispatch_float("max_pool", "x", x, [&]<class T>(T) {
    const int64_t width = width_of(x);
    const T* const from = d_out.values<T>().data();
    const T* const values = x.values<T>().data();
    T* const to = d_x.mutable_values<T>().data();
    for_each_window_of_sequences(windows, [&](const Window& window, Tokens tokens) {
      if (tokens.begin >= tokens.end) return;
      for (int64_t i = 0; i < width; ++i) {
        to[winner_of(values, width, tokens, i) * width + i] += from[window.index * width + i];
      }
    });
  });
  return d_x;
}

Tensor backward_of_average(const Shape& shape, const Windows& windows, AverageOver over,
                           const Tensor& d_out) {
  Tensor d_x = Tensor::zeros(shape, d_out.dtype());
  dispatch_float("average_pool", "x", d_out, [&]<class T>(T) {
    const int64_t width = width_of(d_x);
    const T* const from = d_out.values<T>().data();
    T* const to = d_x.mutable_values<T>().data();
    for_each_window_of_sequences(windows, [&](const Window& window, Tokens tokens) {
      const T weight = weight_of<T>(tokens, windows.config, over);
      for (int64_t token = tokens.begin; token < tokens.end; ++token) {
        for (int64_t i = 0; i < width; ++i) {
          to[token * width + i] += weight * from[window.index * width + i];
        }
      }
    });
  });
  return d_x;
}

}  // namespace

RaggedTensor max_pool(const RaggedTensor& x, const PoolConfig& config) {
  const Windows windows = make_windows(x, config, "max_pool");
  const Tensor& values = x.values();
  Tensor out =
      Tensor::empty(with_dim(values.shape(), 0, windows.windows.num_tokens()), values.dtype());
  dispatch_float("max_pool", "x", values, [&]<class T>(T) {
    const int64_t width = width_of(values);
    const T* const from = values.values<T>().data();
    T* const to = out.mutable_values<T>().data();
    for_each_window(windows, width, [&](const Window& window, Tokens tokens) {
      take_max(from, width, tokens, to + window.index * width);
    });
  });
  if (autograd::should_record({&values})) {
    autograd::record(out, "max_pool", {values},
                     [kept = autograd::detach(values), windows](const Tensor& d_out) {
                       return std::vector{backward_of_max(kept, windows, d_out)};
                     });
  }
  return {std::move(out), windows.windows};
}

RaggedTensor average_pool(const RaggedTensor& x, const PoolConfig& config, AverageOver over) {
  const Windows windows = make_windows(x, config, "average_pool");
  const Tensor& values = x.values();
  Tensor out =
      Tensor::empty(with_dim(values.shape(), 0, windows.windows.num_tokens()), values.dtype());
  dispatch_float("average_pool", "x", values, [&]<class T>(T) {
    const int64_t width = width_of(values);
    const T* const from = values.values<T>().data();
    T* const to = out.mutable_values<T>().data();
    for_each_window(windows, width, [&](const Window& window, Tokens tokens) {
      take_average(from, width, tokens, weight_of<T>(tokens, windows.config, over),
                   to + window.index * width);
    });
  });
  if (autograd::should_record({&values})) {
    autograd::record(out, "average_pool", {values},
                     [shape = values.shape(), windows, over](const Tensor& d_out) {
                       return std::vector{backward_of_average(shape, windows, over, d_out)};
                     });
  }
  return {std::move(out), windows.windows};
}

}  // namespace nopad::ops
