// torch.save files (pytorch_model.bin, *.pt): named tensors, read without running their pickle.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/core/tensor.h"
#include "nopad/core/weight_source.h"
#include "nopad/io/file.h"

namespace nopad::io {

// One open file: the zip archive that torch writes since 1.6, or the stream of pickles before that.
// It holds a dict of tensors by name, or such a dict under "state_dict", "model_state_dict" or
// "model". What else stands beside the tensors (an epoch, _metadata) is left out. Tensors may be
// parameters, share a storage, begin in its middle and have strides.
//
// A pickle is a program. This one is not run: it may only name what makes up tensors and dicts, and
// everything that it says about them is checked when the file is opened. What the file's tensors
// take never depends on a number in the file that its size does not bear out.
// Limits: the pickle's (10,000 values on the stack, 1 M in the memo, 10 M opcodes), 100,000 tensors
// and members, rank 8, names of 1 KiB.
class TorchFile : public WeightSource {
 public:
  // A tensor as the file describes it.
  struct Entry {
    std::string dtype;  // as safetensors calls it: "F32", "BF16", "I64", ...; complex128 is "C128"
    Shape shape;
    std::vector<int64_t> strides;  // in elements, one per dimension
    uint64_t element_bytes = 0;
    uint64_t begin = 0;  // of the first element, in the file
  };

  // Throws FileError: can't be read; FormatError: not such a file, malformed, big-endian, a pickle
  // that names anything else; LimitError: beyond the limits.
  explicit TorchFile(const std::filesystem::path& path);

  bool contains(std::string_view name) const override { return entries_.contains(name); }
  std::vector<std::string> names() const override;
  Shape shape(std::string_view name) const override { return entry(name).shape; }
  std::string stored_dtype(std::string_view name) const override { return entry(name).dtype; }
  // As f32, from F32, F16, BF16 or F64. F32 of 64 KiB or more that lies aligned and without strides
  // is a read-only view, as SafetensorsFile::load gives it.
  Tensor load(std::string_view name) const override;
  std::string description() const override { return file_.path().string(); }

  // Throws WeightError: no tensor of that name.
  const Entry& entry(std::string_view name) const;

 private:
  InputFile file_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace nopad::io
