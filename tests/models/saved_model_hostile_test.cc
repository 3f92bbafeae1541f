#include <gtest/gtest.h>

#include "expect_error.h"
#include "io/json.h"
#include "io/scratch_directory.h"
#include "models/model_json.h"
#include "models/saved_layers.h"
#include "nopad/core/error.h"
#include "nopad/io/safetensors.h"

namespace nopad::models {
namespace {

using namespace nn;

// A saved model whose config.json is written over.
class SavedModelHostile : public testing::Test {
 protected:
  SavedModelHostile() {
    const Symbol ids = nn::input("ids", Spec::dense({kAny}, DType::i32));
    const Symbol x = Embedding({.vocab = 9, .dim = 2, .mask_zero = true})(ids);
    save_model(Model(ids, Add()(x, Linear({.units = 2})(x))), directory());
  }
  std::filesystem::path directory() const { return scratch_ / "model"; }
  std::string config() const { return test::content_of(directory() / "config.json"); }
  std::string path() const { return (directory() / "config.json").string(); }

  void write(const std::string& config) { scratch_.write("model/config.json", config); }
  // With the first `from` replaced, loading says `message` after the file's path.
  template <class E = FormatError>
  void expect_refused(std::string_view from, std::string_view to, std::string_view message) {
    std::string changed = config();
    const size_t at = changed.find(from);
    ASSERT_NE(at, changed.npos) << from;
    const std::string before = changed;
    write(changed.replace(at, from.size(), to));
    test::expect_error<E>([&] { load_model(directory()); }, path() + ": " + std::string(message));
    write(before);
  }
  // A chain of layers of which each holds the one before it `copies` times.
  std::string nested(int depth, int copies) const {
    std::string layers = R"({"kind": "Softmax", "config": {}})";
    for (int i = 0; i < depth; ++i) {
      std::string places;
      for (int c = 0; c < copies; ++c) places += (c == 0 ? "" : ", ") + std::to_string(i);
      layers += R"(, {"kind": "Sequential", "config": {"layers": [)" + places + "]}}";
    }
    return R"({"format": "nopad model", "version": 1, "dtype": "f32", "layers": [)" + layers +
           R"(], "input": {"kind": "dense", "row": [2], "dtype": "f32"}})";
  }

  test::ScratchDirectory scratch_;
};

TEST_F(SavedModelHostile, WhatIsNoModelIsNamed) {
  write("{}");
  test::expect_error<FormatError>([&] { load_model(directory()); },
                                  path() + ": format: expected \"nopad model\", got none");
  write("[]");
  EXPECT_THROW(load_model(directory()), FormatError);
  std::filesystem::remove(directory() / "config.json");
  EXPECT_THROW(load_model(directory()), FileError);
}

TEST_F(SavedModelHostile, TheHeadIsChecked) {
  expect_refused("nopad model", "other", "format: expected \"nopad model\", got \"other\"");
  expect_refused("\"version\": 1", "\"version\": 2", "version: expected 1, got 2");
  expect_refused("\"dtype\": \"f32\"", "\"dtype\": \"f31\"",
                 "dtype: expected one of f32, f64, bf16, i8, u8, i32, i64, bool, got \"f31\"");
  expect_refused("\"layers\"", "\"mayors\"", "layers: expected a list, got none");
}

TEST_F(SavedModelHostile, SettingsAreChecked) {
  expect_refused("\"vocab\": 9", "\"vocab\": \"9\"",
                 "layers: 0 (Embedding): vocab: expected an integer, got \"9\"");
  expect_refused("\"vocab\": 9", "\"vocab\": 1e99",
                 "layers: 0 (Embedding): vocab: expected an integer, got 1e+99");
  expect_refused("\"vocab\": 9,", "",
                 "layers: 0 (Embedding): vocab: expected this setting, got none");
  expect_refused("\"vocab\": 9", "\"vocab\": 9, \"colour\": 1",
                 "layers: 0 (Embedding): expected no setting of the name \"colour\", got one");
  expect_refused("\"activation\": \"none\"", "\"activation\": \"nun\"",
                 "layers: 1 (Linear): activation: expected one of none, gelu, gelu_tanh, "
                 "quick_gelu, relu, silu, tanh, sigmoid, gelu_10, mish, relu2, relu6, hardswish, "
                 "leaky_relu, laplace, got \"nun\"");
  expect_refused("\"Linear\"", "\"Cubic\"",
                 "layers: 1 (Cubic): expected a kind that is registered, got another one; a layer "
                 "of one's own is added to a LayerRegistry");
  expect_refused("\"config\"", "\"comfit\"",
                 "layers: 0 (Embedding): config: expected an object, got none");
}

TEST_F(SavedModelHostile, WhatALayerRefusesNamesTheFile) {
  expect_refused("\"vocab\": 9", "\"vocab\": -9",
                 "layers: 3 (Model): Embedding: vocab, dim: expected 1 or more of each, "
                 "got -9 and 2");
  expect_refused("\"units\": 2", "\"units\": -2",
                 "layers: 3 (Model): Linear: units: expected 1 or more, got -2");
}

TEST_F(SavedModelHostile, GraphsPointBackwards) {
  const std::string compact = [&] {
    std::string out;
    for (const char c : config()) {
      if (c != '\n' && c != ' ') out += c;
    }
    return out.replace(out.find("nopadmodel"), 10, "nopad model");
  }();
  write(compact);
  expect_refused("\"layer\":1", "\"layer\":3",
                 "layers: 3 (Model): layer: expected the place of one of the 3 layers before this "
                 "one, got 3");
  expect_refused("\"layer\":1", "\"layer\":-1",
                 "layers: 3 (Model): layer: expected the place of one of the 3 layers before this "
                 "one, got -1");
  expect_refused("\"inputs\":[[0,0]]", "\"inputs\":[[1,0]]",
                 "layers: 3 (Model): inputs: expected outputs of the 1 inputs and calls before, "
                 "got [1,0]");
  expect_refused("\"inputs\":[[0,0]]", "\"inputs\":[[0,1]]",
                 "layers: 3 (Model): inputs: expected outputs of the 1 inputs and calls before, "
                 "got [0,1]");
  expect_refused("\"inputs\":[[0,0]]", "\"inputs\":[0]",
                 "layers: 3 (Model): inputs: expected outputs of the 1 inputs and calls before, "
                 "got another");
  expect_refused("\"row\":[null]", "\"row\":[null],\"same_tokens\":0",
                 "layers: 3 (Model): same_tokens: expected one of the 0 inputs before this one, "
                 "got 0");
  expect_refused("\"row\":[null]", "\"row\":[-2]",
                 "layers: 3 (Model): ids: row: expected null or 0 to 16777216, got -2");
  expect_refused<LimitError>("\"row\":[null]", "\"row\":[16777216,2]",
                             "layers: 3 (Model): ids: row: expected fewer than 8 sizes and "
                             "16777216 elements");
}

TEST_F(SavedModelHostile, ModelsThatAreTooDeepOrTooLongAreRefused) {
  write(nested(63, 1));
  EXPECT_THROW(load_model(directory()), FormatError);  // by now the weights are another model's
  write(nested(64, 1));
  test::expect_error<LimitError>(
      [&] { load_model(directory()); },
      path() + ": layers: 64 (Sequential): layers: expected at most 64 layers inside one another");
  write(nested(30, 2));
  test::expect_error<LimitError>(
      [&] { load_model(directory()); },
      path() + ": layers: 13 (Sequential): layers: expected at most 10000 calls of layers");
}

TEST_F(SavedModelHostile, WeightsThatFitIntoNoMemoryAreRefused) {
  std::string huge = config();
  write(huge.replace(huge.find("\"vocab\": 9"), 10, "\"vocab\": 2305843009213693952"));
  test::expect_error<LimitError>(
      [&] { load_model(directory()); },
      path() + ": layers: 3 (Model): expected a model that fits into memory");
}

TEST_F(SavedModelHostile, WeightsAreCompared) {
  const auto file = directory() / "model.safetensors";
  const io::SafetensorsFile saved(file);
  const auto metadata = saved.metadata();
  std::map<std::string, Tensor> weights;
  for (const std::string& name : saved.names()) weights[name] = saved.load(name);
  const auto expect_weight_error = [&](std::map<std::string, Tensor> changed,
                                       std::string_view message) {
    io::write_safetensors(file, changed, metadata);
    test::expect_error<WeightError>([&] { load_model(directory()); },
                                    file.string() + ": " + std::string(message));
  };
  auto changed = weights;
  changed.erase("linear.bias");
  expect_weight_error(changed, "missing: linear.bias");
  changed = weights;
  changed["linear.weight"] = Tensor::zeros({2, 3});
  expect_weight_error(changed, "misshapen: linear.weight: expected [2, 2], got [2, 3]");
  changed = weights;
  changed["linear.extra"] = Tensor::zeros({2});
  expect_weight_error(changed, "unexpected: linear.extra");
}

TEST_F(SavedModelHostile, NoByteOfTheConfigBringsItDown) {
  const std::string good = config();
  int num_refused = 0, num_read = 0;
  for (size_t i = 0; i < good.size(); ++i) {
    for (const char byte : {'7', '"', '-', ']', '{', ' '}) {
      std::string bad = good;
      bad[i] = byte;
      try {
        read_model(io::parse_json(bad, "bad"), "bad", LayerRegistry::standard());
        ++num_read;
      } catch (const FormatError& error) {
        EXPECT_TRUE(std::string_view(error.what()).starts_with("bad: ")) << error.what();
        ++num_refused;
      } catch (const LimitError&) {
        ++num_refused;
      }
    }
  }
  EXPECT_GT(num_refused, num_read);
  EXPECT_GT(num_read, 100);
}

}  // namespace
}  // namespace nopad::models
