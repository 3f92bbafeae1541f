#include "kernels/attention.h"

#include <algorithm>
#include <array>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/attention.cc"
#include "kernels/simd/targets.h"
//
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"
#include "kernels/simd/load-inl.h"
#include "kernels/simd/math-inl.h"
#include "kernels/simd/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nopad::kernels::HWY_NAMESPACE {
namespace {

// Keys are taken in chunks, counted from the sequence's first, whose packed keys and values stay in
// L2 while all tiles of a block of queries pass by. Sequences of one chunk need no rescaling.
constexpr int64_t kChunk = 256;
constexpr int64_t kBlockQueries = 96;
// Not a power of two: the rows of a tile of scores fall into different sets of L1.
constexpr int64_t kScoreStride = kChunk + 16;
// Heads are multiplied in slices of this many components; nearly all have one.
constexpr int64_t kMaxDepth = 128;
constexpr int64_t kDepthStride = kMaxDepth + 16;
static_assert(kChunk % kPanelWidth == 0 && kBlockQueries % kTileRows == 0);

constexpr int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

int64_t num_slices(int64_t head_size) { return (head_size + kMaxDepth - 1) / kMaxDepth; }

// The scratch of one call, cut into its parts.
struct Scratch {
  Scratch(float* base, int64_t head_size)
      : value_stride(round_up(head_size, kPanelWidth)),
        keys(base),
        values(keys + kChunk * head_size),
        queries(values + kChunk * value_stride),
        sums(queries + num_slices(head_size) * kBlockQueries * kDepthStride),
        scores(sums + kBlockQueries * value_stride),
        largest(scores + kTileRows * kScoreStride),
        total(largest + kBlockQueries),
        end(total + kBlockQueries) {}

  int64_t value_stride;
  float* keys;     // [kChunk / width, head_size, width]
  float* values;   // [value_stride / width, kChunk, width]
  float* queries;  // [slices, kBlockQueries, kDepthStride], scaled
  float* sums;     // [kBlockQueries, value_stride]: the weighted sums so far
  float* scores;   // [kTileRows, kScoreStride]
  float* largest;  // [kBlockQueries]: the largest score so far
  float* total;    // [kBlockQueries]: the sum of weights so far
  float* end;
};

int64_t scratch_bytes(int64_t head_size) noexcept {
  alignas(64) static float origin[1];
  return (Scratch(origin, head_size).end - origin) * static_cast<int64_t>(sizeof(float));
}

// [keys, head_size] -> [keys / width, head_size, width], zeros beyond the last key
void pack_keys(const float* k, int64_t stride, int64_t keys, int64_t head_size, float* packed) {
  for (int64_t key = 0; key < keys; key += kPanelWidth) {
    pack_panel(k + key * stride, stride, std::min(kPanelWidth, keys - key), head_size,
               packed + key * head_size);
  }
}

// [keys, head_size] -> [head_size / width, keys, width], zeros beyond the last column
void pack_values(const float* v, int64_t stride, int64_t keys, int64_t head_size, float* packed) {
  for (int64_t column = 0; column < head_size; column += kPanelWidth) {
    const int64_t columns = std::min(kPanelWidth, head_size - column);
    float* out = packed + column * kChunk;
    for (int64_t key = 0; key < keys; ++key, out += kPanelWidth) {
      const float* const from = v + key * stride + column;
      hn::Store(load(from, columns), kFloat, out);
      hn::Store(load(from + kLanes, std::max<int64_t>(0, columns - kLanes)), kFloat, out + kLanes);
    }
  }
}

using ScoreFunction = void (*)(const float* queries, const float* keys, int64_t depth,
                               float* scores, bool is_first);
template <int kRows>
struct ScoreTile {
  static HWY_NOINLINE void call(const float* queries, const float* keys, int64_t depth,
                                float* scores, bool is_first) {
    Tile<kRows> tile;
    if (is_first) {
      tile.clear();
    } else {
      tile.load(scores, kScoreStride);
    }
    tile.template multiply_add<kDepthStride, 1>(queries, keys, depth);
    tile.store(scores, kScoreStride);
  }
};
constexpr auto kScoreTile =
    make_tile_table<ScoreTile, ScoreFunction>(std::make_integer_sequence<int, kTileRows>{});

using ValueFunction = void (*)(const float* weights, const float* values, int64_t keys, float* sums,
                               int64_t stride);
template <int kRows>
struct ValueTile {
  static HWY_NOINLINE void call(const float* weights, const float* values, int64_t keys,
                                float* sums, int64_t stride) {
    Tile<kRows> tile;
    tile.load(sums, stride);
    tile.template multiply_add<kScoreStride, 1>(weights, values, keys);
    tile.store(sums, stride);
  }
};
constexpr auto kValueTile =
    make_tile_table<ValueTile, ValueFunction>(std::make_integer_sequence<int, kTileRows>{});

float largest_of(const float* scores, Range range) {
  FloatVec largest = constant(-std::numeric_limits<float>::infinity());
  for (int64_t j = range.begin; j < range.end; j += kLanes) {
    const auto mask = hn::FirstN(kFloat, static_cast<size_t>(range.end - j));
    // A NaN may get lost here; it shows again in the sum of weights.
    largest = hn::Max(largest, hn::IfThenElse(mask, hn::LoadU(kFloat, scores + j), largest));
  }
  return hn::GetLane(hn::MaxOfLanes(kFloat, largest));
}

// scores = e^(scores - largest) over the range; returns their sum.
float exponentiate(float* scores, Range range, float largest) {
  const FloatVec offset = constant(largest);
  FloatVec sum = hn::Zero(kFloat);
  for (int64_t j = range.begin; j < range.end; j += kLanes) {
    const auto mask = hn::FirstN(kFloat, static_cast<size_t>(range.end - j));
    const FloatVec e = exp(hn::Sub(hn::LoadU(kFloat, scores + j), offset));
    sum = hn::Add(sum, hn::IfThenElseZero(mask, e));
    hn::StoreU(e, kFloat, scores + j);
  }
  return hn::GetLane(hn::SumOfLanes(kFloat, sum));
}

void scale_row(float* row, int64_t columns, float factor) {
  for (int64_t j = 0; j < columns; j += kLanes) {
    hn::StoreU(hn::Mul(hn::LoadU(kFloat, row + j), constant(factor)), kFloat, row + j);
  }
}

// Turns a row of scores into weights over its visible keys and folds them into the row's running
// softmax: what was summed under a smaller maximum is scaled down.
void fold_scores(Scratch& s, int64_t query, float* scores, Range visible) {
  if (visible.begin == visible.end) return;
  const float before = s.largest[query];
  const float largest = std::max(largest_of(scores, visible), before);
  const float sum = exponentiate(scores, visible, largest);
  const bool is_first = s.total[query] == 0 && before == -std::numeric_limits<float>::infinity();
  const float shrink = is_first ? 0.0f : std::exp(before - largest);
  if (!is_first && shrink != 1) scale_row(s.sums + query * s.value_stride, s.value_stride, shrink);
  s.total[query] = s.total[query] * shrink + sum;
  s.largest[query] = largest;
}

// Adds the weighted values: at once over the keys that all rows of the tile see, then row by row
// over what only some see, so that a value nobody may see is never touched.
void add_values(Scratch& s, int64_t query, int64_t rows,
                const std::array<Range, kTileRows>& visible) {
  Range shared = visible[0];
  for (int64_t r = 1; r < rows; ++r) {
    shared.begin = std::max(shared.begin, visible[static_cast<size_t>(r)].begin);
    shared.end = std::min(shared.end, visible[static_cast<size_t>(r)].end);
  }
  if (shared.end < shared.begin) shared.end = shared.begin;
  for (int64_t column = 0; column < s.value_stride; column += kPanelWidth) {
    const float* const values = s.values + column * kChunk;
    float* const sums = s.sums + query * s.value_stride + column;
    const auto add = [&](int64_t row, int64_t count, Range keys) {
      if (keys.begin >= keys.end) return;
      kValueTile[static_cast<size_t>(count - 1)](
          s.scores + row * kScoreStride + keys.begin, values + keys.begin * kPanelWidth,
          keys.end - keys.begin, sums + row * s.value_stride, s.value_stride);
    };
    add(0, rows, shared);
    for (int64_t r = 0; r < rows; ++r) {
      const Range own = visible[static_cast<size_t>(r)];
      add(r, 1, {own.begin, std::min(own.end, shared.begin)});
      add(r, 1, {std::max(own.begin, shared.end), own.end});
    }
  }
}

void attend_tile(const AttentionProblem<float>& p, Scratch& s, Range queries, int64_t tile,
                 Range chunk) {
  const int64_t count = queries.end - queries.begin;
  const int64_t first = tile_begin(count, tile);
  const int64_t rows = tile_begin(count, tile + 1) - first;
  std::array<Range, kTileRows> visible;
  Range any{chunk.end, chunk.begin};
  for (int64_t r = 0; r < rows; ++r) {
    const Range own = p.visible.of(queries.begin + first + r, p.num_keys);
    const int64_t begin = std::clamp(own.begin, chunk.begin, chunk.end);
    const int64_t end = std::clamp(own.end, begin, chunk.end);
    visible[static_cast<size_t>(r)] = {begin - chunk.begin, end - chunk.begin};
    if (begin < end) any = {std::min(any.begin, begin), std::max(any.end, end)};
  }
  if (any.begin >= any.end) return;
  const int64_t panel_end = (any.end - chunk.begin + kPanelWidth - 1) / kPanelWidth;
  for (int64_t panel = (any.begin - chunk.begin) / kPanelWidth; panel < panel_end; ++panel) {
    for (int64_t depth = 0; depth < p.head_size; depth += kMaxDepth) {
      kScoreTile[static_cast<size_t>(rows - 1)](
          s.queries + depth / kMaxDepth * kBlockQueries * kDepthStride + first * kDepthStride,
          s.keys + panel * kPanelWidth * p.head_size + depth * kPanelWidth,
          std::min(kMaxDepth, p.head_size - depth), s.scores + panel * kPanelWidth, depth == 0);
    }
  }
  for (int64_t r = 0; r < rows; ++r) {
    fold_scores(s, first + r, s.scores + r * kScoreStride, visible[static_cast<size_t>(r)]);
  }
  add_values(s, first, rows, visible);
}

void write_out(const AttentionProblem<float>& p, const Scratch& s, Range queries) {
  for (int64_t query = 0; query < queries.end - queries.begin; ++query) {
    const float* const sums = s.sums + query * s.value_stride;
    float* const out = p.out + (queries.begin + query) * p.out_stride;
    const bool sees_any = p.visible.of(queries.begin + query, p.num_keys).begin <
                          p.visible.of(queries.begin + query, p.num_keys).end;
    const float factor = sees_any ? 1.0f / s.total[query] : 0.0f;
    for (int64_t i = 0; i < p.head_size; ++i) out[i] = sums[i] * factor;
  }
}

void attend_block(const AttentionProblem<float>& p, Range queries, Scratch& s) {
  const int64_t count = queries.end - queries.begin;
  std::fill_n(s.sums, count * s.value_stride, 0.0f);
  std::fill_n(s.total, count, 0.0f);
  std::fill_n(s.largest, count, -std::numeric_limits<float>::infinity());
  for (int64_t depth = 0; depth < p.head_size; depth += kMaxDepth) {
    copy_rows_scaled<kDepthStride>(p.q + queries.begin * p.q_stride + depth, p.q_stride, count,
                                   std::min(kMaxDepth, p.head_size - depth), p.scale,
                                   s.queries + depth / kMaxDepth * kBlockQueries * kDepthStride);
  }
  const int64_t seen_begin = p.visible.of(queries.begin, p.num_keys).begin;
  const int64_t seen_end = p.visible.of(queries.end - 1, p.num_keys).end;
  for (int64_t begin = seen_begin / kChunk * kChunk; begin < seen_end; begin += kChunk) {
    const Range chunk{begin, std::min(begin + kChunk, p.num_keys)};
    const int64_t keys = chunk.end - chunk.begin;
    pack_keys(p.k + begin * p.k_stride, p.k_stride, keys, p.head_size, s.keys);
    pack_values(p.v + begin * p.v_stride, p.v_stride, keys, p.head_size, s.values);
    for (int64_t t = 0; t < num_tiles(count); ++t) attend_tile(p, s, queries, t, chunk);
  }
  write_out(p, s, queries);
}

void attend(const AttentionProblem<float>& problem, Range queries, std::byte* scratch) noexcept {
  Scratch parts(reinterpret_cast<float*>(scratch), problem.head_size);
  for (int64_t begin = queries.begin; begin < queries.end; begin += kBlockQueries) {
    attend_block(problem, {begin, std::min(begin + kBlockQueries, queries.end)}, parts);
  }
}

}  // namespace

extern const Attention<float> kAttention;
const Attention<float> kAttention = {kBlockQueries, scratch_bytes, attend};

}  // namespace nopad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nopad::kernels {

const Attention<float>& attention_f32(Isa isa) noexcept { return NOPAD_SELECT(isa, kAttention); }

}  // namespace nopad::kernels
#endif
