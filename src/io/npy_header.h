// npy_header: the text in front of an .npy file's data, read strictly and written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nopad::io {

struct NpyHeader {
  std::string descr;  // "<f4"
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

// Parses {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } with its padding.
// Throws FormatError naming `where`.
NpyHeader parse_npy_header(std::string_view text, std::string_view where);

// The file's first 128 bytes (magic, version 1.0, length, header) for a float32 matrix. Their
// number does not depend on the shape, so that a writer can put the true count of rows in at the
// end.
std::string make_npy_header(int64_t num_rows, int64_t num_columns);

}  // namespace nopad::io
