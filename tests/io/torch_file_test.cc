#include "nopad/io/torch_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "expect_error.h"
#include "io/raw_pickle.h"
#include "io/raw_safetensors.h"
#include "io/scratch_directory.h"
#include "nopad/core/error.h"
#include "nopad/io/checkpoint.h"
#include "nopad/io/safetensors.h"
#include "tolerance.h"

namespace nopad::io {
namespace {

namespace fs = std::filesystem;
using test::expect_same_bits;
using test::ScratchDirectory;
using Names = std::vector<std::string>;

const fs::path kData = fs::path(NOPAD_TEST_DATA) / "io";

// What torch wrote; see tools/recording/record_torch_files.py.
class RecordedTorchFile : public testing::TestWithParam<std::string> {};

TEST_P(RecordedTorchFile, HasTheValuesThatTorchHas) {
  const TorchFile file(kData / concat("torch-", GetParam(), ".bin"));
  const SafetensorsFile expected(kData / concat("torch-", GetParam(), ".safetensors"));
  ASSERT_FALSE(expected.names().empty());
  for (const std::string& name : expected.names()) {
    ASSERT_TRUE(file.contains(name)) << name;
    EXPECT_EQ(file.shape(name), expected.shape(name)) << name;
    SCOPED_TRACE(name);
    expect_same_bits(file.load(name), expected.load(name));
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, RecordedTorchFile,
                         testing::Values("archive", "legacy", "wrapped", "protocol-4"));

TEST(TorchFile, KnowsEveryElementType) {
  const TorchFile file(kData / "torch-archive.bin");
  for (const auto& [name, dtype] : std::map<std::string, std::string>{{"base", "F32"},
                                                                      {"f64", "F64"},
                                                                      {"f16", "F16"},
                                                                      {"bf16", "BF16"},
                                                                      {"i64", "I64"},
                                                                      {"i32", "I32"},
                                                                      {"i16", "I16"},
                                                                      {"i8", "I8"},
                                                                      {"u8", "U8"},
                                                                      {"bool", "BOOL"},
                                                                      {"c64", "C64"},
                                                                      {"u16", "U16"},
                                                                      {"f8", "F8_E4M3"}}) {
    EXPECT_EQ(file.stored_dtype(name), dtype) << name;
  }
}

TEST(TorchFile, IntegersHaveAShapeButAreNoWeights) {
  const fs::path path = kData / "torch-archive.bin";
  const TorchFile file(path);
  EXPECT_EQ(file.shape("i64"), Shape{5});
  test::expect_error<WeightError>(
      [&] { file.load("i64"); },
      concat(path.string(), ": i64: expected F32, F16, BF16 or F64, got I64"));
  test::expect_error<WeightError>(
      [&] { file.load("no"); },
      concat(path.string(), ": no: expected a tensor of that name, got none"));
}

TEST(TorchFile, WhatIsNoTensorIsLeftOut) {
  EXPECT_EQ(TorchFile(kData / "torch-wrapped.bin").names(), (Names{"bias", "weight"}));
  EXPECT_EQ(TorchFile(kData / "torch-protocol-4.bin").names(),
            (Names{"base", "f16", "i64", "tied.a", "tied.b"}));
}

TEST(TorchFile, ViewsShareTheirStorage) {
  const TorchFile file(kData / "torch-archive.bin");
  EXPECT_EQ(file.entry("tied.a").begin, file.entry("tied.reshaped").begin);
  EXPECT_EQ(file.entry("transposed").strides, (std::vector<int64_t>{1, 5}));
  EXPECT_EQ(file.entry("row").begin, file.entry("base").begin + 2 * 5 * sizeof(float));
}

// Large, aligned and without strides: a view of the file. Then the same turned and one byte off.
TEST(TorchFile, LargeTensorsAreEqualMappedGatheredOrMisaligned) {
  constexpr int64_t kRows = 128, kColumns = 160;
  std::vector<float> values(kRows * kColumns);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const std::string bytes = test::bytes_of(values);
  const std::string storage = test::storage("0", kRows * kColumns);
  const auto file_of = [&](const ScratchDirectory& dir, const std::string& name,
                           const std::string& tensor) {
    return TorchFile(dir.write(
        "m.bin", test::raw_zip({{.name = "m/data.pkl", .content = test::state_dict(tensor)},
                                {.name = name, .content = ""},
                                {.name = "m/data/0", .content = bytes}})));
  };
  const Tensor expected = Tensor::from_values<float>(values, {kRows, kColumns});
  const std::string whole = test::tensor(storage, 0, {kRows, kColumns}, {kColumns, 1});
  bool saw_aligned = false, saw_misaligned = false;
  for (const std::string name : {"a", "ab", "abc", "abcd"}) {
    const ScratchDirectory dir;
    const TorchFile file = file_of(dir, name, whole);
    const bool aligned = file.entry("x").begin % sizeof(float) == 0;
    (aligned ? saw_aligned : saw_misaligned) = true;
    expect_same_bits(file.load("x"), expected);
  }
  EXPECT_TRUE(saw_aligned && saw_misaligned);
  const ScratchDirectory dir;
  const std::string turned = test::tensor(storage, 0, {kColumns, kRows}, {1, kColumns});
  const Tensor columns = file_of(dir, "a", turned).load("x");
  EXPECT_EQ(columns.values<float>()[1], values[kColumns]);
  EXPECT_EQ(columns.values<float>()[kRows], values[1]);
}

TEST(TorchFile, HugeStrideOfADimensionOfOneLeadsNowhere) {
  const ScratchDirectory dir;
  const std::vector<float> values = {1, 2, 3, 4};
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  const std::string tensor = test::tensor(test::storage("0", 4), 0, {2, 1, 2}, {1, kHuge, 2});
  const TorchFile file(
      dir.write("m.bin", test::torch_archive(test::state_dict(tensor), test::bytes_of(values))));
  expect_same_bits(file.load("x"),
                   Tensor::from_values<float>(std::vector<float>{1, 3, 2, 4}, {2, 1, 2}));
}

TEST(TorchFile, ArchiveWithoutAByteOrderIsLittleEndian) {
  const ScratchDirectory dir;
  const std::string tensor = test::tensor(test::storage("0", 1), 0, {1}, {1});
  const TorchFile file(
      dir.write("m.bin", test::raw_zip({{.name = "m/data.pkl", .content = test::state_dict(tensor)},
                                        {.name = "m/data/0", .content = std::string(4, '\0')}})));
  EXPECT_EQ(file.names(), Names{"x"});
}

TEST(TorchFile, EachWrappingKeyIsUnwrapped) {
  const ScratchDirectory dir;
  const std::string dict =
      "}" + test::text("x") + test::tensor(test::storage("0", 1), 0, {}, {}) + "s";
  for (const std::string key : {"state_dict", "model_state_dict", "model"}) {
    const std::string pickle =
        test::pickled("}(" + test::text("epoch") + "K\1" + test::text(key) + dict + "u");
    const TorchFile file(dir.write("m.bin", test::torch_archive(pickle, std::string(4, '\0'))));
    EXPECT_EQ(file.names(), Names{"x"}) << key;
    EXPECT_EQ(file.shape("x"), Shape{});
  }
}

}  // namespace
}  // namespace nopad::io
