#include "nopad/core/activation.h"

#include <gtest/gtest.h>

#include <string>

namespace nopad {
namespace {

TEST(Activation, EachHasItsName) {
  std::string names;
  for (const Activation activation :
       {Activation::none, Activation::gelu, Activation::gelu_tanh, Activation::quick_gelu,
        Activation::relu, Activation::silu, Activation::tanh, Activation::sigmoid}) {
    names += std::string(to_string(activation)) + " ";
  }
  EXPECT_EQ(names, "none gelu gelu_tanh quick_gelu relu silu tanh sigmoid ");
}

}  // namespace
}  // namespace nopad
