// LayerRegistry: the kinds of layers that a saved model may consist of.
#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/nn/layer.h"

namespace nopad::models {

// A layer in a file is a name and settings. The name is looked up here, and the settings are given
// to a new layer of that kind by its visit_config.
class LayerRegistry {
 public:
  // Every layer of nopad/nn that has settings to be saved: all but Lambda. Copy it to add more:
  //   auto registry = LayerRegistry::standard();
  //   registry.add<MyLayer>();
  static const LayerRegistry& standard();

  // Known by its kind. Throws OptionError: a layer of this kind is known already.
  template <std::derived_from<nn::Layer> L>
  requires std::default_initializable<L>
  void add() {
    add(L().kind(), [] { return std::make_unique<L>(); });
  }
  // A new one without settings; null where the kind is unknown.
  std::unique_ptr<nn::Layer> make(std::string_view kind) const;
  // Sorted.
  std::vector<std::string> kinds() const;

 private:
  using Maker = std::function<std::unique_ptr<nn::Layer>()>;
  void add(const std::string& kind, const Maker& maker);

  std::map<std::string, Maker, std::less<>> makers_;
};

}  // namespace nopad::models
