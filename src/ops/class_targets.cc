#include "ops/class_targets.h"

#include "nopad/core/error.h"

namespace nopad::ops {
namespace {

void expect_shapes(std::string_view op, const Tensor& logits, const Tensor& targets) {
  if (logits.rank() == 0) fail<ShapeError>(op, ": logits: expected [..., C], got []");
  const Shape rows(logits.shape().dims().first(static_cast<size_t>(logits.rank() - 1)));
  if (targets.shape() != rows) {
    fail<ShapeError>(op, ": targets: expected ", rows, ", got ", targets.shape());
  }
  if (targets.dtype() != DType::i32 && targets.dtype() != DType::i64) {
    fail<DTypeError>(op, ": targets: expected i32 or i64, got ", targets.dtype());
  }
}

template <class Id>
ClassTargets read_targets(std::string_view op, int64_t num_classes, std::span<const Id> targets,
                          int64_t ignore_index, const bool* kept) {
  ClassTargets out{Tensor::empty({std::ssize(targets)}, DType::i64)};
  const auto classes = out.classes.mutable_values<int64_t>();
  for (size_t row = 0; row < targets.size(); ++row) {
    const int64_t id = targets[row];
    classes[row] = -1;
    if (id == ignore_index || (kept != nullptr && !kept[row])) continue;
    if (id < 0 || id >= num_classes) {
      fail<InputError>(op, ": targets: expected 0 to ", num_classes - 1, ", or ", ignore_index,
                       " to be ignored, got ", id, " at ", row);
    }
    classes[row] = id;
    ++out.num_kept;
  }
  return out;
}

ClassTargets read_targets(std::string_view op, const Tensor& logits, const Tensor& targets,
                          int64_t ignore_index, const bool* kept) {
  expect_shapes(op, logits, targets);
  const int64_t num_classes = logits.dim(-1);
  if (targets.dtype() == DType::i32) {
    return read_targets(op, num_classes, targets.values<int32_t>(), ignore_index, kept);
  }
  return read_targets(op, num_classes, targets.values<int64_t>(), ignore_index, kept);
}

}  // namespace

const bool* kept_of(std::string_view op, std::string_view owner, const RaggedLayout& layout,
                    const TokenMask* keep) {
  if (keep == nullptr) return nullptr;
  keep->expect_layout(layout, op, owner);
  return keep->keep().data();
}

ClassTargets class_targets(std::string_view op, const Tensor& logits, const Tensor& targets,
                           int64_t ignore_index) {
  return read_targets(op, logits, targets, ignore_index, nullptr);
}

ClassTargets class_targets(std::string_view op, const RaggedTensor& logits,
                           const RaggedTensor& targets, int64_t ignore_index,
                           const TokenMask* keep) {
  expect_layout(targets.layout(), logits.layout(), concat(op, ": targets"), "logits");
  const bool* const kept = kept_of(op, "logits", logits.layout(), keep);
  return read_targets(op, logits.values(), targets.values(), ignore_index, kept);
}

}  // namespace nopad::ops
