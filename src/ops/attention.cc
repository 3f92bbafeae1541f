#include "nopad/ops/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/attention.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/core/storage.h"

namespace nopad::ops {
namespace {

// Queries, keys and values as the kernels see them: rows some stride apart, heads side by side.
template <class T>
struct Operands {
  const T* q;
  const T* k;
  const T* v;
  int64_t q_stride, kv_stride;
  const RaggedLayout& queries;
  const RaggedLayout& keys;
};

// Each thread's own, grown to the largest head it has seen.
std::byte* thread_scratch(int64_t num_bytes) {
  thread_local Storage scratch;
  if (scratch.num_bytes() < static_cast<size_t>(num_bytes)) {
    scratch = Storage::allocate(static_cast<size_t>(num_bytes));
  }
  return scratch.mutable_data();
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
kernels::AttentionProblem<T> make_problem(const Operands<T>& in, T* out, int64_t width,
                                          int64_t sequence, int64_t head,
                                          const AttentionConfig& config) {
  const int64_t head_size = width / config.num_heads;
  const int64_t first_query = in.queries.offset(sequence);
  const int64_t first_key = in.keys.offset(sequence);
  const auto bounded = [](int64_t reach) { return std::min(reach, kernels::VisibleKeys::kAll); };
  return {.num_queries = in.queries.length(sequence),
          .num_keys = in.keys.length(sequence),
          .head_size = head_size,
          .q = in.q + first_query * in.q_stride + head * head_size,
          .k = in.k + first_key * in.kv_stride + head * head_size,
          .v = in.v + first_key * in.kv_stride + head * head_size,
          .out = out + first_query * width + head * head_size,
          .q_stride = in.q_stride,
          .k_stride = in.kv_stride,
          .v_stride = in.kv_stride,
          .out_stride = width,
          .scale = config.scale != 0 ? config.scale : 1 / std::sqrt(static_cast<float>(head_size)),
          .visible = {bounded(config.pattern.left()), bounded(config.pattern.right())}};
}

template <class T>
RaggedTensor run(const kernels::Attention<T>& kernel, const Operands<T>& in, int64_t width,
                 const AttentionConfig& config) {
  Tensor out = Tensor::empty({in.queries.num_tokens(), width}, dtype_of<T>);
  T* const to = out.mutable_values<T>().data();
  const std::vector<int64_t> tasks_before =
      count_tasks(in.queries, config.num_heads, kernel.block_queries);
  auto tasks = [&](int64_t begin, int64_t end) {
    std::byte* const scratch = thread_scratch(kernel.scratch_bytes(width / config.num_heads));
    for (int64_t task = begin; task < end; ++task) {
      const auto next = std::ranges::upper_bound(tasks_before, task);
      const int64_t sequence = next - tasks_before.begin() - 1;
      const int64_t index = task - tasks_before[static_cast<size_t>(sequence)];
      const int64_t query = index / config.num_heads * kernel.block_queries;
      const auto problem = make_problem(in, to, width, sequence, index % config.num_heads, config);
      kernel.attend(problem, {query, std::min(query + kernel.block_queries, problem.num_queries)},
                    scratch);
    }
  };
  // A few tasks at a time where there are thousands of short ones.
  ThreadPool& threads = current_execution().threads();
  const int64_t grain = std::max<int64_t>(1, tasks_before.back() / (threads.num_threads() * 16));
  threads.parallel_for(tasks_before.back(), grain, tasks);
  return {std::move(out), in.queries};
}

void expect_config(const AttentionConfig& config, int64_t width) {
  if (config.num_heads < 1 || width % config.num_heads != 0 || width == 0) {
    fail<ShapeError>("attention: num_heads: expected a divisor of the width ", width, ", got ",
                     config.num_heads);
  }
}

// Calls f(T{}) with float or BFloat16.
template <class F>
RaggedTensor dispatch_attention(DType dtype, F&& f) {
  if (dtype == DType::f32) return f(float{});
  if (dtype == DType::bf16) return f(BFloat16{});
  fail<DTypeError>("attention: q: expected f32 or bf16, got ", dtype);
}

template <class T>
const kernels::Attention<T>& kernel_for(Isa isa) {
  if constexpr (std::is_same_v<T, float>) {
    return kernels::attention_f32(isa);
  } else {
    if (!has_tiles(isa)) {
      fail<OptionError>("attention: dtype: bf16 needs matrix tiles, which ", isa, " has not");
    }
    return kernels::attention_bf16(isa);
  }
}

void expect_rank_2(const RaggedTensor& x, const char* name) {
  if (x.values().rank() != 2) {
    fail<ShapeError>("attention: ", name, ": expected [T, D], got ", x.values().shape());
  }
}

}  // namespace

RaggedTensor self_attention(const RaggedTensor& qkv, const AttentionConfig& config) {
  autograd::expect_no_grad("attention", {&qkv.values()});
  expect_rank_2(qkv, "qkv");
  const int64_t row = qkv.values().dim(1);
  if (row % 3 != 0) {
    fail<ShapeError>("attention: qkv: expected [T, 3 D], got ", qkv.values().shape());
  }
  const int64_t width = row / 3;
  expect_config(config, width);
  return dispatch_attention(qkv.values().dtype(), [&]<class T>(T) {
    const T* const base = qkv.values().values<T>().data();
    const Operands<T> in{base, base + width, base + 2 * width, row,
                         row,  qkv.layout(), qkv.layout()};
    return run(kernel_for<T>(current_execution().isa()), in, width, config);
  });
}

RaggedTensor attention(const RaggedTensor& q, const RaggedTensor& k, const RaggedTensor& v,
                       const AttentionConfig& config) {
  autograd::expect_no_grad("attention", {&q.values(), &k.values(), &v.values()});
  expect_rank_2(q, "q");
  const int64_t width = q.values().dim(1);
  expect_config(config, width);
  if (k.layout() != v.layout()) {
    fail<LayoutError>("attention: v: expected the keys' layout ", k.layout(), ", got ", v.layout());
  }
  if (q.layout().num_sequences() != k.layout().num_sequences()) {
    fail<LayoutError>("attention: k: expected ", q.layout().num_sequences(),
                      " sequences as in q, got ", k.layout().num_sequences());
  }
  for (const auto& [name, operand] : {std::pair{"k", &k}, std::pair{"v", &v}}) {
    if (operand->values().shape() != Shape{k.layout().num_tokens(), width}) {
      fail<ShapeError>("attention: ", name, ": expected ", Shape{k.layout().num_tokens(), width},
                       ", got ", operand->values().shape());
    }
    if (operand->values().dtype() != q.values().dtype()) {
      fail<DTypeError>("attention: ", name, ": expected ", q.values().dtype(), " as q, got ",
                       operand->values().dtype());
    }
  }
  return dispatch_attention(q.values().dtype(), [&]<class T>(T) {
    const Operands<T> in{q.values().values<T>().data(),
                         k.values().values<T>().data(),
                         v.values().values<T>().data(),
                         width,
                         width,
                         q.layout(),
                         k.layout()};
    return run(kernel_for<T>(current_execution().isa()), in, width, config);
  });
}

}  // namespace nopad::ops
