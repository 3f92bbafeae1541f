#include "nopad/models/layer_registry.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "nopad/nn/kinds.h"

namespace nopad::models {
namespace {

class Same : public nn::TokenLayer<Same> {
 public:
  Same() : TokenLayer("Same") {}

 protected:
  Tensor call(const Tensor& rows) const override { return rows; }
};

TEST(LayerRegistry, MakesANewLayerOfEachKind) {
  const LayerRegistry& registry = LayerRegistry::standard();
  for (const std::string& kind : registry.kinds()) {
    const auto layer = registry.make(kind);
    ASSERT_NE(layer, nullptr) << kind;
    EXPECT_EQ(layer->kind(), kind);
    EXPECT_FALSE(layer->is_same(*registry.make(kind)));
  }
  EXPECT_EQ(registry.make("Cubic"), nullptr);
}

TEST(LayerRegistry, ACopyGrowsAlone) {
  LayerRegistry registry = LayerRegistry::standard();
  registry.add<Same>();
  EXPECT_NE(registry.make("Same"), nullptr);
  EXPECT_EQ(LayerRegistry::standard().make("Same"), nullptr);
  EXPECT_TRUE(std::ranges::is_sorted(registry.kinds()));
}

TEST(LayerRegistry, AKindIsAddedOnce) {
  LayerRegistry registry;
  registry.add<Same>();
  test::expect_error<OptionError>(
      [&] { registry.add<Same>(); },
      "LayerRegistry: Same: expected a kind of its own, got one that is known");
}

}  // namespace
}  // namespace nopad::models
