// Notebook: prints what a notebook's cells give, and holds it against what its framework gave.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/io/safetensors.h"
#include "nopad/ragged/padded.h"

namespace nopad::examples {

// A tensor as NumPy and PyTorch print it: brackets, aligned columns, the middle of long axes left
// out.
class TensorText {
 public:
  explicit TensorText(const Tensor& tensor)
      : dims_(tensor.shape().dims().begin(), tensor.shape().dims().end()), dtype_(tensor.dtype()) {
    const Tensor wide = tensor.to(DType::f64);
    for (const double value : wide.values<double>()) elements_.push_back(format(value));
    for (const std::string& element : elements_) width_ = std::max(width_, element.size());
  }

  std::string str() const { return block(0, 0); }

 private:
  std::string format(double value) const {
    if (dtype_ == DType::boolean) return value != 0 ? "True" : "False";
    char text[32];
    const bool is_float = dtype_ == DType::f32 || dtype_ == DType::f64;
    std::snprintf(text, sizeof text, is_float ? "%.4f" : "%.0f", value);
    return text;
  }
  // The part of the tensor that begins at row `index` of all rows of this axis.
  std::string block(size_t axis, size_t index) const {
    if (axis == dims_.size())
      return std::string(width_ - elements_[index].size(), ' ') + elements_[index];
    constexpr size_t kLong = 10, kShown = 3;
    const auto size = static_cast<size_t>(dims_[axis]);
    const bool is_last = axis + 1 == dims_.size();
    const std::string gap = is_last ? ", " : ",\n" + std::string(axis + 1, ' ');
    std::string out = "[";
    for (size_t i = 0; i < size; ++i) {
      if (i > 0) out += gap;
      if (size > kLong && i == kShown) {
        out += "..." + gap;
        i = size - kShown;
      }
      out += block(axis + 1, index * size + i);
    }
    return out + "]";
  }

  std::vector<int64_t> dims_;
  DType dtype_;
  std::vector<std::string> elements_;
  size_t width_ = 0;
};

class Notebook {
 public:
  // recording : what the framework gave, by name
  explicit Notebook(const std::filesystem::path& recording) : recording_(recording) {}

  const io::SafetensorsFile& recording() const noexcept { return recording_; }
  Tensor recorded(std::string_view name) const { return recording_.load_stored(name); }

  void heading(std::string_view text) const {
    std::printf("\n== %s ==\n", std::string(text).c_str());
  }
  // A cell by its number there, or what it is where it has none.
  void cell(std::string_view number, std::string_view what) const {
    say("\nIn [" + std::string(number) + "] " + std::string(what));
  }
  void say(std::string_view text) const { std::printf("%s\n", std::string(text).c_str()); }

  // name : of the recorded value, where there is one
  void show(const Tensor& value, std::string_view name = {}) {
    print(value);
    if (!name.empty()) compare(value, recorded(name), name);
  }
  void show(double value) const { std::printf("%.4f\n", value); }
  // Tokens are shown in their columns, and compared where they are: in the padding stands nothing.
  void show(const RaggedTensor& value, std::string_view name = {}) {
    print(to_padded(value));
    if (name.empty()) return;
    compare(value.values(), from_padded(recorded(name), value.layout().keep()).values(), name);
  }
  void compare(const Tensor& value, const Tensor& expected, std::string_view name) {
    ++num_compared_;
    const double difference = largest_difference(value, expected);
    if (difference <= 1e-5) return;
    differing_ += "\n  " + std::string(name) + ": " + std::to_string(difference);
  }
  // How far apart two tensors are; infinitely, where their shapes differ.
  static double largest_difference(const Tensor& a, const Tensor& b) {
    if (a.shape() != b.shape()) return std::numeric_limits<double>::infinity();
    const Tensor x = a.to(DType::f64), y = b.to(DType::f64);
    double largest = 0;
    for (size_t i = 0; i < x.values<double>().size(); ++i) {
      const double difference = std::abs(x.values<double>()[i] - y.values<double>()[i]);
      largest = std::isnan(difference) ? difference : std::max(largest, difference);
    }
    return largest;
  }

  // Says how the comparison went, and returns what main does.
  int finish() const {
    if (differing_.empty()) {
      std::printf("\n%d values equal the recorded ones to 1e-5.\n", num_compared_);
      return 0;
    }
    std::printf("\nThese differ from the recorded ones:%s\n", differing_.c_str());
    return 1;
  }

 private:
  static void print(const Tensor& value) {
    std::printf("%s  shape %s\n", TensorText(value).str().c_str(),
                to_string(value.shape()).c_str());
  }

  io::SafetensorsFile recording_;
  int num_compared_ = 0;
  std::string differing_;
};

}  // namespace nopad::examples
