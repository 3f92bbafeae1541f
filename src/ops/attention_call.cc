#include "ops/attention_call.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/core/storage.h"
#include "ops/philox.h"

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

  BlockScratch(const AttentionCall<T>& call, int64_t kernel_bytes, int64_t block_queries)
      : call_(call), draws_(call.config.dropout) {
    const int64_t cells =
        std::min(block_queries, call.queries.max_length()) * call.keys.max_length();
    const int64_t factors_begin = (kernel_bytes + 63) / 64 * 64;
    const int64_t keep_begin =
        factors_begin + (has_dropout() ? cells * static_cast<int64_t>(sizeof(Sum)) : 0);
    kernel_ = thread_bytes(keep_begin + (is_band() ? 0 : cells));
    factors_ = reinterpret_cast<Sum*>(kernel_ + factors_begin);
    keep_ = reinterpret_cast<bool*>(kernel_ + keep_begin);
  }

  std::byte* kernel() const { return kernel_; }

  // Tells the kernel which keys of its band a block of queries sees, and which weights it drops.
  void show(AttentionProblem<T>& problem, int64_t sequence, int64_t head, Range queries) const {
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
  WeightDraws draws_;
  std::byte* kernel_;
  Sum* factors_;  // [block queries, keys]
  bool* keep_;    // the same
};

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
  auto tasks = [&](int64_t begin, int64_t end) {
    BlockScratch<T> scratch(call, kernel.scratch_bytes(call.head_size()), kernel.block_queries);
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

// A task is a (sequence, head): the gradients of its keys are sums over its queries, and one thread
// adds them in order.
template <class T>
void differentiate(const AttentionCall<T>& call, const AttentionCallGradients<T>& all) {
  const kernels::AttentionBackward<T>& kernel = []() -> const auto& {
    if constexpr (std::is_same_v<T, float>) {
      return kernels::attention_backward_f32(current_execution().isa());
    } else {
      return kernels::attention_backward_f64();
    }
  }
  ();
  const int64_t num_heads = call.config.num_heads;
  auto tasks = [&](int64_t begin, int64_t end) {
    BlockScratch<T> scratch(call, kernel.scratch_bytes(call.head_size()), kernel.block_queries);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t sequence = task / num_heads;
      auto problem = make_problem(call, sequence, task % num_heads);
      const auto gradients = make_gradients(call, all, sequence, task % num_heads);
      for (int64_t query = 0; query < problem.num_queries; query += kernel.block_queries) {
        const Range block{query, std::min(query + kernel.block_queries, problem.num_queries)};
        scratch.show(problem, sequence, task % num_heads, block);
        kernel.differentiate(problem, gradients, block, scratch.kernel());
      }
    }
  };
  current_execution().threads().parallel_for(call.queries.num_sequences() * num_heads, 1, tasks);
}
template void differentiate(const AttentionCall<float>&, const AttentionCallGradients<float>&);
template void differentiate(const AttentionCall<double>&, const AttentionCallGradients<double>&);

}  // namespace nopad::ops
