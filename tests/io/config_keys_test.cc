#include "io/config_keys.h"

#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad::io {
namespace {

using nlohmann::json;
using test::expect_error;

const json kObject = json::parse(R"({"size": 7, "share": 0.5, "flag": true, "name": "b",
    "act": "gelu_new", "none": null, "list": ["x", "y"], "inner": {"size": 9}, "empty": {},
    "mixed": ["x", 1]})");

ConfigKeys keys() { return ConfigKeys(kObject, "f"); }

TEST(ConfigKeys, ReplaceDefaultsByWhatIsThere) {
  int64_t size = 1, absent = 3, null = 4;
  keys().read("size", {1, 9}, size);
  keys().read("absent", {1, 9}, absent);
  keys().read("none", {1, 9}, null);
  EXPECT_EQ(size, 7);
  EXPECT_EQ(absent, 3);
  EXPECT_EQ(null, 4);
  double share = 1;
  keys().read("share", 0, 1, share);
  EXPECT_EQ(share, 0.5);
  bool flag = false;
  keys().read("flag", flag);
  EXPECT_TRUE(flag);
  EXPECT_EQ(keys().find_text("name"), "b");
  EXPECT_EQ(keys().find_texts("list"), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(keys().find_texts("absent"), std::nullopt);
}

TEST(ConfigKeys, TellNullFromAbsent) {
  EXPECT_FALSE(keys().contains("none"));
  EXPECT_TRUE(keys().is_null("none"));
  EXPECT_FALSE(keys().is_null("absent"));
  EXPECT_FALSE(keys().is_null("size"));
}

TEST(ConfigKeys, NamesStandForValues) {
  constexpr std::array<Named<int>, 2> kNames = {{{"a", 1}, {"b", 2}}};
  int value = 0;
  keys().read("name", std::span<const Named<int>>(kNames), value);
  EXPECT_EQ(value, 2);
  expect_error<FormatError>([&] { keys().read("act", std::span<const Named<int>>(kNames), value); },
                            "f: act: expected a or b, got \"gelu_new\"");
}

TEST(ConfigKeys, ActivationsHaveTheNamesOfTransformers) {
  const auto activation = [](std::string_view name) {
    const json object{{"act", name}};
    Activation out = Activation::none;
    ConfigKeys(object, "f").read("act", out);
    return out;
  };
  for (const auto name : {"gelu", "gelu_python"}) EXPECT_EQ(activation(name), Activation::gelu);
  for (const auto name :
       {"gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate"}) {
    EXPECT_EQ(activation(name), Activation::gelu_tanh);
  }
  for (const auto name : {"silu", "swish"}) EXPECT_EQ(activation(name), Activation::silu);
  EXPECT_EQ(activation("quick_gelu"), Activation::quick_gelu);
  EXPECT_EQ(activation("relu"), Activation::relu);
  EXPECT_EQ(activation("tanh"), Activation::tanh);
  EXPECT_EQ(activation("sigmoid"), Activation::sigmoid);
  EXPECT_EQ(activation("gelu_10"), Activation::gelu_10);
  EXPECT_EQ(activation("mish"), Activation::mish);
  EXPECT_EQ(activation("relu2"), Activation::relu2);
  EXPECT_EQ(activation("relu6"), Activation::relu6);
  EXPECT_EQ(activation("hardswish"), Activation::hardswish);
  EXPECT_EQ(activation("leaky_relu"), Activation::leaky_relu);
  EXPECT_EQ(activation("laplace"), Activation::laplace);
  EXPECT_EQ(activation("linear"), Activation::none);
  expect_error<FormatError>(
      [&] { activation("prelu"); },
      "f: act: expected gelu, gelu_python, gelu_new, gelu_fast, gelu_pytorch_tanh, "
      "gelu_python_tanh, gelu_accurate, quick_gelu, relu, silu, swish, tanh, sigmoid, gelu_10, "
      "mish, relu2, relu6, hardswish, leaky_relu, laplace or linear, got \"prelu\"");
}

TEST(ConfigKeys, MessagesNameTheWayToAKey) {
  int64_t size = 0;
  double share = 0;
  expect_error<FormatError>(
      [&] {
        keys().find_object("inner")->read("size", {1, 8}, size);
      },
      "f: inner: size: expected 1 to 8, got 9");
  expect_error<FormatError>([&] { keys().read("share", 0.5, 1, share); },
                            "f: share: expected above 0.5 and at most 1, got 0.5");
  expect_error<FormatError>([] { keys().find_object("size"); },
                            "f: size: expected an object, got 7");
  expect_error<FormatError>([] { keys().find_texts("mixed"); },
                            "f: mixed: expected a list of strings");
  EXPECT_FALSE(keys().find_object("none"));
}

TEST(ConfigKeys, RefuseWhatOnlyOneValueOfIsKnown) {
  EXPECT_NO_THROW(keys().expect_flag("flag", true));
  EXPECT_NO_THROW(keys().expect_flag("absent", false));
  expect_error<FormatError>([] { keys().expect_flag("flag", false); },
                            "f: flag: expected false, got true");
  EXPECT_NO_THROW(keys().expect_value("name", "b"));
  expect_error<FormatError>([] { keys().expect_value("name", "a"); },
                            "f: name: expected a, got \"b\"");
  for (const char* const key : {"absent", "none", "empty"})
    EXPECT_NO_THROW(keys().expect_none(key));
  expect_error<FormatError>([] { keys().expect_none("size"); }, "f: size: expected none, got 7");
}

}  // namespace
}  // namespace nopad::io
