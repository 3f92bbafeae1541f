// Malformed files, with what is said about each. "F" in a message stands for the file's path.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <ostream>

#include "io/raw_safetensors.h"
#include "io/scratch_directory.h"
#include "nopad/core/error.h"
#include "nopad/io/safetensors.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::io {
namespace {

using test::raw_safetensors;
using test::raw_safetensors_with_length;
using test::ScratchDirectory;

constexpr uint64_t kTwoTo31 = uint64_t{1} << 31;
constexpr uint64_t kTwoTo63 = uint64_t{1} << 63;

// A file with one tensor "x".
std::string one(std::string_view dtype, std::string_view shape, std::string_view offsets,
                std::string_view data = {}) {
  return raw_safetensors(concat(R"({"x":{"dtype":)", dtype, R"(,"shape":)", shape,
                                R"(,"data_offsets":)", offsets, "}}"),
                         data);
}

// A file with tensors "a" and "b" of U8 that lie in the ranges [begin, end) of `num_bytes` bytes.
std::string ranges(std::initializer_list<std::pair<int, int>> tensors, size_t num_bytes) {
  std::string header = "{";
  for (const auto& [begin, end] : tensors) {
    const bool is_first = header.size() == 1;
    header +=
        concat(is_first ? "" : ",", "\"", is_first ? "a" : "b", R"(":{"dtype":"U8","shape":[)",
               end - begin, R"(],"data_offsets":[)", begin, ",", end, "]}");
  }
  return raw_safetensors(header + "}", std::string(num_bytes, 'x'));
}

struct Case {
  std::string name;
  std::string bytes;
  std::string message;  // after the path
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::vector<Case> cases() {
  const std::string tensor = ": tensor \"x\": ";
  const std::string json = ": header: line 1, column ";
  const std::string not_json = ": expected valid JSON in UTF-8";
  const std::string dtype = tensor + "dtype: expected F32, BF16 or another known type, got ";
  const std::string counts = "expected counts below 2^63, got ";
  const std::string valid = R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  std::string names_1024 = R"({")" + std::string(1025, 'n') + "\":{}}";
  return {
      {"LengthOf2To31", raw_safetensors_with_length(kTwoTo31, "{}"),
       ": header: expected at most 100000000 bytes, got 2147483648"},
      {"LengthOf2To63", raw_safetensors_with_length(kTwoTo63, "{}"),
       ": header: expected at most 100000000 bytes, got 9223372036854775808"},
      {"LengthOf2To64Minus1", raw_safetensors_with_length(UINT64_MAX, "{}"),
       ": header: expected at most 100000000 bytes, got 18446744073709551615"},
      {"LengthThatWrapsWith8", raw_safetensors_with_length(UINT64_MAX - 7, "{}"),
       ": header: expected at most 100000000 bytes, got 18446744073709551608"},
      {"LengthBeyondTheFile", raw_safetensors_with_length(3, "{}"),
       ": header: expected at most the 2 bytes that follow, got 3"},
      {"EmptyHeader", raw_safetensors(""), json + "1" + not_json},
      {"HeaderIsAnArray", raw_safetensors("[]"), ": header: expected an object, got an array"},
      {"HeaderIsText", raw_safetensors("hello"), json + "1" + not_json},
      {"ByteOrderMark", raw_safetensors("\xEF\xBB\xBF{}"), json + "1" + not_json},
      {"TrailingText", raw_safetensors("{} x"), json + "4" + not_json},
      {"TrailingNul", raw_safetensors(std::string("{}\0", 3)), json + "3" + not_json},
      {"NotUtf8", raw_safetensors("{\"\xff\":1}"), json + "3" + not_json},
      {"LoneSurrogate", raw_safetensors(R"({"\ud800":1})"), json + "9" + not_json},
      {"NestedTooDeep", raw_safetensors("{\"x\":" + std::string(100'000, '[')),
       ": header: nesting: expected at most 64 levels"},
      {"NameTwice", raw_safetensors(valid.substr(0, valid.size() - 1) + "," + valid.substr(1), "a"),
       ": header: key \"x\": expected once, got twice"},
      {"FieldTwice", one(R"("U8","dtype":"U8")", "[1]", "[0,1]", "a"),
       ": header: key \"dtype\": expected once, got twice"},
      {"MetadataTwice", raw_safetensors(R"({"__metadata__":{},"__metadata__":{}})"),
       ": header: key \"__metadata__\": expected once, got twice"},
      {"MetadataOfNumbers", raw_safetensors(R"({"__metadata__":{"a":1}})"),
       ": __metadata__: \"a\": expected a string, got 1"},
      {"MetadataIsAList", raw_safetensors(R"({"__metadata__":[]})"),
       ": __metadata__: expected an object, got an array"},
      {"EntryAsArray", raw_safetensors(R"({"x":["F32",[1],[0,4]]})", "abcd"),
       tensor + "expected an object, got an array"},
      {"EntryIsNull", raw_safetensors(R"({"x":null})"), tensor + "expected an object, got null"},
      {"NoDtype", raw_safetensors(R"({"x":{"shape":[1],"data_offsets":[0,1]}})", "a"),
       dtype + "nothing"},
      {"NoShape", raw_safetensors(R"({"x":{"dtype":"U8","data_offsets":[0,1]}})", "a"),
       tensor + "shape: expected an array, got nothing"},
      {"NoOffsets", raw_safetensors(R"({"x":{"dtype":"U8","shape":[1]}})", "a"),
       tensor + "data_offsets: expected an array, got nothing"},
      {"UnknownDtype", one(R"("F31")", "[1]", "[0,4]", "abcd"), dtype + "\"F31\""},
      {"LowerCaseDtype", one(R"("f32")", "[1]", "[0,4]", "abcd"), dtype + "\"f32\""},
      {"NumberAsDtype", one("7", "[1]", "[0,4]", "abcd"), dtype + "7"},
      {"NegativeDimension", one(R"("U8")", "[-1]", "[0,1]", "a"),
       tensor + "shape: " + counts + "-1"},
      {"FloatDimension", one(R"("U8")", "[1.0]", "[0,1]", "a"),
       tensor + "shape: " + counts + "1.0"},
      {"ExponentDimension", one(R"("U8")", "[1e3]", "[0,1000]", std::string(1000, 'x')),
       tensor + "shape: " + counts + "1000.0"},
      {"DimensionOf2To64", one(R"("U8")", "[18446744073709551616]", "[0,1]", "a"),
       tensor + "shape: " + counts + "1.8446744073709552e+19"},
      {"DimensionOf2To63", one(R"("U8")", "[9223372036854775808,2]", "[0,1]", "a"),
       tensor + "shape: " + counts + "9223372036854775808"},
      {"TextAsDimension", one(R"("U8")", R"(["1"])", "[0,1]", "a"),
       tensor + "shape: " + counts + "a string"},
      {"RankOfNine", one(R"("U8")", "[1,1,1,1,1,1,1,1,1]", "[0,1]", "a"),
       tensor + "shape: expected at most 8 dimensions, got 9"},
      {"ProductOfTwo2To32", one(R"("U8")", "[4294967296,4294967296]", "[0,1]", "a"),
       tensor + "shape: expected a product that fits in 64 bits"},
      {"OverflowBeforeAZero",
       one(R"("U8")", "[4611686018427387904,4611686018427387904,0]", "[0,0]"),
       tensor + "shape: expected a product that fits in 64 bits"},
      {"ProductOf2To63", one(R"("U8")", "[4611686018427387904,2]", "[0,1]", "a"),
       tensor + "shape: expected a product below 2^63"},
      {"BitsBeyond64", one(R"("F64")", "[4611686018427387904]", "[0,1]", "a"),
       tensor + "shape: expected a size that fits in 64 bits"},
      {"HalfAByte", one(R"("F4")", "[1]", "[0,1]", "a"),
       tensor + "shape: expected whole bytes, got 4 bits"},
      {"OneOffset", one(R"("U8")", "[1]", "[0]", "a"),
       tensor + "data_offsets: expected 2 numbers, got 1"},
      {"ThreeOffsets", one(R"("U8")", "[1]", "[0,1,2]", "a"),
       tensor + "data_offsets: expected 2 numbers, got 3"},
      {"NegativeOffset", one(R"("U8")", "[1]", "[-1,0]", "a"),
       tensor + "data_offsets: " + counts + "-1"},
      {"HugeOffset", one(R"("U8")", "[1]", "[0,18446744073709551615]", "a"),
       tensor + "data_offsets: " + counts + "18446744073709551615"},
      {"EndBeforeBegin", one(R"("U8")", "[1]", "[1,0]", "a"),
       tensor + "data_offsets: expected an end from 1 on, got 0"},
      {"SizeUnlikeShape", one(R"("F32")", "[2]", "[0,4]", "abcd"),
       tensor + "data_offsets: expected 8 bytes for [2] F32, got 4"},
      {"EndBeyondTheFile", one(R"("U8")", "[9]", "[0,9]", "abcd"),
       ": data: expected 9 bytes as the header says, got 4"},
      {"WrappingOffsets", one(R"("U8")", "[1]", "[9223372036854775806,9223372036854775807]", "a"),
       tensor + "data_offsets: expected to begin at 0, without hole or overlap, got "
                "9223372036854775806"},
      {"FirstBeginsLate", ranges({{1, 2}}, 2),
       ": tensor \"a\": data_offsets: expected to begin at 0, without hole or overlap, got 1"},
      {"Hole", ranges({{0, 1}, {2, 3}}, 3),
       ": tensor \"b\": data_offsets: expected to begin at 1, without hole or overlap, got 2"},
      {"Overlap", ranges({{0, 2}, {1, 3}}, 3),
       ": tensor \"b\": data_offsets: expected to begin at 2, without hole or overlap, got 1"},
      {"SameBytesTwice", ranges({{0, 2}, {0, 2}}, 2),
       ": tensor \"b\": data_offsets: expected to begin at 2, without hole or overlap, got 0"},
      {"EmptyInsideAnother", ranges({{0, 2}, {1, 1}}, 2),
       ": tensor \"b\": data_offsets: expected to begin at 2, without hole or overlap, got 1"},
      {"DataLeftOver", ranges({{0, 1}}, 2), ": data: expected 1 bytes as the header says, got 2"},
      {"DataWithoutTensors", raw_safetensors("{}", "a"),
       ": data: expected 0 bytes as the header says, got 1"},
      {"NameOf1025Bytes", raw_safetensors(names_1024),
       ": tensor \"" + std::string(80, 'n') + "\"...: name: expected at most 1024 bytes, got 1025"},
  };
}

class HostileSafetensors : public testing::TestWithParam<Case> {};

TEST_P(HostileSafetensors, IsRefusedWithItsReason) {
  const ScratchDirectory dir;
  const auto path = dir.write("model.safetensors", GetParam().bytes);
  try {
    const SafetensorsFile file(path);
    FAIL() << "expected an error that says: " << GetParam().message;
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), path.string() + GetParam().message);
  }
}

INSTANTIATE_TEST_SUITE_P(Safetensors, HostileSafetensors, testing::ValuesIn(cases()),
                         [](const auto& tested) { return tested.param.name; });

TEST(SafetensorsFile, FilesOf0To15BytesAreRefused) {
  const ScratchDirectory dir;
  for (size_t size = 0; size < 16; ++size) {
    EXPECT_THROW(SafetensorsFile(dir.write("m", std::string(size, '\x02'))), FormatError) << size;
  }
}

TEST(SafetensorsFile, HeaderBeyondTheLimitIsALimitError) {
  const ScratchDirectory dir;
  const auto path = dir.write("m", raw_safetensors("{}      "));
  EXPECT_THROW(SafetensorsFile(path, {.max_header_bytes = 7}), LimitError);
  EXPECT_TRUE(SafetensorsFile(path, {.max_header_bytes = 8}).names().empty());
  // 17 MiB of padding: above the default, below the format's own limit.
  const auto large = dir.write("large", raw_safetensors("{}" + std::string(17 << 20, ' ')));
  EXPECT_THROW(SafetensorsFile{large}, LimitError);
  EXPECT_TRUE(SafetensorsFile(large, {.max_header_bytes = 32 << 20}).names().empty());
}

TEST(SafetensorsFile, MoreThan100000TensorsAreALimitError) {
  const ScratchDirectory dir;
  std::string header = "{";
  for (int i = 0; i <= 100'000; ++i) {
    header +=
        concat(i == 0 ? "" : ",", "\"", i, R"(":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})");
  }
  const auto path = dir.write("m", raw_safetensors(header + "}", "a"));
  EXPECT_THROW(SafetensorsFile{path}, LimitError);
}

TEST(SafetensorsFile, ManyTensorsOnOneRegionAreRefused) {
  const ScratchDirectory dir;
  std::string header = "{";
  for (int i = 0; i < 100'000; ++i) {
    header +=
        concat(i == 0 ? "" : ",", "\"", i, R"(":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})");
  }
  EXPECT_THROW(SafetensorsFile(dir.write("m", raw_safetensors(header + "}", "a"))), FormatError);
}

using Weights = std::map<std::string, Tensor>;

Weights load_all(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  Weights weights;
  for (const std::string& name : file.names()) weights.emplace(name, file.load_stored(name));
  return weights;
}

bool same_bits(const Weights& a, const Weights& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.dtype() == y.second.dtype() &&
           x.second.shape() == y.second.shape() &&
           std::ranges::equal(std::span(x.second.bytes(), x.second.num_bytes()),
                              std::span(y.second.bytes(), y.second.num_bytes()));
  });
}

Weights golden() {
  test::Random random(3);
  return {{"embeddings.weight", random.tensor({20, 16})},
          {"layer.bias", random.tensor({64}).to(DType::bf16)},
          {"layer.weight", random.tensor({64, 16})},
          {"keep", random.coins({7})}};
}

TEST(SafetensorsFile, CutAnywhereIsAnError) {
  const ScratchDirectory dir;
  write_safetensors(dir / "golden", golden());
  const std::string whole = test::content_of(dir / "golden");
  ASSERT_GT(whole.size(), 4096u);
  const auto path = dir.write("cut", whole);
  for (size_t size = 4096; size-- > 0;) {
    std::filesystem::resize_file(path, size);
    ASSERT_THROW(load_all(path), FormatError) << size;
  }
  EXPECT_TRUE(same_bits(load_all(dir / "golden"), golden()));
}

// A flip in the header gives an error, or renames a tensor; a flip in the data changes one value.
// Whatever it gives has the golden file's number of bytes.
TEST(SafetensorsFile, AnyFlippedBitIsAnErrorOrAnEquallyLargeFile) {
  constexpr size_t kHeaderBytes = 400;  // where half of the flips are
  const ScratchDirectory dir;
  write_safetensors(dir / "golden", golden(), {{"format", "pt"}});
  std::string bytes = test::content_of(dir / "golden");
  size_t num_bytes = 0;
  for (const auto& [name, tensor] : golden()) num_bytes += tensor.num_bytes();
  test::Random random(4);
  int num_errors = 0;
  std::fstream file(dir / "golden", std::ios::in | std::ios::out | std::ios::binary);
  for (int flip = 0; flip < 1000; ++flip) {
    const size_t end = flip % 2 == 0 ? kHeaderBytes : bytes.size();
    const auto at = random.integer(0, static_cast<int64_t>(end) - 1);
    const char old = bytes[static_cast<size_t>(at)];
    file.seekp(at).put(static_cast<char>(old ^ (1 << random.integer(0, 7)))).flush();
    try {
      size_t loaded_bytes = 0;
      for (const auto& [name, tensor] : load_all(dir / "golden"))
        loaded_bytes += tensor.num_bytes();
      ASSERT_EQ(loaded_bytes, num_bytes) << "byte " << at;
    } catch (const Error&) {
      ++num_errors;
    }
    file.seekp(at).put(old).flush();
  }
  EXPECT_GT(num_errors, 250);
  EXPECT_TRUE(same_bits(load_all(dir / "golden"), golden()));
}

}  // namespace
}  // namespace nopad::io
