// RowWriter: vectors into a file or onto standard output, in one of three formats.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "nopad/core/tensor.h"

namespace nopad::apps {

// `npy`   : NumPy's file of a float32 matrix
// `jsonl` : {"index":0,"embedding":[0.1,...]} per row; numbers that are not finite are null
// `raw`   : the float32 values alone, little-endian, row after row
enum class RowFormat { npy, jsonl, raw };

// Throws OptionError: another name than "npy", "jsonl" and "raw".
RowFormat row_format_from_string(std::string_view name);
// By the file's extension: .jsonl, .raw or .bin, else npy; on standard output ("-") jsonl.
RowFormat default_row_format(std::string_view output);

class RowWriter {
 public:
  virtual ~RowWriter() = default;
  // rows : [n, dim] f32
  // Throws FileError: no space left, and so on; ClosedOutput.
  virtual void append(const Tensor& rows) = 0;
  // Completes the output; a file appears only now.
  virtual void finish() = 0;
};

// output : a file, or "-" for standard output
// Throws FileError: can't be written; OptionError: npy or raw onto a terminal.
std::unique_ptr<RowWriter> make_row_writer(const std::string& output, RowFormat format,
                                           int64_t dim);

}  // namespace nopad::apps
