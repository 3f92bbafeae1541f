#include "nopad/core/activation.h"

#include <gtest/gtest.h>

#include <string>

namespace nopad {
namespace {

TEST(Activation, EachHasItsName) {
  std::string names;
  for (int i = 0; i < kNumActivations; ++i) {
    names += std::string(to_string(static_cast<Activation>(i))) + " ";
  }
  EXPECT_EQ(names,
            "none gelu gelu_tanh quick_gelu relu silu tanh sigmoid gelu_10 mish relu2 relu6 "
            "hardswish leaky_relu laplace ");
}

}  // namespace
}  // namespace nopad
