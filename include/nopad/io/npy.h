// npy: NumPy's file of one array; here float32 matrices, read as a view and written row by row.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "nopad/core/tensor.h"

namespace nopad::io {

// return : [rows, columns] f32, a read-only view of the file; its pages are read when touched
// Throws FileError: can't be read; FormatError: malformed, or not a C-ordered matrix of
// little-endian float32.
Tensor read_npy(const std::filesystem::path& path);

// Writes a matrix of which only the number of columns is known, in constant memory.
class NpyWriter {
 public:
  // Into a file, which appears when it is finished (see OutputFile).
  // Throws FileError: can't be written; ShapeError: no columns.
  NpyWriter(const std::filesystem::path& target, int64_t columns);
  // Into an open descriptor that can't be rewound, such as a pipe; it is not closed. The format has
  // the number of rows in front: where it is known, rows pass straight through; where it is not,
  // they wait in an unnamed temporary file (in TMPDIR, else /tmp) and are copied out by finish().
  NpyWriter(int descriptor, int64_t columns, std::optional<int64_t> num_rows = std::nullopt);
  ~NpyWriter();
  NpyWriter(NpyWriter&&) noexcept;
  NpyWriter& operator=(NpyWriter&&) noexcept;

  // rows : [n, columns] f32
  // Throws ShapeError, DTypeError; FileError: no space left, the reader is gone.
  void append(const Tensor& rows);
  int64_t num_rows() const noexcept { return num_rows_; }
  // Completes the file. Without it a file is left as it was before.
  // Throws FileError; ShapeError: another number of rows than was announced.
  void finish();

  class Sink;

 private:
  std::unique_ptr<Sink> sink_;
  int64_t columns_ = 0;
  int64_t num_rows_ = 0;
};

}  // namespace nopad::io
