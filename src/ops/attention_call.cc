#include "ops/attention_call.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/core/storage.h"
#include "ops/philox.h"
#include "ops/relative_gradients.h"
#include "ops/relative_scores.h"

namespace nopad::ops {
namespace {

using kernels::AttentionGradients;
using kernels::AttentionProblem;
using kernels::AttentionSum;
using kernels::Range;

template <class T>
AttentionSum<T> scale_of(const AttentionCall<T>& call) {
  using Sum = AttentionSum<T>;
  if (call.config.scale != 0) return static_cast<Sum>(call.config.scale);
  return 1 / std::sqrt(static_cast<Sum>(call.head_size()));
}

template <class T>
AttentionProblem<T> make_problem(const AttentionCall<T>& call, int64_t sequence, int64_t head) {
  const int64_t first_query = call.queries.offset(sequence);
  const int64_t first_key = call.keys.offset(sequence);
  const int64_t column = head * call.head_size();
  const auto bounded = [](int64_t reach) { return std::min(reach, kernels::VisibleKeys::kAll); };
  AttentionProblem<T> problem;
  problem.num_queries = call.queries.length(sequence);
  problem.num_keys = call.keys.length(sequence);
  problem.head_size = call.head_size();
  problem.q = call.q + first_query * call.q_stride + column;
  problem.k = call.k + first_key * call.kv_stride + column;
  problem.v = call.v + first_key * call.kv_stride + column;
  problem.out = call.out + first_query * call.width + column;
  problem.q_stride = call.q_stride;
  problem.k_stride = problem.v_stride = call.kv_stride;
  problem.out_stride = call.width;
  problem.scale = scale_of(call);
  problem.visible = {bounded(call.config.pattern.left()), bounded(call.config.pattern.right())};
  if (call.log_sums != nullptr) {
    problem.log_sums = call.log_sums + head * call.queries.num_tokens() + first_query;
  }
  return problem;
}

// What weights are multiplied by: 0 with the chance of the rate, else 1 / (1 - rate).
class WeightDraws {
 public:
  explicit WeightDraws(const DropoutConfig& config)
      : threshold_(static_cast<uint64_t>(std::ceil(config.rate * 0x1p32))),
        scale_(config.rate < 1 ? 1 / (1 - config.rate) : 0) {
    const PhiloxCounter words =
        philox({low(config.step), high(config.step), 0, 0}, {low(config.seed), high(config.seed)});
    key_ = {words[0], words[1]};
  }

  template <class Sum>
  void write_row(int64_t sequence, int64_t head, int64_t query, std::span<Sum> factors) const {
    const auto scale = static_cast<Sum>(scale_);
    for (size_t j = 0; j < factors.size(); j += 4) {
      // Heads count from 1: the last word is 0 in the draws of ops::dropout.
      const PhiloxCounter words =
          philox({low(j / 4), low(static_cast<uint64_t>(query)),
                  low(static_cast<uint64_t>(sequence)), low(static_cast<uint64_t>(head + 1))},
                 key_);
      for (size_t i = 0; i < std::min<size_t>(4, factors.size() - j); ++i) {
        factors[j + i] = words[i] < threshold_ ? Sum{0} : scale;
      }
    }
  }

 private:
  static uint32_t low(uint64_t word) { return static_cast<uint32_t>(word); }
  static uint32_t high(uint64_t word) { return static_cast<uint32_t>(word >> 32); }

  uint64_t threshold_;
  double scale_;
  PhiloxKey key_{};
};

// One thread's scratch: the kernel's own, then what is to be said about each key of a block of
// queries, where there is something.
template <class T>
class BlockScratch {
 public:
  using Sum = kernels::AttentionSum<T>;

  // has_gradients : whether biases have gradients beside them
  BlockScratch(const AttentionCall<T>& call, const RelativeScores<T>& relative,
               int64_t kernel_bytes, int64_t block_queries, bool has_gradients = false)
      : call_(call),
        relative_(relative),
        draws_(call.config.dropout),
        num_biases_(relative.scratch_elements(block_queries)) {
    constexpr auto kSumBytes = static_cast<int64_t>(sizeof(Sum));
    const int64_t cells =
        std::min(block_queries, call.queries.max_length()) * call.keys.max_length();
    const int64_t biases_begin = (kernel_bytes + 63) / 64 * 64;
    const int64_t factors_begin = biases_begin + (has_gradients ? 2 : 1) * num_biases_ * kSumBytes;
    const int64_t keep_begin = factors_begin + (has_dropout() ? cells * kSumBytes : 0);
    kernel_ = thread_bytes(keep_begin + (is_band() ? 0 : cells));
    biases_ = reinterpret_cast<Sum*>(kernel_ + biases_begin);
    factors_ = reinterpret_cast<Sum*>(kernel_ + factors_begin);
    keep_ = reinterpret_cast<bool*>(kernel_ + keep_begin);
  }

  std::byte* kernel() const { return kernel_; }
  int64_t num_biases() const { return num_biases_; }
  Sum* biases() const { return biases_; }
  Sum* d_biases() const { return biases_ + num_biases_; }

  // Tells the kernel what a block of queries gains from distances, which keys of its band it sees,
  // and which weights it drops.
  void show(AttentionProblem<T>& problem, int64_t sequence, int64_t head, Range queries) const {
    relative_.show(problem, head, queries, biases_);
    if (is_band() && !has_dropout()) return;
    const auto count = static_cast<size_t>(problem.num_keys);
    for (int64_t query = queries.begin; query < queries.end; ++query) {
      const int64_t row = (query - queries.begin) * problem.num_keys;
      if (!is_band()) call_.config.pattern.write_visible(sequence, query, {keep_ + row, count});
      if (has_dropout()) {
        draws_.write_row(sequence, head, query, std::span<Sum>(factors_ + row, count));
      }
    }
    problem.keep = is_band() ? nullptr : keep_;
    problem.factors = has_dropout() ? factors_ : nullptr;
    problem.first_row = queries.begin;
  }

 private:
  bool is_band() const { return call_.config.pattern.is_band(); }
  bool has_dropout() const { return call_.config.dropout.rate > 0; }

  // Each thread's own, grown to the most it was asked for.
  static std::byte* thread_bytes(int64_t num_bytes) {
    thread_local Storage scratch;
    if (scratch.num_bytes() < static_cast<size_t>(num_bytes)) {
      scratch = Storage::allocate(static_cast<size_t>(num_bytes));
    }
    return scratch.mutable_data();
  }

  const AttentionCall<T>& call_;
  const RelativeScores<T>& relative_;
  WeightDraws draws_;
  int64_t num_biases_;
  std::byte* kernel_;
  Sum* biases_;   // [num_biases]: what relative_ asked for; then their gradients
  Sum* factors_;  // [block queries, keys]
  bool* keep_;    // the same
};

const RelativePositions* positions_of(const AttentionConfig& config) {
  return config.relative_positions.has_value() ? &*config.relative_positions : nullptr;
}

template <class T>
RelativeScores<T> relative_scores(const AttentionCall<T>& call) {
  return {positions_of(call.config), call.head_size(), call.queries.max_length(),
          current_execution().isa()};
}

// One task is a (sequence, head, block of queries). tasks_before[b] counts the tasks of the
// sequences before b, so that a task's number tells what it is.
std::vector<int64_t> count_tasks(const RaggedLayout& queries, int64_t num_heads, int64_t block) {
  std::vector<int64_t> tasks_before{0};
  for (int64_t b = 0; b < queries.num_sequences(); ++b) {
    const int64_t blocks = (queries.length(b) + block - 1) / block;
    tasks_before.push_back(tasks_before.back() + blocks * num_heads);
  }
  return tasks_before;
}

template <class T>
const kernels::Attention<T>& kernel_for(Isa isa) {
  if constexpr (std::is_same_v<T, float>) {
    return kernels::attention_f32(isa);
  } else if constexpr (std::is_same_v<T, double>) {
    return kernels::attention_f64();
  } else {
    if (!has_tiles(isa)) {
      fail<OptionError>("attention: dtype: bf16 needs matrix tiles, which ", isa, " has not");
    }
    return kernels::attention_bf16(isa);
  }
}

template <class T>
AttentionGradients<T> make_gradients(const AttentionCall<T>& call,
                                     const AttentionCallGradients<T>& all, int64_t sequence,
                                     int64_t head) {
  const int64_t column = head * call.head_size();
  const auto part = [column](auto* base, int64_t row, int64_t stride) {
    return base == nullptr ? nullptr : base + row * stride + column;
  };
  const int64_t first_query = call.queries.offset(sequence);
  const int64_t first_key = call.keys.offset(sequence);
  return {.d_out = part(all.d_out, first_query, call.width),
          .d_q = part(all.d_q, first_query, call.q_stride),
          .d_k = part(all.d_k, first_key, call.kv_stride),
          .d_v = part(all.d_v, first_key, call.kv_stride),
          .d_out_stride = call.width,
          .d_q_stride = call.q_stride,
          .d_k_stride = call.kv_stride,
          .d_v_stride = call.kv_stride};
}

}  // namespace

template <class T>
void attend(const AttentionCall<T>& call) {
  const int64_t num_heads = call.config.num_heads;
  const kernels::Attention<T>& kernel = kernel_for<T>(current_execution().isa());
  const std::vector<int64_t> tasks_before =
      count_tasks(call.queries, num_heads, kernel.block_queries);
  const RelativeScores<T> relative = relative_scores(call);
  auto tasks = [&](int64_t begin, int64_t end) {
    BlockScratch<T> scratch(call, relative, kernel.scratch_bytes(call.head_size()),
                            kernel.block_queries);
    for (int64_t task = begin; task < end; ++task) {
      const auto next = std::ranges::upper_bound(tasks_before, task);
      const int64_t sequence = next - tasks_before.begin() - 1;
      const int64_t index = task - tasks_before[static_cast<size_t>(sequence)];
      auto problem = make_problem(call, sequence, index % num_heads);
      const int64_t query = index / num_heads * kernel.block_queries;
      const Range block{query, std::min(query + kernel.block_queries, problem.num_queries)};
      scratch.show(problem, sequence, index % num_heads, block);
      kernel.attend(problem, block, scratch.kernel());
    }
  };
  // A few tasks at a time where there are thousands of short ones.
  ThreadPool& threads = current_execution().threads();
  const int64_t grain = std::max<int64_t>(1, tasks_before.back() / (threads.num_threads() * 16));
  threads.parallel_for(tasks_before.back(), grain, tasks);
}
template void attend(const AttentionCall<float>&);
template void attend(const AttentionCall<double>&);
template void attend(const AttentionCall<BFloat16>&);

namespace {

template <class T>
const kernels::AttentionBackward<T>& backward_kernel(Isa isa) {
  if constexpr (std::is_same_v<T, float>) {
    return kernels::attention_backward_f32(isa);
  } else {
    return kernels::attention_backward_f64();
  }
}

// The way back through a sequence's head, its queries in order.
template <class T>
void differentiate_head(const AttentionCall<T>& call, const AttentionCallGradients<T>& all,
                        RelativeGradients<T>& relative, const BlockScratch<T>& scratch,
                        int64_t sequence, int64_t head) {
  const auto& kernel = backward_kernel<T>(current_execution().isa());
  auto problem = make_problem(call, sequence, head);
  auto gradients = make_gradients(call, all, sequence, head);
  for (int64_t query = 0; query < problem.num_queries; query += kernel.block_queries) {
    const Range block{query, std::min(query + kernel.block_queries, problem.num_queries)};
    scratch.show(problem, sequence, head, block);
    relative.begin(problem, head, block,
                   {scratch.biases(), scratch.d_biases(), scratch.num_biases()}, gradients);
    kernel.differentiate(problem, gradients, block, scratch.kernel());
    relative.end(problem, head, block, gradients);
  }
}

}  // namespace

// A task is a (sequence, head): the gradients of its keys are sums over its queries, and one thread
// adds them in order. Where a table gets a gradient, a sum over all sequences, a task is a head.
template <class T>
void differentiate(const AttentionCall<T>& call, const AttentionCallGradients<T>& all) {
  const int64_t num_heads = call.config.num_heads, num_sequences = call.queries.num_sequences();
  const auto& kernel = backward_kernel<T>(current_execution().isa());
  const RelativeScores<T> relative = relative_scores(call);
  RelativeGradients<T> gradients(positions_of(call.config), num_heads, call.head_size(),
                                 call.queries.max_length(), all.d_table);
  const int64_t sequences_per_task = gradients.has_table() ? num_sequences : 1;
  const int64_t num_tasks = gradients.has_table() ? num_heads : num_heads * num_sequences;
  auto tasks = [&](int64_t begin, int64_t end) {
    const BlockScratch<T> scratch(call, relative, kernel.scratch_bytes(call.head_size()),
                                  kernel.block_queries, /*has_gradients=*/true);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t first = task / num_heads * sequences_per_task;
      for (int64_t sequence = first; sequence < first + sequences_per_task; ++sequence) {
        differentiate_head(call, all, gradients, scratch, sequence, task % num_heads);
      }
    }
  };
  current_execution().threads().parallel_for(num_tasks, 1, tasks);
  gradients.finish();
}
template void differentiate(const AttentionCall<float>&, const AttentionCallGradients<float>&);
template void differentiate(const AttentionCall<double>&, const AttentionCallGradients<double>&);

}  // namespace nopad::ops
