#include <algorithm>
#include <array>

#include "kernels/attention.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/attention_backward.cc"
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

// A block of queries against a chunk of keys, whose weights and their gradients stay in L2. With
// weights w and scores s, per block:  d_v = wᵀ d_out,  d_s = w (d_out vᵀ - d_out·out),
// d_q = d_s k,  d_k = d_sᵀ q.
constexpr int64_t kChunk = 128;
constexpr int64_t kBlockQueries = 96;
constexpr int64_t kScoreStride = kChunk + 16;
static_assert(kChunk % kPanelWidth == 0);

// The scratch of one call, cut into its parts.
struct Scratch {
  Scratch(float* base, int64_t head_size)
      : value_stride(round_up(head_size, kPanelWidth)), end(base) {
    keys = take(kChunk * head_size);
    values = take(kChunk * head_size);
    key_rows = take(kChunk * value_stride);
    queries = take(num_slices(head_size) * kBlockQueries * kDepthStride);
    d_outs = take(num_slices(head_size) * kBlockQueries * kDepthStride);
    query_rows = take(kBlockQueries * value_stride);
    d_out_rows = take(kBlockQueries * value_stride);
    d_queries = take(kBlockQueries * value_stride);
    weights = take(kBlockQueries * kScoreStride);
    d_scores = take(kBlockQueries * kScoreStride);
    means = take(kBlockQueries);
  }

  int64_t value_stride;
  float* end;
  float* keys;        // [kChunk / width, head_size, width]
  float* values;      // the same
  float* key_rows;    // [value_stride / width, kChunk, width]
  float* queries;     // [slices, kBlockQueries, kDepthStride], scaled
  float* d_outs;      // the same, not scaled
  float* query_rows;  // [value_stride / width, kBlockQueries, width], scaled
  float* d_out_rows;  // the same, not scaled
  float* d_queries;   // [kBlockQueries, value_stride]: the sums so far
  float* weights;     // [kBlockQueries, kScoreStride]
  float* d_scores;    // the same
  float* means;       // [kBlockQueries]: d_out·out

 private:
  float* take(int64_t count) {
    float* const part = end;
    end += round_up(count, 16);
    return part;
  }
};

int64_t scratch_bytes(int64_t head_size) noexcept {
  alignas(64) static float origin[1];
  return (Scratch(origin, head_size).end - origin) * static_cast<int64_t>(sizeof(float));
}

// c = a panel, or c += a panel. Rows of a lie kRowStep apart, and a step of depth is kStep.
using ProductFunction = void (*)(const float* a, const float* panel, int64_t depth, float* c,
                                 int64_t stride, bool is_first);
template <int64_t kRowStep, int64_t kStep>
struct Product {
  template <int kRows>
  struct Rows {
    static HWY_NOINLINE void call(const float* a, const float* panel, int64_t depth, float* c,
                                  int64_t stride, bool is_first) {
      Tile<kRows> tile;
      if (is_first) {
        tile.clear();
      } else {
        tile.load(c, stride);
      }
      tile.template multiply_add<kRowStep, kStep>(a, panel, depth);
      tile.store(c, stride);
    }
  };
  static constexpr auto kTable =
      make_tile_table<Rows, ProductFunction>(std::make_integer_sequence<int, kTileRows>{});
};
using FromHeads = Product<kDepthStride, 1>;    // rows are queries, depth is the head
using FromQueries = Product<kScoreStride, 1>;  // rows are queries, depth is keys
using FromKeys = Product<1, kScoreStride>;     // rows are keys, depth is queries

// What one call works on.
struct Block {
  const AttentionProblem<float>& p;
  const AttentionGradients<float>& g;
  Range queries;
  Scratch& s;

  int64_t num_queries() const { return queries.end - queries.begin; }
};

// Zeros in place of what is no number. Zero times it would be a NaN in the gradient of a token that
// is not seen; where it is seen, the score or its gradient is a NaN already.
void replace_non_finite(float* x, int64_t count) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const FloatVec value = hn::Load(kFloat, x + i);
    hn::Store(hn::IfThenElseZero(hn::IsFinite(value), value), kFloat, x + i);
  }
}

template <int64_t kMaxRows>
void pack_finite_values(const float* rows, int64_t stride, int64_t count, int64_t head_size,
                        float* packed) {
  pack_values<kMaxRows>(rows, stride, count, head_size, packed);
  for (int64_t column = 0; column < head_size; column += kPanelWidth) {
    replace_non_finite(packed + column * kMaxRows, count * kPanelWidth);
  }
}

// [rows, head_size] times `scale` -> [slices, kBlockQueries, kDepthStride]
void copy_heads(const float* from, int64_t stride, int64_t rows, int64_t head_size, float scale,
                float* to) {
  for (int64_t depth = 0; depth < head_size;
       depth += kMaxDepth, to += kBlockQueries * kDepthStride) {
    copy_rows_scaled<kDepthStride>(from + depth, stride, rows,
                                   std::min(kMaxDepth, head_size - depth), scale, to);
  }
}

// The same copy, as the right operand of a product over the queries.
void pack_heads(const float* heads, int64_t rows, int64_t head_size, float* packed) {
  for (int64_t depth = 0; depth < head_size; depth += kMaxDepth) {
    pack_finite_values<kBlockQueries>(heads + depth / kMaxDepth * kBlockQueries * kDepthStride,
                                      kDepthStride, rows, std::min(kMaxDepth, head_size - depth),
                                      packed + depth * kBlockQueries);
  }
}

float dot(const float* a, const float* b, int64_t count) {
  FloatVec sum = hn::Zero(kFloat);
  for (int64_t i = 0; i < count; i += kLanes) {
    sum = hn::MulAdd(load(a + i, count - i), load(b + i, count - i), sum);
  }
  return hn::GetLane(hn::SumOfLanes(kFloat, sum));
}

bool is_zero(const float* row, int64_t count) {
  return std::all_of(row, row + count, [](float x) { return x == 0; });
}

void prepare_queries(const Block& block) {
  const auto& [p, g, queries, s] = block;
  const int64_t count = block.num_queries();
  const float* const d_out = g.d_out + queries.begin * g.d_out_stride;
  copy_heads(p.q + queries.begin * p.q_stride, p.q_stride, count, p.head_size, p.scale, s.queries);
  copy_heads(d_out, g.d_out_stride, count, p.head_size, 1, s.d_outs);
  pack_heads(s.queries, count, p.head_size, s.query_rows);
  pack_heads(s.d_outs, count, p.head_size, s.d_out_rows);
  std::fill_n(s.d_queries, count * s.value_stride, 0.0f);
  for (int64_t r = 0; r < count; ++r) {
    s.means[r] =
        dot(d_out + r * g.d_out_stride, p.out + (queries.begin + r) * p.out_stride, p.head_size);
  }
}

// What each query sees of a chunk. One that has no gradient takes no part: its token may hold
// anything.
struct Visible {
  std::array<Range, kBlockQueries> rows;
  Range any;  // from the first to the last key that one of them sees
};

Visible find_visible(const Block& block, Range chunk) {
  Visible out{.rows = {}, .any = {kChunk, 0}};
  for (int64_t r = 0; r < block.num_queries(); ++r) {
    const int64_t query = block.queries.begin + r;
    const float* const d_out = block.g.d_out + query * block.g.d_out_stride;
    if (is_zero(d_out, block.p.head_size)) continue;
    const Range own = block.p.visible_in(chunk, query);
    if (own.begin == own.end) continue;
    out.rows[static_cast<size_t>(r)] = own;
    out.any = {std::min(out.any.begin, own.begin), std::max(out.any.end, own.end)};
  }
  return out;
}

// scores = heads packedᵀ for the panels that hold `keys`.
void multiply_heads(const Block& block, const float* heads, const float* packed, Range keys,
                    float* scores) {
  const int64_t rows = block.num_queries();
  const int64_t head_size = block.p.head_size;
  for (int64_t key = keys.begin / kPanelWidth * kPanelWidth; key < keys.end; key += kPanelWidth) {
    for (int64_t t = 0; t < num_tiles(rows); ++t) {
      const int64_t row = tile_begin(rows, t);
      const auto multiply =
          FromHeads::kTable[static_cast<size_t>(tile_begin(rows, t + 1) - row - 1)];
      for (int64_t depth = 0; depth < head_size; depth += kMaxDepth) {
        multiply(heads + depth / kMaxDepth * kBlockQueries * kDepthStride + row * kDepthStride,
                 packed + key * head_size + depth * kPanelWidth,
                 std::min(kMaxDepth, head_size - depth), scores + row * kScoreStride + key,
                 kScoreStride, depth == 0);
      }
    }
  }
}

// Turns a row of scores into weights, and the products d_out vᵀ into gradients of the scores.
// A weight of 0 has the gradient 0, whatever stands in the token that it belongs to.
void differentiate_row(float* scores, float* products, const float* factors, Range visible,
                       float log_sum, float mean) {
  for (int64_t j = visible.begin; j < visible.end; j += kLanes) {
    const int64_t count = visible.end - j;
    const FloatVec score = load(scores + j, count);
    // Hidden keys, too, where the log_sum is no number.
    const FloatVec weight = hn::IfThenZeroElse(hn::Eq(score, constant(-kInfinity)),
                                               exp(hn::Sub(score, constant(log_sum))));
    const FloatVec factor = factors == nullptr ? constant(1) : load(factors + j, count);
    const FloatVec d_weight = hn::Mul(load(products + j, count), factor);
    const FloatVec d_score = hn::Mul(weight, hn::Sub(d_weight, constant(mean)));
    store(hn::IfThenZeroElse(hn::Eq(weight, hn::Zero(kFloat)), d_score), products + j, count);
    store(hn::Mul(weight, factor), scores + j, count);
  }
}

void differentiate_scores(const Block& block, const Visible& visible, int64_t first_key) {
  const auto& [p, g, queries, s] = block;
  for (int64_t r = 0; r < block.num_queries(); ++r) {
    const Range own = visible.rows[static_cast<size_t>(r)];
    float* const scores = s.weights + r * kScoreStride;
    float* const products = s.d_scores + r * kScoreStride;
    if (own.begin < own.end) {
      const int64_t query = queries.begin + r;
      if (p.biases != nullptr) add(scores, p.bias_row(query) + first_key, own);
      if (p.keep != nullptr) hide_scores(scores, p.keep_row(query) + first_key, own);
      differentiate_row(scores, products,
                        p.factors == nullptr ? nullptr : p.factor_row(query) + first_key, own,
                        p.log_sums[query], s.means[r]);
      if (g.d_biases != nullptr) {
        add(g.d_biases + (query - p.first_row) * p.bias_stride + first_key, products, own);
      }
    }
    clear_outside(scores, visible.any, own);
    clear_outside(products, visible.any, own);
  }
}

// The queries' sums += d_scores k.
void add_to_queries(const Block& block, Range keys) {
  Scratch& s = block.s;
  const int64_t rows = block.num_queries();
  for (int64_t column = 0; column < s.value_stride; column += kPanelWidth) {
    for (int64_t t = 0; t < num_tiles(rows); ++t) {
      const int64_t row = tile_begin(rows, t);
      FromQueries::kTable[static_cast<size_t>(tile_begin(rows, t + 1) - row - 1)](
          s.d_scores + row * kScoreStride + keys.begin,
          s.key_rows + column * kChunk + keys.begin * kPanelWidth, keys.end - keys.begin,
          s.d_queries + row * s.value_stride + column, s.value_stride, false);
    }
  }
}

// out[key] += the sum over the block's queries of scores[query, key] rows[query]
void add_to_keys(const Block& block, const float* scores, const float* rows, Range keys, float* out,
                 int64_t stride) {
  const int64_t count = keys.end - keys.begin;
  for (int64_t column = 0; column < block.p.head_size; column += kPanelWidth) {
    const int64_t columns = std::min(kPanelWidth, block.p.head_size - column);
    for (int64_t t = 0; t < num_tiles(count); ++t) {
      const int64_t key = keys.begin + tile_begin(count, t);
      const int64_t tile_rows = keys.begin + tile_begin(count, t + 1) - key;
      const auto multiply = FromKeys::kTable[static_cast<size_t>(tile_rows - 1)];
      const float* const panel = rows + column * kBlockQueries;
      float* const to = out + key * stride + column;
      if (columns == kPanelWidth) {
        multiply(scores + key, panel, block.num_queries(), to, stride, false);
        continue;
      }
      // A panel that reaches beyond the head works on a copy.
      alignas(64) float copy[kTileRows * kPanelWidth] = {};
      for (int64_t r = 0; r < tile_rows; ++r) {
        std::copy_n(to + r * stride, columns, copy + r * kPanelWidth);
      }
      multiply(scores + key, panel, block.num_queries(), copy, kPanelWidth, false);
      for (int64_t r = 0; r < tile_rows; ++r) {
        std::copy_n(copy + r * kPanelWidth, columns, to + r * stride);
      }
    }
  }
}

// What replace_non_finite() took out of d_out, for the values that do get a gradient from it.
void add_non_finite(const Block& block, const Visible& visible, Range chunk) {
  const auto& [p, g, queries, s] = block;
  for (int64_t r = 0; r < block.num_queries(); ++r) {
    const float* const d_out = g.d_out + (queries.begin + r) * g.d_out_stride;
    if (is_finite_row(d_out, p.head_size)) continue;
    const Range own = visible.rows[static_cast<size_t>(r)];
    for (int64_t j = own.begin; j < own.end; ++j) {
      const float weight = s.weights[r * kScoreStride + j];
      if (weight == 0) continue;
      float* const to = g.d_v + (chunk.begin + j) * g.d_v_stride;
      for (int64_t i = 0; i < p.head_size; ++i) {
        if (!(d_out[i] - d_out[i] == 0)) to[i] += weight * d_out[i];
      }
    }
  }
}

void differentiate_chunk(const Block& block, Range chunk) {
  const auto& [p, g, queries, s] = block;
  const Visible visible = find_visible(block, chunk);
  const Range keys = visible.any;
  if (keys.begin >= keys.end) return;
  const int64_t count = chunk.end - chunk.begin;
  const float* const k = p.k + chunk.begin * p.k_stride;
  pack_keys(k, p.k_stride, count, p.head_size, s.keys);
  pack_keys(p.v + chunk.begin * p.v_stride, p.v_stride, count, p.head_size, s.values);
  multiply_heads(block, s.queries, s.keys, keys, s.weights);
  multiply_heads(block, s.d_outs, s.values, keys, s.d_scores);
  differentiate_scores(block, visible, chunk.begin);
  if (g.d_q != nullptr) {
    pack_finite_values<kChunk>(k, p.k_stride, count, p.head_size, s.key_rows);
    add_to_queries(block, keys);
  }
  if (g.d_k != nullptr) {
    add_to_keys(block, s.d_scores, s.query_rows, keys, g.d_k + chunk.begin * g.d_k_stride,
                g.d_k_stride);
  }
  if (g.d_v != nullptr) {
    add_to_keys(block, s.weights, s.d_out_rows, keys, g.d_v + chunk.begin * g.d_v_stride,
                g.d_v_stride);
    add_non_finite(block, visible, chunk);
  }
}

void differentiate_block(const Block& block) {
  const auto& [p, g, queries, s] = block;
  prepare_queries(block);
  const int64_t seen_begin = p.visible.of(queries.begin, p.num_keys).begin;
  const int64_t seen_end = p.visible.of(queries.end - 1, p.num_keys).end;
  for (int64_t begin = seen_begin / kChunk * kChunk; begin < seen_end; begin += kChunk) {
    differentiate_chunk(block, {begin, std::min(begin + kChunk, p.num_keys)});
  }
  if (g.d_q == nullptr) return;
  for (int64_t r = 0; r < block.num_queries(); ++r) {
    const float* const sums = s.d_queries + r * s.value_stride;
    float* const d_q = g.d_q + (queries.begin + r) * g.d_q_stride;
    for (int64_t i = 0; i < p.head_size; ++i) d_q[i] = sums[i] * p.scale;
  }
}

void differentiate(const AttentionProblem<float>& problem,
                   const AttentionGradients<float>& gradients, Range queries,
                   std::byte* scratch) noexcept {
  Scratch parts(reinterpret_cast<float*>(scratch), problem.head_size);
  for (int64_t begin = queries.begin; begin < queries.end; begin += kBlockQueries) {
    const Range block{begin, std::min(begin + kBlockQueries, queries.end)};
    differentiate_block({problem, gradients, block, parts});
  }
}

}  // namespace

extern const AttentionBackward<float> kAttentionBackward;
const AttentionBackward<float> kAttentionBackward = {kBlockQueries, scratch_bytes, differentiate};

}  // namespace nopad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nopad::kernels {

const AttentionBackward<float>& attention_backward_f32(Isa isa) noexcept {
  return NOPAD_SELECT(isa, kAttentionBackward);
}

}  // namespace nopad::kernels
#endif
