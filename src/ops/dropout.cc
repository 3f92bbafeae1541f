#include "nopad/ops/dropout.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "ops/dispatch_float.h"
#include "ops/philox.h"

namespace nopad::ops {
namespace {

// Where a row stands in its batch, whatever the batch looks like in memory.
struct Place {
  uint32_t sequence = 0;
  uint32_t index = 0;
  bool is_padding = false;
};

uint32_t counter_word(int64_t index, const char* what) {
  if (index > std::numeric_limits<uint32_t>::max()) {
    fail<LimitError>("dropout: x: expected a ", what, " index of 32 bits, got ", index);
  }
  return static_cast<uint32_t>(index);
}

std::vector<Place> places_of_tokens(const RaggedLayout& layout) {
  std::vector<Place> places;
  places.reserve(static_cast<size_t>(layout.num_tokens()));
  for (int64_t b = 0; b < layout.num_sequences(); ++b) {
    for (int64_t i = 0; i < layout.length(b); ++i) {
      places.push_back({counter_word(b, "sequence"), counter_word(i, "token")});
    }
  }
  return places;
}

std::vector<Place> places_of_cells(const RaggedLayout& layout) {
  const int64_t width = layout.padded_width();
  std::vector<Place> places(static_cast<size_t>(layout.num_sequences() * width),
                            {.is_padding = true});
  for (int64_t b = 0; b < layout.num_sequences(); ++b) {
    for (int64_t i = 0; i < layout.length(b); ++i) {
      places[static_cast<size_t>(b * width + layout.column(b, i))] = {counter_word(b, "sequence"),
                                                                      counter_word(i, "token")};
    }
  }
  return places;
}

std::vector<Place> places_of_rows(int64_t num_rows) {
  std::vector<Place> places;
  for (int64_t row = 0; row < num_rows; ++row) places.push_back({counter_word(row, "sequence"), 0});
  return places;
}

// The rate as words are compared with it, and the step's own key.
struct Draws {
  explicit Draws(const DropoutConfig& config)
      : threshold(static_cast<uint64_t>(std::ceil(config.rate * 0x1p32))),
        scale(config.rate < 1 ? 1 / (1 - config.rate) : 0) {
    const PhiloxCounter words =
        philox({low(config.step), high(config.step), 0, 0}, {low(config.seed), high(config.seed)});
    key = {words[0], words[1]};
  }
  static uint32_t low(uint64_t word) { return static_cast<uint32_t>(word); }
  static uint32_t high(uint64_t word) { return static_cast<uint32_t>(word >> 32); }

  uint64_t threshold;
  double scale;
  PhiloxKey key{};
};

template <class T>
void drop_row(const T* from, const Place& place, int64_t width, const Draws& draws, T* to) {
  const T scale = static_cast<T>(draws.scale);
  for (int64_t feature = 0; feature < width; feature += 4) {
    const PhiloxCounter words =
        philox({static_cast<uint32_t>(feature / 4), place.index, place.sequence, 0}, draws.key);
    const int64_t count = std::min<int64_t>(4, width - feature);
    for (int64_t i = 0; i < count; ++i) {
      const bool is_dropped = words[static_cast<size_t>(i)] < draws.threshold;
      to[feature + i] = is_dropped ? T{0} : from[feature + i] * scale;
    }
  }
}

// The rows of x with their draws; also the gradient's way back.
Tensor drop(const Tensor& x, const std::vector<Place>& places, const DropoutConfig& config) {
  Tensor out = Tensor::empty(x.shape(), x.dtype());
  if (out.num_elements() == 0) return out;
  const int64_t width = x.num_elements() / std::ssize(places);
  counter_word(width / 4, "feature");
  const Draws draws(config);
  dispatch_float("dropout", "x", x, [&](auto element) {
    using T = decltype(element);
    const T* const from = x.values<T>().data();
    T* const to = out.mutable_values<T>().data();
    auto rows = [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const Place& place = places[static_cast<size_t>(row)];
        if (place.is_padding) {
          std::fill_n(to + row * width, width, T{0});
        } else {
          drop_row(from + row * width, place, width, draws, to + row * width);
        }
      }
    };
    const int64_t grain = std::max<int64_t>(1, 16384 / width);
    current_execution().threads().parallel_for(std::ssize(places), grain, rows);
  });
  return out;
}

// make_places() is called again on the way back, so that nothing per token is kept.
template <class MakePlaces>
Tensor dropout_at(const Tensor& x, MakePlaces make_places, const DropoutConfig& config) {
  if (!(config.rate >= 0 && config.rate <= 1)) {
    fail<OptionError>("dropout: rate: expected 0 to 1, got ", config.rate);
  }
  dispatch_float("dropout", "x", x, [](auto) {});
  Tensor out = drop(x, make_places(), config);
  if (autograd::should_record({&x})) {
    autograd::record(out, "dropout", {x}, [make_places, config](const Tensor& d_out) {
      return std::vector{drop(d_out, make_places(), config)};
    });
  }
  return out;
}

}  // namespace

RaggedTensor dropout(const RaggedTensor& x, const DropoutConfig& config) {
  const auto places = [layout = x.layout()] { return places_of_tokens(layout); };
  return x.with_values(dropout_at(x.values(), places, config));
}

Tensor dropout(const Tensor& x, const DropoutConfig& config) {
  if (x.rank() == 0) fail<ShapeError>("dropout: x: expected [B, ...], got a scalar");
  const auto places = [num_rows = x.dim(0)] { return places_of_rows(num_rows); };
  return dropout_at(x, places, config);
}

Tensor dropout(const Tensor& x, const RaggedLayout& layout, const DropoutConfig& config) {
  const bool fits =
      x.rank() >= 2 && x.dim(0) == layout.num_sequences() && x.dim(1) == layout.padded_width();
  if (!fits) {
    fail<ShapeError>("dropout: x: expected [", layout.num_sequences(), ", ", layout.padded_width(),
                     ", ...] as the layout has, got ", x.shape());
  }
  return dropout_at(
      x, [layout] { return places_of_cells(layout); }, config);
}

}  // namespace nopad::ops
