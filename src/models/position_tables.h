// The tables by which attention knows distances and places, from what checkpoints and configs say.
#pragma once

#include <cstdint>
#include <vector>

#include "nopad/core/tensor.h"
#include "nopad/models/encoder_config.h"

namespace nopad::models {

// MPNet's buckets of distances: the first half for keys before the query, the second for those
// behind it; in each, the near distances one by one and the far ones in octaves.
inline constexpr int64_t kNumBuckets = 32;
// distance : the key's index less the query's
int64_t bucket_of(int64_t distance);

// table  : [buckets, H] f32
// return : [H, 2 max_tokens - 1] f32, a column for each distance from -(max_tokens - 1) on
Tensor spread_buckets(const Tensor& table, int64_t max_tokens);

// BERT's table of distances counts query less key; attention's counts key less query.
// table  : [2M - 1, head size]   return : the rows from the last to the first, times `growth`
Tensor reverse_rows(const Tensor& table, float growth);

// The angles of a head's pairs, a token.
// Source : "linear" as transformers; "ntk" as the code that came with GTE
//          (https://kexue.fm/archives/9706)
std::vector<float> inverse_frequencies(const RotaryConfig& config, int64_t head_size);

}  // namespace nopad::models
