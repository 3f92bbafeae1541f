// SettingReader: the settings of one layer from JSON that nobody vouches for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/nn/layer.h"

namespace nopad::models {

// A layer that has been read, and how much it amounts to: layers refer to one another, so a short
// file can spell out an endless model.
struct ReadLayer {
  std::shared_ptr<const nn::Layer> layer;
  int64_t depth = 1;
  int64_t num_calls = 1;  // of layers, itself among them, that one call of it makes
};

// Reads references to layers that stand before the one being read, and adds up what they amount to.
class LayerReferences {
 public:
  // before, where : alive as long as this
  LayerReferences(std::span<const ReadLayer> before, std::string_view where)
      : before_(before), where_(where) {}

  // key : what the reference is called in messages
  // Throws FormatError: not the place of a layer before this one; LimitError: the model becomes
  // too deep or too long
  std::shared_ptr<const nn::Layer> at(const nlohmann::json& place, std::string_view key);
  int64_t depth() const noexcept { return depth_; }
  int64_t num_calls() const noexcept { return num_calls_; }

 private:
  std::span<const ReadLayer> before_;
  std::string_view where_;
  int64_t depth_ = 1, num_calls_ = 1;
};

// Sets what a layer visits from the object `config`.
// Throws FormatError: a setting is missing, of another type, or not one of its words
class SettingReader : public nn::ConfigVisitor {
 public:
  // All alive as long as this.
  SettingReader(const nlohmann::json& config, LayerReferences& references, std::string_view where)
      : config_(config), references_(references), where_(where) {}

  void field(std::string_view name, bool& value) override;
  void field(std::string_view name, int64_t& value) override;
  void field(std::string_view name, double& value) override;
  void field(std::string_view name, std::string& value) override;
  void field(std::string_view name, std::vector<int64_t>& value) override;
  void field(std::string_view name, std::shared_ptr<const nn::Layer>& value) override;
  void field(std::string_view name, std::vector<std::shared_ptr<const nn::Layer>>& value) override;
  void choice(std::string_view name, int& index, std::span<const std::string_view> words) override;

  // Throws FormatError: a setting that the layer did not ask for.
  void expect_all_read() const;

 private:
  const nlohmann::json& take(std::string_view name);
  const nlohmann::json& take_list(std::string_view name);
  [[noreturn]] void fail_type(std::string_view name, std::string_view expected) const;

  const nlohmann::json& config_;
  LayerReferences& references_;
  std::string_view where_;
  std::set<std::string, std::less<>> names_;
};

}  // namespace nopad::models
