#include "nopad/core/weight_source.h"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "expect_error.h"

namespace nopad {
namespace {

class OneWeight final : public WeightSource {
 public:
  bool contains(std::string_view name) const override { return name == "x.weight"; }
  std::vector<std::string> names() const override { return {"x.weight"}; }
  Shape shape(std::string_view name) const override {
    if (!contains(name)) fail<WeightError>(description(), ": ", name, ": no such tensor");
    return {3, 2};
  }
  Tensor load(std::string_view name) const override {
    const std::vector<float> values = {1, 2, 3, 4, 5, 6};
    return Tensor::from_values(std::span<const float>(values), shape(name));
  }
  std::string description() const override { return "model.safetensors"; }
};

TEST(LoadWeight, GivesTheTensorWhenTheShapeIsTheExpectedOne) {
  const Tensor weight = load_weight(OneWeight(), "x.weight", {3, 2});
  EXPECT_EQ(weight.shape(), Shape({3, 2}));
  EXPECT_EQ(weight.values<float>()[5], 6);
}

TEST(LoadWeight, AnotherShapeIsNamedWithBothShapes) {
  test::expect_error<WeightError>(
      [] {
        load_weight(OneWeight(), "x.weight", {2, 3});
      },
      "model.safetensors: x.weight: expected [2, 3], got [3, 2]");
  // The same number of elements is not enough.
  EXPECT_THROW(load_weight(OneWeight(), "x.weight", {6}), WeightError);
}

TEST(LoadWeight, AMissingOneIsTheSourcesError) {
  test::expect_error<WeightError>(
      [] {
        load_weight(OneWeight(), "y.weight", {2, 3});
      },
      "model.safetensors: y.weight: no such tensor");
}

TEST(WeightSource, StoresF32UnlessItKnowsBetter) {
  EXPECT_EQ(OneWeight().stored_dtype("x.weight"), "F32");
  EXPECT_THROW(OneWeight().stored_dtype("y.weight"), WeightError);
}

}  // namespace
}  // namespace nopad
