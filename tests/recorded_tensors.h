// Cases that tools/recording took from PyTorch, Keras and transformers, and their tensors by name.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/core/error.h"
#include "nopad/core/weight_source.h"
#include "nopad/io/safetensors.h"
#include "nopad/ragged/convert.h"
#include "nopad/ragged/layout.h"
#include "nopad/ragged/tensor.h"

namespace nopad::test {

// The names of `file` that begin with `prefix`, without it.
class RecordedWeights final : public WeightSource {
 public:
  RecordedWeights(std::shared_ptr<const io::SafetensorsFile> file, std::string prefix)
      : file_(std::move(file)), prefix_(std::move(prefix)) {}

  bool contains(std::string_view name) const override { return file_->contains(stored(name)); }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const std::string& name : file_->names()) {
      if (name.starts_with(prefix_)) names.push_back(name.substr(prefix_.size()));
    }
    return names;
  }
  Shape shape(std::string_view name) const override { return file_->shape(stored(name)); }
  Tensor load(std::string_view name) const override { return file_->load(stored(name)); }
  std::string description() const override { return file_->description(); }

 private:
  std::string stored(std::string_view name) const { return concat(prefix_, name); }

  std::shared_ptr<const io::SafetensorsFile> file_;
  std::string prefix_;
};

// One case of a file under tests/data; tests/data/layers/README.md lists those of the layers.
// RecordedCase recorded("layers/torch_recurrent", "lstm");
// layer.load(recorded.weights()), layer(recorded.ragged("input")), recorded.ragged("output")
class RecordedCase {
 public:
  // file : below tests/data, without ".safetensors"
  // name : the case; empty where the file is one case
  explicit RecordedCase(std::string_view file, std::string_view name = {})
      : file_(std::make_shared<io::SafetensorsFile>(std::filesystem::path(NOPAD_TEST_DATA) /
                                                    concat(file, ".safetensors"))),
        prefix_(name.empty() ? "" : concat(name, ".")) {}

  bool contains(std::string_view name) const { return file_->contains(concat(prefix_, name)); }
  // In the dtype that it was recorded in.
  Tensor tensor(std::string_view name) const { return file_->load_stored(concat(prefix_, name)); }
  // The real tokens of a padded [B, L, ...], where the [B, L] bool of `keep_name` says so.
  RaggedTensor ragged(std::string_view name, std::string_view keep_name = "keep") const {
    return from_padded(tensor(name), tensor(keep_name));
  }
  RaggedLayout layout(std::string_view keep_name = "keep") const {
    return RaggedLayout::from_keep(tensor(keep_name));
  }
  // The framework's weights under its own names, and the gradients of the loss to them.
  RecordedWeights weights() const { return {file_, prefix_ + "weights."}; }
  RecordedWeights d_weights() const { return {file_, prefix_ + "d_weights."}; }

 private:
  std::shared_ptr<const io::SafetensorsFile> file_;
  std::string prefix_;
};

}  // namespace nopad::test
