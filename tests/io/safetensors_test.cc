#include "nopad/io/safetensors.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "expect_error.h"
#include "io/raw_safetensors.h"
#include "io/scratch_directory.h"
#include "nopad/core/error.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::io {
namespace {

using test::bytes_of;
using test::content_of;
using test::expect_error;
using test::expect_same_bits;
using test::raw_safetensors;
using test::ScratchDirectory;

Tensor tensor_of(std::vector<float> values, const Shape& shape) {
  return Tensor::from_values<float>(values, shape);
}

TEST(SafetensorsFile, ReadsATensorByName) {
  const ScratchDirectory dir;
  const auto path =
      dir.write("m", raw_safetensors(R"({"x":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})",
                                     bytes_of(std::array{1.5f, -2.0f})));
  const SafetensorsFile file(path);
  EXPECT_EQ(file.names(), std::vector<std::string>{"x"});
  EXPECT_TRUE(file.contains("x"));
  EXPECT_EQ(file.shape("x"), (Shape{1, 2}));
  EXPECT_EQ(file.entry("x").dtype, "F32");
  EXPECT_EQ(file.description(), path.string());
  expect_same_bits(file.load("x"), tensor_of({1.5f, -2.0f}, {1, 2}));
}

TEST(SafetensorsFile, FloatsOfAllSizesLoadAsF32) {
  const ScratchDirectory dir;
  const std::string data = bytes_of(std::array<double, 2>{0.5, -3}) +
                           bytes_of(std::array<uint16_t, 2>{0x3c00, 0xc000}) +
                           bytes_of(std::array{BFloat16(2.0f), BFloat16(-0.25f)});
  const SafetensorsFile file(
      dir.write("m", raw_safetensors(R"({"d":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},)"
                                     R"("h":{"dtype":"F16","shape":[2],"data_offsets":[16,20]},)"
                                     R"("b":{"dtype":"BF16","shape":[2],"data_offsets":[20,24]}})",
                                     data)));
  expect_same_bits(file.load("d"), tensor_of({0.5f, -3}, {2}));
  expect_same_bits(file.load("h"), tensor_of({1, -2}, {2}));
  expect_same_bits(file.load("b"), tensor_of({2, -0.25f}, {2}));
}

TEST(SafetensorsFile, MisalignedElementsAreCopied) {
  const ScratchDirectory dir;
  const std::vector<float> values(100'000, 0.5f);
  const std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                             R"("x":{"dtype":"F32","shape":[100000],"data_offsets":[1,400001]}})";
  const SafetensorsFile file(dir.write("m", raw_safetensors(header, "\x07" + bytes_of(values))));
  expect_same_bits(file.load("x"), tensor_of(values, {100'000}));
}

// Whether the process has a mapping of the file.
bool is_mapped(const std::filesystem::path& path) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.ends_with(path.string())) return true;
  }
  return false;
}

TEST(SafetensorsFile, LargeF32IsAViewThatDiesWithItsTensor) {
  const ScratchDirectory dir;
  const std::vector<float> values(100'000, 0.25f);
  write_safetensors(dir / "m", {{"x", tensor_of(values, {100'000})}});
  const SafetensorsFile file(dir / "m");
  {
    Tensor x = file.load("x");
    EXPECT_TRUE(is_mapped(dir / "m"));
    EXPECT_THROW(x.mutable_values<float>(), InternalError);
    expect_same_bits(x, tensor_of(values, {100'000}));
  }
  EXPECT_FALSE(is_mapped(dir / "m"));
}

TEST(SafetensorsFile, TensorOutlivesTheFile) {
  const ScratchDirectory dir;
  const std::vector<float> values(100'000, 0.25f);
  write_safetensors(dir / "m", {{"x", tensor_of(values, {100'000})}});
  const Tensor x = SafetensorsFile(dir / "m").load("x");
  expect_same_bits(x, tensor_of(values, {100'000}));
}

TEST(SafetensorsFile, StoredTypesAreKept) {
  const ScratchDirectory dir;
  const std::map<std::string, Tensor> tensors = {
      {"i64", Tensor::from_values<int64_t>(std::array<int64_t, 2>{1, -1}, {2})},
      {"i32", Tensor::from_values<int32_t>(std::array<int32_t, 1>{-5}, {})},
      {"i8", Tensor::from_values<int8_t>(std::array<int8_t, 3>{1, 2, 3}, {3})},
      {"u8", Tensor::from_values<uint8_t>(std::array<uint8_t, 1>{255}, {1, 1})},
      {"bool", Tensor::from_values<bool>(std::array{true, false}, {2})},
      {"f64", Tensor::from_values<double>(std::array{0.1}, {1})},
      {"bf16", Tensor::from_values<BFloat16>(std::array{BFloat16(0.1f)}, {1})},
      {"empty", Tensor::zeros({0, 4})}};
  write_safetensors(dir / "m", tensors);
  const SafetensorsFile file(dir / "m");
  EXPECT_EQ(file.names().size(), tensors.size());
  for (const auto& [name, tensor] : tensors) expect_same_bits(file.load_stored(name), tensor);
}

TEST(SafetensorsFile, AnyNonzeroBoolByteIsTrue) {
  const ScratchDirectory dir;
  const SafetensorsFile file(
      dir.write("m", raw_safetensors(R"({"x":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}})",
                                     std::string("\0\x07\x01", 3))));
  expect_same_bits(file.load_stored("x"),
                   Tensor::from_values<bool>(std::array{false, true, true}, {3}));
}

TEST(SafetensorsFile, WrongNamesAndTypesAreWeightErrors) {
  const ScratchDirectory dir;
  const auto path = dir.write(
      "m", raw_safetensors(R"({"i":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                           R"("f8":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[8,9]}})",
                           "123456789"));
  const SafetensorsFile file(path);
  const std::string where = path.string();
  expect_error<WeightError>([&] { file.load("y"); },
                            where + ": y: expected a tensor of that name, got none");
  expect_error<WeightError>([&] { file.shape("y"); },
                            where + ": y: expected a tensor of that name, got none");
  expect_error<WeightError>([&] { file.load("i"); },
                            where + ": i: expected F32, F16, BF16 or F64, got I64");
  expect_error<WeightError>([&] { file.load_stored("f8"); },
                            where + ": f8: expected a type that Tensor has, got F8_E4M3");
}

// What the package opens although its README says otherwise.
TEST(SafetensorsFile, QuirksOfThePackageAreAccepted) {
  const ScratchDirectory dir;
  const std::string entry = R"("x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  for (const std::string& header : {
           "{" + entry + "}",
           "  {" + entry + "}",
           "{" + entry + "} \n",
           R"({"__metadata__":null,)" + entry + "}",
           std::string(R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"new":[{}]}})"),
       }) {
    const SafetensorsFile file(dir.write("m", raw_safetensors(header, "a")));
    EXPECT_EQ(file.shape("x"), Shape{1}) << header;
    EXPECT_TRUE(file.metadata().empty());
  }
  EXPECT_TRUE(SafetensorsFile(dir.write("m", raw_safetensors("{}"))).names().empty());
}

TEST(SafetensorsFile, EmptyTensorsLieBetweenOthers) {
  const ScratchDirectory dir;
  const SafetensorsFile file(dir.write(
      "m",
      raw_safetensors(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                      R"("b":{"dtype":"F32","shape":[0,9],"data_offsets":[1,1]},)"
                      R"("c":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},)"
                      R"("d":{"dtype":"F32","shape":[0,4611686018427387904],"data_offsets":[2,2]},)"
                      R"("":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
                      "ac")));
  EXPECT_EQ(file.load("b").num_elements(), 0);
  EXPECT_EQ(file.load("d").num_elements(), 0);
  EXPECT_TRUE(file.contains(""));
}

TEST(SafetensorsFile, SubByteTypesAreCheckedAndNotLoaded) {
  const ScratchDirectory dir;
  const SafetensorsFile file(
      dir.write("m", raw_safetensors(R"({"x":{"dtype":"F4","shape":[2],"data_offsets":[0,1]},)"
                                     R"("y":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[1,4]}})",
                                     "abcd")));
  EXPECT_EQ(file.entry("y").num_bytes, 3u);
  EXPECT_THROW(file.load_stored("x"), WeightError);
}

TEST(SafetensorsFile, NamesMayHoldAnything) {
  const ScratchDirectory dir;
  const SafetensorsFile file(dir.write(
      "m",
      raw_safetensors(R"({"../a\u0000b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x")));
  EXPECT_TRUE(file.contains(std::string_view("../a\0b", 6)));
}

TEST(SafetensorsFile, EveryStoredTypeHasItsSize) {
  const ScratchDirectory dir;
  for (const auto& [name, num_bytes] : std::map<std::string, int>{
           {"BOOL", 8},        {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
           {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
           {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
           {"I32", 32},        {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},
           {"I64", 64},        {"U64", 64}}) {
    const std::string header =
        concat(R"({"x":{"dtype":")", name, R"(","shape":[8],"data_offsets":[0,)", num_bytes, "]}}");
    const std::string data(static_cast<size_t>(num_bytes), 'x');
    EXPECT_EQ(SafetensorsFile(dir.write("m", raw_safetensors(header, data))).entry("x").dtype,
              name);
  }
}

TEST(WriteSafetensors, OrdersByTypeThenNameAndPadsTheHeader) {
  const ScratchDirectory dir;
  write_safetensors(dir / "m",
                    {{"a", Tensor::from_values<uint8_t>(std::array<uint8_t, 1>{9}, {1})},
                     {"z", tensor_of({1}, {1})},
                     {"b", tensor_of({2}, {})},
                     {"i", Tensor::from_values<int64_t>(std::array<int64_t, 1>{3}, {1})}},
                    {{"format", "pt"}});
  const std::string header = R"({"__metadata__":{"format":"pt"},)"
                             R"("i":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
                             R"("b":{"dtype":"F32","shape":[],"data_offsets":[8,12]},)"
                             R"("z":{"dtype":"F32","shape":[1],"data_offsets":[12,16]},)"
                             R"("a":{"dtype":"U8","shape":[1],"data_offsets":[16,17]}})";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  const std::string data = bytes_of(std::array<int64_t, 1>{3}) + bytes_of(std::array{2.0f, 1.0f});
  EXPECT_EQ(content_of(dir / "m"), raw_safetensors(padded, data + "\x09"));
  EXPECT_EQ(SafetensorsFile(dir / "m").metadata().at("format"), "pt");
}

TEST(WriteSafetensors, NothingIsAFileToo) {
  const ScratchDirectory dir;
  write_safetensors(dir / "m", {});
  EXPECT_EQ(content_of(dir / "m"), raw_safetensors("{}      "));
}

TEST(WriteSafetensors, BadNamesLeaveTheOldFile) {
  const ScratchDirectory dir;
  const std::string where = dir.write("m", "old").string();
  const auto write = [&](const std::string& name) {
    write_safetensors(where, {{name, Tensor::zeros({1})}});
  };
  expect_error<InputError>(
      [&] { write("__metadata__"); },
      where + ": name: expected at most 1024 bytes and not __metadata__, got \"__metadata__\"");
  expect_error<InputError>([&] { write("\xff"); }, where + ": names and metadata: expected UTF-8");
  EXPECT_THROW(write(std::string(1025, 'x')), InputError);
  EXPECT_EQ(content_of(where), "old");
  write(std::string(1024, 'x'));
  EXPECT_EQ(SafetensorsFile(where).names().size(), 1u);
}

TEST(WriteSafetensors, RandomTensorsComeBackBitForBit) {
  const ScratchDirectory dir;
  test::Random random(7);
  for (int round = 0; round < 50; ++round) {
    std::map<std::string, Tensor> tensors;
    const int64_t count = random.integer(0, 12);
    for (int64_t i = 0; i < count; ++i) {
      const Tensor values = random.tensor({random.integer(0, 5), random.integer(0, 5)});
      constexpr std::array kTypes = {DType::f32, DType::f64, DType::bf16,   DType::i8,
                                     DType::i32, DType::i64, DType::boolean};
      const auto type = static_cast<size_t>(random.integer(0, std::ssize(kTypes) - 1));
      tensors["t\n\"" + std::to_string(random.integer(0, 1000))] = values.to(kTypes[type]);
    }
    write_safetensors(dir / "m", tensors, {{"round", std::to_string(round)}});
    const SafetensorsFile file(dir / "m");
    ASSERT_EQ(file.names().size(), tensors.size());
    for (const auto& [name, tensor] : tensors) expect_same_bits(file.load_stored(name), tensor);
  }
}

TEST(WriteSafetensors, ManyTensorsAreReadBackQuickly) {
  const ScratchDirectory dir;
  std::map<std::string, Tensor> tensors;
  for (int i = 0; i < 100'000; ++i) tensors.emplace(std::to_string(i), Tensor::zeros({1}));
  write_safetensors(dir / "m", tensors);
  EXPECT_EQ(SafetensorsFile(dir / "m").names().size(), 100'000u);
  tensors.emplace("one more", Tensor::zeros({1}));
  expect_error<LimitError>([&] { write_safetensors(dir / "m", tensors); },
                           (dir / "m").string() + ": tensors: expected at most 100000, got 100001");
}

}  // namespace
}  // namespace nopad::io
