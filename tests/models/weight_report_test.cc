#include "nopad/models/weight_report.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad::models {
namespace {

class Weights : public WeightSource {
 public:
  explicit Weights(std::map<std::string, Shape, std::less<>> shapes) : shapes_(std::move(shapes)) {}
  bool contains(std::string_view name) const override { return shapes_.contains(name); }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, shape] : shapes_) out.push_back(name);
    return out;
  }
  Shape shape(std::string_view name) const override { return shapes_.find(name)->second; }
  Tensor load(std::string_view name) const override { return Tensor::zeros(shape(name)); }
  std::string description() const override { return "weights"; }

 private:
  std::map<std::string, Shape, std::less<>> shapes_;
};

const std::vector<ExpectedWeight> kExpected = {
    {"dense.weight", {2, 3}}, {"dense.bias", {2}}, {"pooler.weight", {2, 2}, false}};

TEST(WeightReport, ListsWhatIsMissingUnexpectedAndMisshapen) {
  const Weights source({{"dense.weight", {3, 2}}, {"head.bias", {1}}});
  const WeightReport report = compare_weights(source, kExpected);
  EXPECT_EQ(report.missing, (std::vector<std::string>{"dense.bias"}));
  EXPECT_EQ(report.unexpected, (std::vector<std::string>{"head.bias"}));
  EXPECT_EQ(report.misshapen,
            (std::vector<std::string>{"dense.weight: expected [2, 3], got [3, 2]"}));
  EXPECT_FALSE(report.is_loadable());
}

TEST(WeightReport, WhatIsComputedAnewIsNotUnexpected) {
  const Weights source({{"dense.weight", {2, 3}},
                        {"dense.bias", {2}},
                        {"embeddings.position_ids", {1, 512}},
                        {"embeddings.token_type_ids", {1, 512}},
                        {"rotary_emb.inv_freq", {32}},
                        {"rotary_emb.full_attention_inv_freq", {32}},
                        {"my_position_id", {1}}});
  EXPECT_EQ(compare_weights(source, kExpected).unexpected,
            std::vector<std::string>{"my_position_id"});
}

TEST(WeightReport, ReadsAsLinesOfItsLists) {
  const Weights source({{"dense.weight", {3, 2}}, {"head.bias", {1}}, {"head.weight", {1}}});
  EXPECT_EQ(to_string(compare_weights(source, kExpected)),
            "missing: dense.bias\n"
            "absent, optional: pooler.weight\n"
            "unexpected, not used: head.bias, head.weight\n"
            "misshapen: dense.weight: expected [2, 3], got [3, 2]\n");
  EXPECT_EQ(to_string(WeightReport()), "");
}

TEST(WeightReport, OptionalAndUnexpectedWeightsDoNotKeepAModelFromLoading) {
  const Weights source({{"dense.weight", {2, 3}}, {"dense.bias", {2}}, {"head.bias", {1}}});
  EXPECT_TRUE(compare_weights(source, kExpected).is_loadable());
  EXPECT_NO_THROW(expect_loadable(source, kExpected));
}

TEST(WeightReport, TheErrorNamesTheSourceAndAllTensors) {
  test::expect_error<WeightError>([] { expect_loadable(Weights({}), kExpected); },
                                  "weights: missing: dense.bias, dense.weight");
  const Weights misshapen({{"dense.weight", {3, 2}}, {"dense.bias", {1}}});
  test::expect_error<WeightError>([&] { expect_loadable(misshapen, kExpected); },
                                  "weights: misshapen: dense.bias: expected [2], got [1], "
                                  "dense.weight: expected [2, 3], got [3, 2]");
  const Weights both({{"dense.weight", {3, 2}}});
  test::expect_error<WeightError>(
      [&] { expect_loadable(both, kExpected); },
      "weights: missing: dense.bias; misshapen: dense.weight: expected [2, 3], got [3, 2]");
}

}  // namespace
}  // namespace nopad::models
