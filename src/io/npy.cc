#include "nopad/io/npy.h"

#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "io/npy_header.h"
#include "nopad/core/error.h"
#include "nopad/io/file.h"

namespace nopad::io {
namespace {

static_assert(std::endian::native == std::endian::little, "the format's '<f4' is little-endian");

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr uint64_t kMaxHeaderBytes = 64 << 10;

struct HeaderText {
  std::string text;
  uint64_t data_begin;
};

HeaderText read_header_text(const InputFile& file) {
  const std::string where = file.path().string();
  const auto head = file.read(0, static_cast<size_t>(std::min<uint64_t>(file.num_bytes(), 12)));
  if (!head.starts_with(kMagic) || head.size() < 12) {
    fail<FormatError>(where, ": expected an .npy file, got another kind");
  }
  const auto byte = [&](size_t i) { return static_cast<uint64_t>(static_cast<uint8_t>(head[i])); };
  const uint64_t version = byte(6);
  if (version < 1 || version > 3 || byte(7) != 0) {
    fail<FormatError>(where, ": version: expected 1.0, 2.0 or 3.0, got ", version, ".", byte(7));
  }
  const bool is_short = version == 1;
  const uint64_t begin = is_short ? 10 : 12;
  const uint64_t num_bytes =
      byte(8) | byte(9) << 8 | (is_short ? 0 : byte(10) << 16 | byte(11) << 24);
  if (num_bytes > kMaxHeaderBytes || num_bytes > file.num_bytes() - begin) {
    fail<FormatError>(where, ": header: expected at most ",
                      std::min(kMaxHeaderBytes, file.num_bytes() - begin), " bytes, got ",
                      num_bytes);
  }
  return {file.read(begin, static_cast<size_t>(num_bytes)), begin + num_bytes};
}

Shape matrix_shape(const NpyHeader& header, std::string_view where) {
  if (header.descr != "<f4") {
    fail<FormatError>(where, ": descr: expected '<f4', got '", header.descr, "'");
  }
  if (header.fortran_order) fail<FormatError>(where, ": fortran_order: expected False, got True");
  if (header.shape.size() != 2) {
    fail<FormatError>(where, ": shape: expected 2 dimensions, got ", header.shape.size());
  }
  int64_t num_bytes = 0;
  if (__builtin_mul_overflow(header.shape[0], header.shape[1], &num_bytes) ||
      __builtin_mul_overflow(num_bytes, sizeof(float), &num_bytes)) {
    fail<FormatError>(where, ": shape: expected a size below 2^63 bytes");
  }
  return Shape{header.shape[0], header.shape[1]};
}

}  // namespace

Tensor read_npy(const std::filesystem::path& path) {
  const InputFile file(path);
  const std::string where = path.string();
  const auto [text, data_begin] = read_header_text(file);
  const Shape shape = matrix_shape(parse_npy_header(text, where), where);
  const size_t num_bytes = static_cast<size_t>(shape.num_elements()) * sizeof(float);
  if (num_bytes != file.num_bytes() - data_begin) {
    fail<FormatError>(where, ": data: expected ", num_bytes, " bytes for ", shape, ", got ",
                      file.num_bytes() - data_begin);
  }
  if (data_begin % sizeof(float) == 0) {
    return Tensor::from_storage(file.map(data_begin, num_bytes), 0, shape, DType::f32);
  }
  Storage copy = Storage::allocate(num_bytes);
  file.read_into(data_begin, {copy.mutable_data(), num_bytes});
  return Tensor::from_storage(std::move(copy), 0, shape, DType::f32);
}

// Where rows go, and what is left to do when their number is known.
class NpyWriter::Sink {
 public:
  virtual ~Sink() = default;
  virtual void write(std::string_view bytes) = 0;
  virtual void finish(int64_t num_rows) = 0;
};

namespace {

std::string_view bytes_of(const Tensor& rows) {
  return {reinterpret_cast<const char*>(rows.bytes()), rows.num_bytes()};
}

void write_all(int descriptor, std::string_view bytes, std::string_view where) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      fail<FileError>(where, ": writing ", bytes.size(),
                      " bytes: ", std::system_category().message(errno));
    }
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

constexpr std::string_view kOutput = "output";
constexpr std::string_view kSpool = "temporary file for the output";

// A file whose header is put right at the end.
class FileSink : public NpyWriter::Sink {
 public:
  FileSink(const std::filesystem::path& target, int64_t columns)
      : file_(target), columns_(columns) {
    file_.write(make_npy_header(0, columns_));
  }
  void write(std::string_view bytes) override { file_.write(bytes); }
  void finish(int64_t num_rows) override {
    file_.write_at(0, make_npy_header(num_rows, columns_));
    file_.commit();
  }

 private:
  OutputFile file_;
  int64_t columns_;
};

// A stream whose number of rows is known.
class StreamSink : public NpyWriter::Sink {
 public:
  StreamSink(int descriptor, int64_t columns, int64_t num_rows)
      : descriptor_(descriptor), announced_rows_(num_rows) {
    write_all(descriptor_, make_npy_header(num_rows, columns), kOutput);
  }
  void write(std::string_view bytes) override { write_all(descriptor_, bytes, kOutput); }
  void finish(int64_t num_rows) override {
    if (num_rows != announced_rows_) {
      fail<ShapeError>("NpyWriter: rows: expected ", announced_rows_, ", got ", num_rows);
    }
  }

 private:
  int descriptor_;
  int64_t announced_rows_;
};

// A stream whose rows wait in a file without a name, which dies with the process.
class SpoolSink : public NpyWriter::Sink {
 public:
  SpoolSink(int descriptor, int64_t columns) : descriptor_(descriptor), columns_(columns) {
    const char* const folder = std::getenv("TMPDIR");
    std::string name =
        concat(folder != nullptr && *folder != '\0' ? folder : "/tmp", "/nopad-rows-XXXXXX");
    spool_ = mkstemp(name.data());
    if (spool_ < 0) {
      fail<FileError>(name, ": can't be written: ", std::system_category().message(errno));
    }
    unlink(name.c_str());
  }
  ~SpoolSink() override { close(spool_); }
  SpoolSink(const SpoolSink&) = delete;
  SpoolSink& operator=(const SpoolSink&) = delete;

  void write(std::string_view bytes) override { write_all(spool_, bytes, kSpool); }
  void finish(int64_t num_rows) override {
    write_all(descriptor_, make_npy_header(num_rows, columns_), kOutput);
    lseek(spool_, 0, SEEK_SET);
    std::string piece(size_t{1} << 20, '\0');
    while (const size_t count = read_piece(piece)) {
      write_all(descriptor_, std::string_view(piece).substr(0, count), kOutput);
    }
  }

 private:
  // 0 at the end.
  size_t read_piece(std::string& piece) const {
    ssize_t count = read(spool_, piece.data(), piece.size());
    while (count < 0 && errno == EINTR) count = read(spool_, piece.data(), piece.size());
    if (count < 0) {
      fail<FileError>(kSpool, ": can't be read: ", std::system_category().message(errno));
    }
    return static_cast<size_t>(count);
  }

  int descriptor_;
  int64_t columns_;
  int spool_ = -1;
};

int64_t expect_columns(int64_t columns) {
  if (columns < 1) fail<ShapeError>("NpyWriter: columns: expected 1 or more, got ", columns);
  return columns;
}

}  // namespace

NpyWriter::NpyWriter(const std::filesystem::path& target, int64_t columns)
    : columns_(expect_columns(columns)) {
  sink_ = std::make_unique<FileSink>(target, columns);
}

NpyWriter::NpyWriter(int descriptor, int64_t columns, std::optional<int64_t> num_rows)
    : columns_(expect_columns(columns)) {
  if (num_rows) {
    sink_ = std::make_unique<StreamSink>(descriptor, columns, *num_rows);
  } else {
    sink_ = std::make_unique<SpoolSink>(descriptor, columns);
  }
}

NpyWriter::~NpyWriter() = default;
NpyWriter::NpyWriter(NpyWriter&&) noexcept = default;
NpyWriter& NpyWriter::operator=(NpyWriter&&) noexcept = default;

void NpyWriter::append(const Tensor& rows) {
  if (rows.dtype() != DType::f32) {
    fail<DTypeError>("NpyWriter: rows: expected f32, got ", rows.dtype());
  }
  if (rows.rank() != 2 || rows.dim(1) != columns_) {
    fail<ShapeError>("NpyWriter: rows: expected [n, ", columns_, "], got ", rows.shape());
  }
  sink_->write(bytes_of(rows));
  num_rows_ += rows.dim(0);
}

void NpyWriter::finish() { sink_->finish(num_rows_); }

}  // namespace nopad::io
