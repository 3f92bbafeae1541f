// safetensors: a file of named tensors, read without trusting it and written whole or not at all.
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

// One open file. Everything that its header says is checked when it is opened, as the safetensors
// package (0.8.0) does it: offsets in the file, no holes, no overlaps, sizes that fit their shapes.
// Stricter than the package: a tensor named twice, an entry written as an array and a dimension of
// 2^63 or more are refused.
// Limits: the header (below), 100,000 tensors, rank 8, names of 1 KiB.
class SafetensorsFile : public WeightSource {
 public:
  struct Config {
    uint64_t max_header_bytes = uint64_t{16} << 20;  // at most 100,000,000, the format's own limit
  };
  // A tensor as the header describes it.
  struct Entry {
    std::string dtype;  // as stored: "F32", "BF16", "F8_E4M3", ...
    Shape shape;
    uint64_t begin = 0;  // of its bytes, in the file
    uint64_t num_bytes = 0;
  };

  // Throws FileError: can't be read; FormatError: malformed; LimitError: beyond the limits.
  explicit SafetensorsFile(const std::filesystem::path& path) : SafetensorsFile(path, Config{}) {}
  SafetensorsFile(const std::filesystem::path& path, Config config);

  bool contains(std::string_view name) const override { return entries_.contains(name); }
  std::vector<std::string> names() const override;
  Shape shape(std::string_view name) const override { return entry(name).shape; }
  std::string stored_dtype(std::string_view name) const override { return entry(name).dtype; }
  // As f32, from F32, F16, BF16 or F64. F32 of 64 KiB or more that lies aligned is a read-only
  // view: each tensor has a mapping of its own, whose pages are given back when the tensor dies.
  Tensor load(std::string_view name) const override;
  std::string description() const override { return file_.path().string(); }

  // In the stored type. Throws WeightError: no such tensor, or a type that Tensor does not have.
  // A BOOL byte other than 0 and 1 becomes 1.
  Tensor load_stored(std::string_view name) const;
  // Throws WeightError: no tensor of that name.
  const Entry& entry(std::string_view name) const;
  const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }

 private:
  Storage bytes_of(const Entry& entry) const;

  InputFile file_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<std::string, std::string> metadata_;
};

// Writes `tensors` by name, ordered as the package orders them, so that all elements are aligned.
// metadata : {"format": "pt"} is what older readers of transformers want
// Throws FileError: the target is then as it was; InputError: a name that is not UTF-8, is
// "__metadata__" or is longer than 1 KiB; LimitError: more than 100,000 tensors.
void write_safetensors(const std::filesystem::path& target,
                       const std::map<std::string, Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace nopad::io
