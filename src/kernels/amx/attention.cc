#include "kernels/attention.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/amx/attention.cc"
#include "kernels/simd/targets.h"
//
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"
#include "kernels/amx/block-inl.h"
#include "kernels/simd/load-inl.h"
#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nopad::kernels::HWY_NAMESPACE {
namespace {

// Keys are taken in chunks, counted from the sequence's first, whose packed keys and values stay in
// L2 while all queries of a block pass by. Sequences of one chunk need no rescaling.
constexpr int64_t kChunk = 512;
constexpr int64_t kChunkSteps = kChunk / kTileDepth;
constexpr int64_t kBlockQueries = 512;
constexpr int64_t kPairRows = 2 * amx::kTileRows;
// Not powers of two: the rows of a tile fall into different sets of L1.
constexpr int64_t kScoreStride = kChunk + 16;
constexpr int64_t kWeightStride = kChunk + 32;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The scratch of one call, cut into its parts. `width` is the head size in whole panels.
struct Scratch {
  Scratch(std::byte* base, int64_t head_size)
      : width(round_up(head_size, kPanelColumns)), end(base) {
    keys = take<BFloat16>(kChunk * width);
    values = take<BFloat16>(kChunk * width);
    queries = take<BFloat16>(kBlockQueries * width);
    sums = take<float>(kBlockQueries * width);
    scores = take<float>(kPairRows * kScoreStride);
    weights = take<BFloat16>(kPairRows * kWeightStride);
    largest = take<float>(kBlockQueries);
    total = take<float>(kBlockQueries);
  }

  int64_t width;
  std::byte* end;
  BFloat16* keys;     // right operand, width x kChunk
  BFloat16* values;   // right operand, kChunk x width
  BFloat16* queries;  // [kBlockQueries, width], zeros beyond the head size and the last query
  float* sums;        // [kBlockQueries, width]: the weighted sums so far
  float* scores;      // [kPairRows, kScoreStride]
  BFloat16* weights;  // [kPairRows, kWeightStride]
  float* largest;     // [kBlockQueries]: the largest score so far
  float* total;       // [kBlockQueries]: the sum of weights so far

 private:
  template <class T>
  T* take(int64_t count) {
    T* const part = reinterpret_cast<T*>(end);
    end += count * static_cast<int64_t>(sizeof(T));
    return part;
  }
};

int64_t scratch_bytes(int64_t head_size) noexcept {
  alignas(64) static std::byte origin[1];
  return Scratch(origin, head_size).end - origin;
}

uint32_t pair_of(BFloat16 first, BFloat16 second) {
  return static_cast<uint32_t>(first.bits) | static_cast<uint32_t>(second.bits) << 16;
}

void store_pair(uint32_t pair, BFloat16* to) {
  std::memcpy(static_cast<void*>(to), &pair, sizeof(pair));
}

// [keys, head_size] -> right operand of head_size x keys; zeros up to whole panels and steps
void pack_keys(const BFloat16* k, int64_t stride, int64_t keys, int64_t head_size,
               BFloat16* packed) {
  const int64_t steps = num_steps(head_size);
  for (int64_t key = 0; key < round_up(keys, kPanelColumns); ++key) {
    BFloat16* const out = packed + packed_index(0, key, steps);
    const BFloat16* const row = k + key * stride;
    const int64_t depth = key < keys ? head_size : 0;
    for (int64_t i = 0; i < steps * kTileDepth; i += 2) {
      uint32_t pair = 0;
      if (i + 1 < depth) {
        std::memcpy(&pair, row + i, sizeof(pair));
      } else if (i < depth) {
        pair = pair_of(row[i], BFloat16(0.0f));
      }
      store_pair(pair, out + packed_index(i, 0, steps));
    }
  }
}

bool is_finite(BFloat16 x) { return (x.bits & 0x7f80u) != 0x7f80u; }

BFloat16 finite_or_zero(BFloat16 x) {
  x.bits = is_finite(x) ? x.bits : uint16_t{0};
  return x;
}

// 16 columns of two rows -> one row of a tile. False if it left a value out because it is not
// finite.
bool pack_value_pair(const BFloat16* first, const BFloat16* second, BFloat16* packed) {
  uint32_t num_bad = 0;
  for (int64_t j = 0; j < kTileColumns; ++j) {
    num_bad += !is_finite(first[j]) || !is_finite(second[j]);
    store_pair(pair_of(finite_or_zero(first[j]), finite_or_zero(second[j])), packed + 2 * j);
  }
  return num_bad == 0;
}

// [keys, head_size] -> right operand of keys x head_size; zeros up to whole panels and steps, and
// where a value is not finite: zero times it would be a NaN in the result of a query that does not
// see its key. Returns whether all are finite.
bool pack_values(const BFloat16* v, int64_t stride, int64_t keys, int64_t head_size,
                 BFloat16* packed) {
  bool all_finite = true;
  for (int64_t key = 0; key < round_up(keys, kTileDepth); key += 2) {
    for (int64_t column = 0; column < round_up(head_size, kPanelColumns); column += kTileColumns) {
      const int64_t columns = std::clamp<int64_t>(head_size - column, 0, kTileColumns);
      const BFloat16* const row = v + key * stride + column;
      BFloat16* const out = packed + packed_index(key, column, kChunkSteps);
      if (key + 1 < keys && columns == kTileColumns) {
        all_finite &= pack_value_pair(row, row + stride, out);
      } else {
        BFloat16 padded[2][kTileColumns] = {};
        if (key < keys) std::copy_n(row, columns, padded[0]);
        if (key + 1 < keys) std::copy_n(row + stride, columns, padded[1]);
        all_finite &= pack_value_pair(padded[0], padded[1], out);
      }
    }
  }
  return all_finite;
}

void copy_queries(const AttentionProblem<BFloat16>& p, Range queries, int64_t padded_rows,
                  Scratch& s) {
  for (int64_t row = 0; row < padded_rows; ++row) {
    BFloat16* const out = s.queries + row * s.width;
    const int64_t count = row < queries.end - queries.begin ? p.head_size : 0;
    std::copy_n(p.q + (queries.begin + row) * p.q_stride, count, out);
    std::fill(out + count, out + s.width, BFloat16(0.0f));
  }
}

// Scales a row of scores over `keys`, whole panels, makes those outside `visible` -inf, and returns
// the largest.
float scale_scores(float* scores, Range keys, Range visible, float scale) {
  FloatVec largest = constant(-kInfinity);
  for (int64_t j = keys.begin; j < keys.end; j += kLanes) {
    const auto before =
        hn::FirstN(kFloat, static_cast<size_t>(std::max<int64_t>(0, visible.begin - j)));
    const auto until =
        hn::FirstN(kFloat, static_cast<size_t>(std::max<int64_t>(0, visible.end - j)));
    const FloatVec scaled = hn::Mul(hn::Load(kFloat, scores + j), constant(scale));
    const FloatVec x = hn::IfThenElse(hn::AndNot(before, until), scaled, constant(-kInfinity));
    // A NaN may get lost here; it shows again in the sum of weights.
    largest = hn::Max(largest, x);
    hn::Store(x, kFloat, scores + j);
  }
  return hn::GetLane(hn::MaxOfLanes(kFloat, largest));
}

// weights = e^(scores - largest) over `keys`, rounded to bf16; returns the sum before the rounding.
// Weights of keys at -inf are exactly 0.
float exponentiate(const float* scores, Range keys, float largest, BFloat16* weights) {
  FloatVec sum = hn::Zero(kFloat);
  for (int64_t j = keys.begin; j < keys.end; j += kLanes) {
    const FloatVec e = exp(hn::Sub(hn::Load(kFloat, scores + j), constant(largest)));
    sum = hn::Add(sum, e);
    store(e, weights + j, kLanes);
  }
  return hn::GetLane(hn::SumOfLanes(kFloat, sum));
}

void scale_row(float* row, int64_t columns, float factor) {
  for (int64_t j = 0; j < columns; j += kLanes) {
    hn::Store(hn::Mul(hn::Load(kFloat, row + j), constant(factor)), kFloat, row + j);
  }
}

// Two tiles of queries, or the last one, against one chunk of keys.
template <class Tiles>
class PairAttention {
 public:
  PairAttention(Tiles& tiles, const AttentionProblem<BFloat16>& problem, Range queries,
                RowTiles rows, Scratch& scratch)
      : tiles_(tiles),
        p_(problem),
        queries_(queries),
        row_tiles_(rows),
        s_(scratch),
        scale_left_(problem.biases == nullptr ? problem.scale : 1.0f) {}

  void attend(int64_t tile, Range chunk, bool all_finite) {
    num_tiles_ = std::min<int64_t>(2, row_tiles_.count - tile);
    row_ = tile * row_tiles_.height;
    if (!find_visible(chunk)) return;
    multiply_keys();
    for (int64_t r = 0; r < num_rows(); ++r) {
      if (p_.biases != nullptr) add_biases(r, chunk.begin);
      if (p_.keep != nullptr) hide_scores(r, chunk.begin);
      fold_scores(r);
    }
    multiply_values();
    if (!all_finite) add_values_left_out(chunk.begin);
  }

 private:
  int64_t num_rows() const { return num_tiles_ * row_tiles_.height; }

  // What each row sees of the chunk, counted from its first key, and the whole panels that hold
  // what any of them sees. Rows beyond the last query see nothing.
  bool find_visible(Range chunk) {
    Range any{kChunk, 0};
    for (int64_t r = 0; r < num_rows(); ++r) {
      const int64_t query = queries_.begin + row_ + r;
      const Range own = query < queries_.end ? p_.visible_in(chunk, query) : Range{};
      visible_[static_cast<size_t>(r)] = own;
      if (own.begin == own.end) continue;
      any = {std::min(any.begin, own.begin), std::max(any.end, own.end)};
    }
    keys_ = {any.begin / kPanelColumns * kPanelColumns, round_up(any.end, kPanelColumns)};
    return any.begin < any.end;
  }

  // product.right and product.sums are those of panel 0.
  void multiply_panels(BlockProduct product, Range panels) {
    const BFloat16* const right = product.right;
    float* const sums = product.sums;
    const int64_t panels_at_once = num_tiles_ == 2 ? 1 : 2;
    for (int64_t panel = panels.begin; panel < panels.end; panel += panels_at_once) {
      product.right = right + panel * product.panel_elements;
      product.sums = sums + panel * product.sum_panel;
      multiply_block(tiles_, product, num_tiles_, std::min(panels_at_once, panels.end - panel),
                     [] {});
    }
  }

  void multiply_keys() {
    const int64_t steps = s_.width / kTileDepth;
    multiply_panels({.left = s_.queries + row_ * s_.width,
                     .left_stride = s_.width,
                     .right = s_.keys,
                     .panel_elements = steps * kStepElements,
                     .steps = steps,
                     .second_tile = row_tiles_.height,
                     .sums = s_.scores,
                     .sum_stride = kScoreStride,
                     .sum_panel = kPanelColumns,
                     .is_first = true},
                    {keys_.begin / kPanelColumns, keys_.end / kPanelColumns});
  }

  void multiply_values() {
    const int64_t first_step = keys_.begin / kTileDepth;
    multiply_panels({.left = s_.weights + keys_.begin,
                     .left_stride = kWeightStride,
                     .right = s_.values + first_step * kStepElements,
                     .panel_elements = kChunkSteps * kStepElements,
                     .steps = keys_.end / kTileDepth - first_step,
                     .second_tile = row_tiles_.height,
                     .sums = s_.sums + row_ * s_.width,
                     .sum_stride = s_.width,
                     .sum_panel = kPanelColumns,
                     .is_first = false},
                    {0, s_.width / kPanelColumns});
  }

  // Scales the scores of the visible keys and adds their biases.
  void add_biases(int64_t r, int64_t chunk_begin) {
    const Range visible = visible_[static_cast<size_t>(r)];
    if (visible.begin == visible.end) return;
    const float* const biases = p_.bias_row(queries_.begin + row_ + r) + chunk_begin;
    float* const scores = s_.scores + r * kScoreStride;
    for (int64_t j = visible.begin; j < visible.end; j += kLanes) {
      const int64_t count = visible.end - j;
      const FloatVec scaled = hn::Mul(load(scores + j, count), constant(p_.scale));
      store(hn::Add(scaled, load(biases + j, count)), scores + j, count);
    }
  }

  // Makes the scores between the first and the last visible key that `keep` hides -inf, once they
  // are scaled.
  void hide_scores(int64_t r, int64_t chunk_begin) {
    const Range visible = visible_[static_cast<size_t>(r)];
    if (visible.begin == visible.end) return;
    const bool* const keep = p_.keep_row(queries_.begin + row_ + r) + chunk_begin;
    float* const scores = s_.scores + r * kScoreStride;
    const float hidden = scale_left_ < 0 ? kInfinity : -kInfinity;
    for (int64_t j = visible.begin; j < visible.end; ++j) {
      scores[j] = keep[j] ? scores[j] : hidden;
    }
  }

  // Turns a row of scores into weights and folds them into the row's running softmax: what was
  // summed under a smaller maximum is scaled down.
  void fold_scores(int64_t r) {
    const Range visible = visible_[static_cast<size_t>(r)];
    float* const scores = s_.scores + r * kScoreStride;
    BFloat16* const weights = s_.weights + r * kWeightStride;
    if (visible.begin == visible.end) {
      std::fill(weights + keys_.begin, weights + keys_.end, BFloat16(0.0f));
      return;
    }
    const int64_t query = row_ + r;
    const float before = s_.largest[query];
    const float largest = std::max(scale_scores(scores, keys_, visible, scale_left_), before);
    const float sum = exponentiate(scores, keys_, largest, weights);
    float shrink = 0;
    if (s_.total[query] != 0) {
      shrink = hn::GetLane(exp(constant(before - largest)));
      if (shrink != 1) scale_row(s_.sums + query * s_.width, s_.width, shrink);
    }
    s_.total[query] = s_.total[query] * shrink + sum;
    s_.largest[query] = largest;
  }

  // The values that pack_values left out, for the queries that do see their keys.
  void add_values_left_out(int64_t chunk_begin) {
    for (int64_t r = 0; r < num_rows(); ++r) {
      const Range visible = visible_[static_cast<size_t>(r)];
      float* const sums = s_.sums + (row_ + r) * s_.width;
      for (int64_t key = visible.begin; key < visible.end; ++key) {
        if (is_hidden(r, chunk_begin + key)) continue;
        const auto weight = static_cast<float>(s_.weights[r * kWeightStride + key]);
        const BFloat16* const values = p_.v + (chunk_begin + key) * p_.v_stride;
        for (int64_t i = 0; i < p_.head_size; ++i) {
          if (!is_finite(values[i])) sums[i] += weight * static_cast<float>(values[i]);
        }
      }
    }
  }

  // Whether `keep` takes a key out of the band of a row that sees some.
  bool is_hidden(int64_t r, int64_t key) const {
    return p_.keep != nullptr && !p_.keep_row(queries_.begin + row_ + r)[key];
  }

  Tiles& tiles_;
  const AttentionProblem<BFloat16>& p_;
  const Range queries_;
  const RowTiles row_tiles_;
  Scratch& s_;
  const float scale_left_;  // what scores have still to be multiplied by: biases come after it
  int64_t num_tiles_ = 0, row_ = 0;
  Range keys_;
  std::array<Range, kPairRows> visible_;
};

void write_out(const AttentionProblem<BFloat16>& p, Range queries, const Scratch& s) {
  for (int64_t row = 0; row < queries.end - queries.begin; ++row) {
    BFloat16* const out = p.out + (queries.begin + row) * p.out_stride;
    // A query that sees nothing has no weights.
    const float factor = s.total[row] == 0 ? 0.0f : 1.0f / s.total[row];
    for (int64_t i = 0; i < p.head_size; i += kLanes) {
      const FloatVec x = hn::Load(kFloat, s.sums + row * s.width + i);
      store(hn::Mul(x, constant(factor)), out + i, p.head_size - i);
    }
  }
}

template <class Tiles>
void attend_block(Tiles& tiles, const AttentionProblem<BFloat16>& p, Range queries,
                  RowTiles row_tiles, Scratch& s) {
  const int64_t padded_rows = row_tiles.count * row_tiles.height;
  copy_queries(p, queries, padded_rows, s);
  std::fill_n(s.sums, padded_rows * s.width, 0.0f);
  std::fill_n(s.largest, padded_rows, -kInfinity);
  std::fill_n(s.total, padded_rows, 0.0f);
  PairAttention<Tiles> pair(tiles, p, queries, row_tiles, s);
  const int64_t seen_begin = p.visible.of(queries.begin, p.num_keys).begin;
  const int64_t seen_end = p.visible.of(queries.end - 1, p.num_keys).end;
  for (int64_t begin = seen_begin / kChunk * kChunk; begin < seen_end; begin += kChunk) {
    const Range chunk{begin, std::min(begin + kChunk, p.num_keys)};
    const int64_t keys = chunk.end - chunk.begin;
    pack_keys(p.k + begin * p.k_stride, p.k_stride, keys, p.head_size, s.keys);
    const bool all_finite =
        pack_values(p.v + begin * p.v_stride, p.v_stride, keys, p.head_size, s.values);
    for (int64_t tile = 0; tile < row_tiles.count; tile += 2) pair.attend(tile, chunk, all_finite);
  }
  write_out(p, queries, s);
}

template <class Tiles>
void attend(const AttentionProblem<BFloat16>& problem, Range queries, std::byte* scratch) noexcept {
  Scratch parts(scratch, problem.head_size);
  for (int64_t begin = queries.begin; begin < queries.end; begin += kBlockQueries) {
    const Range block{begin, std::min(begin + kBlockQueries, queries.end)};
    const RowTiles row_tiles(block.end - block.begin);
    Tiles tiles{amx::TileConfig(row_tiles.height)};
    attend_block(tiles, problem, block, row_tiles, parts);
  }
}

}  // namespace

extern const Attention<BFloat16> kAttentionBf16Emulated;
const Attention<BFloat16> kAttentionBf16Emulated = {kBlockQueries, scratch_bytes,
                                                    attend<amx::EmulatedTiles>};
#if HWY_TARGET == HWY_AVX3
extern const Attention<BFloat16> kAttentionBf16;
const Attention<BFloat16> kAttentionBf16 = {kBlockQueries, scratch_bytes,
                                            attend<amx::HardwareTiles>};
#endif

}  // namespace nopad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nopad::kernels {

const Attention<BFloat16>& attention_bf16(Isa isa) noexcept {
#if defined(__x86_64__)
  if (isa == Isa::amx) return N_AVX3::kAttentionBf16;
#endif
  return NOPAD_SELECT(isa, kAttentionBf16Emulated);
}

}  // namespace nopad::kernels
#endif
