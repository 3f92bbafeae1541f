// ConfigVisitor: how a layer tells and takes its settings, without knowing where they are kept.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/core/activation.h"

namespace nopad::nn {

class Layer;

// One walk serves reading and writing: a writer reads the fields, a reader sets them.
//   void visit_config(ConfigVisitor& visitor) override {
//     visitor.field("units", config_.units);
//     visitor.field("return_sequences", config_.return_sequences);
//   }
class ConfigVisitor {
 public:
  virtual ~ConfigVisitor() = default;
  virtual void field(std::string_view name, bool& value) = 0;
  virtual void field(std::string_view name, int64_t& value) = 0;
  virtual void field(std::string_view name, double& value) = 0;
  virtual void field(std::string_view name, std::string& value) = 0;
  virtual void field(std::string_view name, std::vector<int64_t>& value) = 0;
  // A layer inside this one; null where there is none.
  virtual void field(std::string_view name, std::shared_ptr<const Layer>& value) = 0;
  virtual void field(std::string_view name, std::vector<std::shared_ptr<const Layer>>& value) = 0;
  // One of several words, by its place among them.
  virtual void choice(std::string_view name, int& index,
                      std::span<const std::string_view> words) = 0;

  void field(std::string_view name, float& value);
  void field(std::string_view name, Activation& value);
  // An enum whose enumerators are 0, 1, ... in the order of `words`.
  template <class E>
  void choice(std::string_view name, E& value, std::span<const std::string_view> words) {
    int index = static_cast<int>(value);
    choice(name, index, words);
    value = static_cast<E>(index);
  }
};

}  // namespace nopad::nn
