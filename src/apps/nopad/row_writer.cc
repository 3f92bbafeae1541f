#include "apps/nopad/row_writer.h"

#include <unistd.h>

#include <charconv>
#include <cmath>
#include <span>
#include <utility>

#include "apps/nopad/output.h"
#include "apps/nopad/terminal.h"
#include "nopad/core/error.h"
#include "nopad/io/npy.h"

namespace nopad::apps {
namespace {

std::unique_ptr<Output> open_output(const std::string& output) {
  return output == "-" ? std::make_unique<Output>() : std::make_unique<Output>(output);
}

io::NpyWriter open_npy(const std::string& output, int64_t dim) {
  return output == "-" ? io::NpyWriter(STDOUT_FILENO, dim) : io::NpyWriter(output, dim);
}

class NpyRowWriter : public RowWriter {
 public:
  NpyRowWriter(const std::string& output, int64_t dim)
      : is_standard_output_(output == "-"), writer_(open_npy(output, dim)) {}
  void append(const Tensor& rows) override {
    translate([&] { writer_.append(rows); });
  }
  void finish() override {
    translate([&] { writer_.finish(); });
  }

 private:
  // The library's writer can't know that a closed standard output is no error here.
  template <class F>
  void translate(F&& f) const {
    try {
      f();
    } catch (const FileError& error) {
      if (is_standard_output_ && is_reader_gone(STDOUT_FILENO)) throw ClosedOutput(error.what());
      throw;
    }
  }

  bool is_standard_output_;
  io::NpyWriter writer_;
};

class RawRowWriter : public RowWriter {
 public:
  explicit RawRowWriter(const std::string& output) : output_(open_output(output)) {}
  void append(const Tensor& rows) override {
    output_->write({reinterpret_cast<const char*>(rows.bytes()), rows.num_bytes()});
  }
  void finish() override { output_->finish(); }

 private:
  std::unique_ptr<Output> output_;
};

// The shortest digits that read back as the same float, whatever the locale.
void append_number(float value, std::string& out) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

class JsonRowWriter : public RowWriter {
 public:
  explicit JsonRowWriter(const std::string& output) : output_(open_output(output)) {}
  void append(const Tensor& rows) override {
    const auto values = rows.values<float>();
    const auto dim = static_cast<size_t>(rows.dim(1));
    for (int64_t row = 0; row < rows.dim(0); ++row) {
      write_row(values.subspan(static_cast<size_t>(row) * dim, dim));
    }
  }
  void finish() override { output_->finish(); }

 private:
  void write_row(std::span<const float> values) {
    line_ = concat("{\"index\":", index_++, ",\"embedding\":[");
    for (size_t i = 0; i < values.size(); ++i) {
      if (i > 0) line_ += ',';
      append_number(values[i], line_);
    }
    line_ += "]}\n";
    output_->write(line_);
  }

  std::unique_ptr<Output> output_;
  std::string line_;
  int64_t index_ = 0;
};

}  // namespace

RowFormat row_format_from_string(std::string_view name) {
  if (name == "npy") return RowFormat::npy;
  if (name == "jsonl") return RowFormat::jsonl;
  if (name == "raw") return RowFormat::raw;
  fail<OptionError>("--format: expected npy, jsonl or raw, got ", name);
}

RowFormat default_row_format(std::string_view output) {
  if (output == "-" || output.ends_with(".jsonl")) return RowFormat::jsonl;
  if (output.ends_with(".raw") || output.ends_with(".bin")) return RowFormat::raw;
  return RowFormat::npy;
}

std::unique_ptr<RowWriter> make_row_writer(const std::string& output, RowFormat format,
                                           int64_t dim) {
  if (output == "-" && format != RowFormat::jsonl && is_terminal(STDOUT_FILENO)) {
    fail<OptionError>(
        "--format: expected jsonl on a terminal, got a format of bytes; name a file "
        "with --output, or pipe it");
  }
  switch (format) {
    case RowFormat::npy: return std::make_unique<NpyRowWriter>(output, dim);
    case RowFormat::jsonl: return std::make_unique<JsonRowWriter>(output);
    case RowFormat::raw: return std::make_unique<RawRowWriter>(output);
  }
  fail<InternalError>("make_row_writer: format: got the unknown value ", static_cast<int>(format));
}

}  // namespace nopad::apps
