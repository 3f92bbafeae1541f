// Settings that go from one layer to another by visit_config, as they do when a model is saved.
#pragma once

#include <any>
#include <map>
#include <string>

#include "nopad/nn/layer.h"

namespace nopad::test {

// Keeps what it is shown, or, once `is_writing`, hands it out.
class KeptSettings final : public nn::ConfigVisitor {
 public:
  using Layers = std::vector<std::shared_ptr<const nn::Layer>>;
  void field(std::string_view name, bool& value) override { visit(name, value); }
  void field(std::string_view name, int64_t& value) override { visit(name, value); }
  void field(std::string_view name, double& value) override { visit(name, value); }
  void field(std::string_view name, std::string& value) override { visit(name, value); }
  void field(std::string_view name, std::vector<int64_t>& value) override { visit(name, value); }
  void field(std::string_view name, std::shared_ptr<const nn::Layer>& value) override {
    visit(name, value);
  }
  void field(std::string_view name, Layers& value) override { visit(name, value); }
  void choice(std::string_view name, int& index, std::span<const std::string_view>) override {
    visit(name, index);
  }
  using nn::ConfigVisitor::choice;
  using nn::ConfigVisitor::field;

  bool is_writing = false;

 private:
  template <class T>
  void visit(std::string_view name, T& value) {
    if (is_writing) {
      value = std::any_cast<T>(kept_.at(std::string(name)));
    } else {
      kept_.emplace(name, value);
    }
  }
  std::map<std::string, std::any> kept_;
};

// A layer of the same settings, made as a reader makes one.
template <class L>
L with_settings_of(L layer) {
  KeptSettings settings;
  layer.visit_config(settings);
  settings.is_writing = true;
  L copy;
  copy.visit_config(settings);
  return copy;
}

}  // namespace nopad::test
