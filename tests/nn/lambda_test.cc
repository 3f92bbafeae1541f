#include "nopad/nn/lambda.h"

#include <gtest/gtest.h>

#include <array>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "nopad/nn/sequential.h"
#include "nopad/ops/elementwise.h"
#include "nopad/ops/rearrange.h"
#include "nopad/ops/reduce.h"
#include "nopad/ops/tokens.h"
#include "nopad/ragged/padded.h"
#include "random.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad::nn {
namespace {

RaggedTensor tokens() {
  return {test::tensor_of<float>({3, 1}, {1, 2, 3}),
          RaggedLayout::from_lengths(std::array<int64_t, 3>{2, 0, 1})};
}

Lambda square() {
  return Lambda(MaskRule::passes, [](const Tensor& x) { return ops::square(x); });
}

TEST(Lambda, DoesWhatItsRuleAllows) {
  EXPECT_EQ(test::list<float>(square()(tokens()).ragged().values()), (std::vector<float>{1, 4, 9}));
  const Lambda reverse(MaskRule::mixes,
                       [](const RaggedTensor& x) { return ops::reverse_tokens(x); });
  EXPECT_EQ(test::list<float>(reverse(tokens()).ragged().values()), (std::vector<float>{2, 1, 3}));
  const Lambda sum(MaskRule::reduces,
                   [](const RaggedTensor& x) { return ops::sum_over_tokens(x); });
  EXPECT_EQ(test::list<float>(sum(tokens()).dense()), (std::vector<float>{3, 0, 3}));
  const Lambda begin(MaskRule::relays,
                     [](const RaggedTensor& x) { return ops::slice_columns(x, 0, 1); });
  EXPECT_EQ(test::list<float>(begin(tokens()).ragged().values()), (std::vector<float>{1, 3}));
  const Lambda lengths(MaskRule::makes, [](const Tensor& x) {
    return from_padded(x, std::array<int64_t, 2>{2, 1});
  });
  EXPECT_EQ(lengths(Tensor::zeros({2, 3, 1})).ragged().layout().num_tokens(), 3);
  const Lambda pad(MaskRule::drops, [](const RaggedTensor& x) { return to_padded(x); });
  EXPECT_EQ(pad(tokens()).dense().shape(), (Shape{3, 2, 1}));
  const Lambda flat(MaskRule::refuses, [](const Tensor& x) { return ops::reshape(x, {-1}); });
  EXPECT_EQ(flat(Tensor::zeros({2, 3})).dense().shape(), (Shape{6}));
}

TEST(Lambda, IsHeldToItsRule) {
  const Lambda liar(MaskRule::mixes,
                    [](const RaggedTensor& x) { return ops::slice_columns(x, 0, 1); });
  test::expect_error<LayoutError>(
      [&] { liar(tokens()); },
      "Lambda: output: expected the input's layout (B=3, T=3) since its rule is mixes, got (B=3, "
      "T=2); a layer that changes the tokens is a RelayingLayer");
  const Lambda mixer(MaskRule::passes, [](const Tensor& x) {
    return ops::reshape(ops::swap_axes(x, 0, 1), x.shape());
  });
  EXPECT_THROW(mixer(input("x", Spec::ragged({3}))), LayoutError);
  EXPECT_NO_THROW(square()(input("x", Spec::ragged({3}))));
}

TEST(Lambda, IsPartOfModels) {
  const Sequential model{square(), square()};
  EXPECT_EQ(test::list<float>(model(tokens()).values()), (std::vector<float>{1, 16, 81}));
}

TEST(Lambda, ItsFunctionHasTheRulesType) {
  test::expect_error<OptionError>(
      [] { Lambda(MaskRule::reduces, [](const Tensor& x) { return x; }); },
      "Lambda: function: expected a Tensor of RaggedTensor since its rule is reduces, got a Tensor "
      "of Tensor");
  test::expect_error<OptionError>([] { Lambda(MaskRule::passes, Lambda::DenseFunction()); },
                                  "Lambda: function: expected one, got none");
}

}  // namespace
}  // namespace nopad::nn
