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
#include "kernels/simd/attention-inl.h"
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
static_assert(kChunk % kPanelWidth == 0 && kBlockQueries % kTileRows == 0);

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
  FloatVec largest = constant(-kInfinity);
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
  const bool is_first = s.total[query] == 0 && before == -kInfinity;
  const float shrink = is_first ? 0.0f : std::exp(before - largest);
  if (!is_first && shrink != 1) scale_row(s.sums + query * s.value_stride, s.value_stride, shrink);
  s.total[query] = s.total[query] * shrink + sum;
  s.largest[query] = largest;
}

// A few rows of a block of queries against one chunk of keys.
struct QueryTile {
  int64_t query;  // the first row's, in its sequence
  int64_t row;    // the same, in its block
  int64_t rows;
  std::array<Range, kTileRows> visible;  // what each row sees, counted from the chunk's begin
  Range any;                             // from the first to the last key that one of them sees
};

struct KeyChunk {
  Range keys;
  bool all_finite;  // the values
};

QueryTile find_visible(const AttentionProblem<float>& p, Range queries, int64_t tile, Range chunk) {
  const int64_t count = queries.end - queries.begin;
  const int64_t first = tile_begin(count, tile);
  QueryTile out{.query = queries.begin + first,
                .row = first,
                .rows = tile_begin(count, tile + 1) - first,
                .visible = {},
                .any = {chunk.end - chunk.begin, 0}};
  for (int64_t r = 0; r < out.rows; ++r) {
    const Range own = p.visible_in(chunk, out.query + r);
    out.visible[static_cast<size_t>(r)] = own;
    if (own.begin == own.end) continue;
    out.any = {std::min(out.any.begin, own.begin), std::max(out.any.end, own.end)};
  }
  return out;
}

void multiply_keys(const AttentionProblem<float>& p, Scratch& s, const QueryTile& tile) {
  const int64_t panel_end = (tile.any.end + kPanelWidth - 1) / kPanelWidth;
  for (int64_t panel = tile.any.begin / kPanelWidth; panel < panel_end; ++panel) {
    for (int64_t depth = 0; depth < p.head_size; depth += kMaxDepth) {
      kScoreTile[static_cast<size_t>(tile.rows - 1)](
          s.queries + depth / kMaxDepth * kBlockQueries * kDepthStride + tile.row * kDepthStride,
          s.keys + panel * kPanelWidth * p.head_size + depth * kPanelWidth,
          std::min(kMaxDepth, p.head_size - depth), s.scores + panel * kPanelWidth, depth == 0);
    }
  }
}

// Adds the weighted values of `keys` to rows [row, row + count) of a tile.
void add_weighted(Scratch& s, const QueryTile& tile, int64_t row, int64_t count, Range keys) {
  if (keys.begin >= keys.end) return;
  for (int64_t column = 0; column < s.value_stride; column += kPanelWidth) {
    kValueTile[static_cast<size_t>(count - 1)](
        s.scores + row * kScoreStride + keys.begin,
        s.values + column * kChunk + keys.begin * kPanelWidth, keys.end - keys.begin,
        s.sums + (tile.row + row) * s.value_stride + column, s.value_stride);
  }
}

// At once over the keys that all rows of the tile see, then row by row over what only some see, so
// that a value nobody may see is never touched.
void add_values(Scratch& s, const QueryTile& tile) {
  Range shared = tile.visible[0];
  for (int64_t r = 1; r < tile.rows; ++r) {
    shared.begin = std::max(shared.begin, tile.visible[static_cast<size_t>(r)].begin);
    shared.end = std::min(shared.end, tile.visible[static_cast<size_t>(r)].end);
  }
  if (shared.end < shared.begin) shared.end = shared.begin;
  add_weighted(s, tile, 0, tile.rows, shared);
  for (int64_t r = 0; r < tile.rows; ++r) {
    const Range own = tile.visible[static_cast<size_t>(r)];
    add_weighted(s, tile, r, 1, {own.begin, std::min(own.end, shared.begin)});
    add_weighted(s, tile, r, 1, {std::max(own.begin, shared.end), own.end});
  }
}

// The same where keys inside a row's range are hidden. They have the weight 0; that times a value
// that is no number would be a NaN, so where there are such values, a row takes its keys run by
// run. The sums are the same.
void add_kept_values(const AttentionProblem<float>& p, Scratch& s, const QueryTile& tile,
                     const KeyChunk& chunk) {
  for (int64_t r = 0; r < tile.rows; ++r) {
    const Range own = tile.visible[static_cast<size_t>(r)];
    if (chunk.all_finite) {
      clear_outside(s.scores + r * kScoreStride, tile.any, own);
      continue;
    }
    const bool* const keep = p.keep_row(tile.query + r) + chunk.keys.begin;
    for (int64_t begin = own.begin, end; begin < own.end; begin = end + 1) {
      end = std::find(keep + begin, keep + own.end, false) - keep;
      add_weighted(s, tile, r, 1, {begin, end});
    }
  }
  if (chunk.all_finite) add_weighted(s, tile, 0, tile.rows, tile.any);
}

void attend_tile(const AttentionProblem<float>& p, Scratch& s, Range queries, int64_t index,
                 const KeyChunk& chunk) {
  const QueryTile tile = find_visible(p, queries, index, chunk.keys);
  if (tile.any.begin >= tile.any.end) return;
  multiply_keys(p, s, tile);
  for (int64_t r = 0; r < tile.rows; ++r) {
    const Range visible = tile.visible[static_cast<size_t>(r)];
    float* const scores = s.scores + r * kScoreStride;
    if (p.biases != nullptr) {
      add(scores, p.bias_row(tile.query + r) + chunk.keys.begin, visible);
    }
    if (p.keep != nullptr) {
      hide_scores(scores, p.keep_row(tile.query + r) + chunk.keys.begin, visible);
    }
    fold_scores(s, tile.row + r, scores, visible);
    if (p.factors != nullptr) {
      multiply(scores, p.factor_row(tile.query + r) + chunk.keys.begin, visible);
    }
  }
  if (p.keep == nullptr) {
    add_values(s, tile);
  } else {
    add_kept_values(p, s, tile, chunk);
  }
}

void write_out(const AttentionProblem<float>& p, const Scratch& s, Range queries) {
  for (int64_t row = 0; row < queries.end - queries.begin; ++row) {
    const float* const sums = s.sums + row * s.value_stride;
    float* const out = p.out + (queries.begin + row) * p.out_stride;
    // A query that sees nothing has no weights.
    const float factor = s.total[row] == 0 ? 0.0f : 1.0f / s.total[row];
    for (int64_t i = 0; i < p.head_size; ++i) out[i] = sums[i] * factor;
    if (p.log_sums != nullptr) {
      p.log_sums[queries.begin + row] = s.largest[row] + std::log(s.total[row]);
    }
  }
}

// Looked for only where somebody asks.
bool all_finite(const AttentionProblem<float>& p, Range keys) {
  for (int64_t key = keys.begin; key < keys.end; ++key) {
    if (!is_finite_row(p.v + key * p.v_stride, p.head_size)) return false;
  }
  return true;
}

void attend_block(const AttentionProblem<float>& p, Range queries, Scratch& s) {
  const int64_t count = queries.end - queries.begin;
  std::fill_n(s.sums, count * s.value_stride, 0.0f);
  std::fill_n(s.total, count, 0.0f);
  std::fill_n(s.largest, count, -kInfinity);
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
    pack_values<kChunk>(p.v + begin * p.v_stride, p.v_stride, keys, p.head_size, s.values);
    const KeyChunk packed{chunk, p.keep != nullptr && all_finite(p, chunk)};
    for (int64_t t = 0; t < num_tiles(count); ++t) attend_tile(p, s, queries, t, packed);
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
