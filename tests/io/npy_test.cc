#include "nopad/io/npy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <ostream>
#include <thread>

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
using test::ScratchDirectory;

// A file of any header, right or wrong. Version 1 has two bytes of length, the others four.
std::string raw_npy(std::string_view header, std::string_view data, int version = 1) {
  std::string out("\x93NUMPY", 6);
  out += {static_cast<char>(version), '\0'};
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) {
    out += static_cast<char>(header.size() >> (8 * i) & 0xff);
  }
  return out.append(header).append(data);
}

const std::string kHeader = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
const std::string kData = bytes_of(std::vector<float>{1, 2, 3, 4, 5, 6});
const Tensor kMatrix = Tensor::from_values<float>(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3});

TEST(ReadNpy, AllVersionsAndAnyAlignment) {
  const ScratchDirectory dir;
  for (const int version : {1, 2, 3}) {
    for (int padding = 0; padding < 8; ++padding) {
      const std::string header = kHeader + std::string(static_cast<size_t>(padding), ' ') + "\n";
      expect_same_bits(read_npy(dir.write("x.npy", raw_npy(header, kData, version))), kMatrix);
    }
  }
}

TEST(ReadNpy, KeysInAnyOrderAndSpelling) {
  const ScratchDirectory dir;
  const std::string header = "{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<f4\"}";
  expect_same_bits(read_npy(dir.write("x.npy", raw_npy(header, kData))), kMatrix);
}

TEST(ReadNpy, NoRowsAreAMatrixToo) {
  const ScratchDirectory dir;
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }";
  EXPECT_EQ(read_npy(dir.write("x.npy", raw_npy(header, ""))).shape(), (Shape{0, 3}));
}

struct Case {
  std::string name;
  std::string bytes;
  std::string message;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::vector<Case> cases() {
  const auto with = [](std::string_view descr, std::string_view order, std::string_view shape,
                       const std::string& data = kData) {
    return raw_npy(
        concat("{'descr': ", descr, ", 'fortran_order': ", order, ", 'shape': ", shape, ", }"),
        data);
  };
  std::string other_version = raw_npy(kHeader, kData);
  other_version[6] = 4;
  std::string long_header = raw_npy(kHeader, "", 2);
  long_header[10] = 1;
  return {
      {"Empty", "", ": expected an .npy file, got another kind"},
      {"AnotherKind", "PK\x03\x04 and so on and on", ": expected an .npy file, got another kind"},
      {"OnlyTheMagic", "\x93NUMPY\x01", ": expected an .npy file, got another kind"},
      {"Version", other_version, ": version: expected 1.0, 2.0 or 3.0, got 4.0"},
      {"HeaderBeyondTheFile", raw_npy(kHeader, kData).substr(0, 20),
       ": header: expected at most 10 bytes, got 59"},
      {"HeaderBeyondTheLimit", long_header + std::string(1 << 20, ' '),
       ": header: expected at most 65536 bytes, got 65595"},
      {"NotADict", raw_npy("[1, 2]", kData), ": header: column 1: expected {"},
      {"BigEndian", with("'>f4'", "False", "(2, 3)"), ": descr: expected '<f4', got '>f4'"},
      {"Doubles", with("'<f8'", "False", "(1, 3)"), ": descr: expected '<f4', got '<f8'"},
      {"Objects", with("'|O'", "False", "(2, 3)"), ": descr: expected '<f4', got '|O'"},
      {"Records", with("[('a', '<f4')]", "False", "(2, 3)"), ": header: column 11: expected \""},
      {"FortranOrder", with("'<f4'", "True", "(2, 3)"),
       ": fortran_order: expected False, got True"},
      {"OrderIsANumber", with("'<f4'", "0", "(2, 3)"), ": header: column 35: expected False"},
      {"OneDimension", with("'<f4'", "False", "(6,)"), ": shape: expected 2 dimensions, got 1"},
      {"ThreeDimensions", with("'<f4'", "False", "(1, 2, 3)"),
       ": shape: expected 2 dimensions, got 3"},
      {"NoDimensions", with("'<f4'", "False", "()"), ": shape: expected 2 dimensions, got 0"},
      {"NegativeDimension", with("'<f4'", "False", "(-2, 3)"),
       ": header: column 52: expected a count below 2^63"},
      {"DimensionBeyond63Bits", with("'<f4'", "False", "(9223372036854775808, 1)"),
       ": header: column 52: expected a count below 2^63"},
      {"ProductOverflows", with("'<f4'", "False", "(4294967296, 4294967296)"),
       ": shape: expected a size below 2^63 bytes"},
      {"BytesOverflow", with("'<f4'", "False", "(2305843009213693952, 1)"),
       ": shape: expected a size below 2^63 bytes"},
      {"DataTooShort", with("'<f4'", "False", "(3, 3)"),
       ": data: expected 36 bytes for [3, 3], got 24"},
      {"DataTooLong", with("'<f4'", "False", "(1, 3)"),
       ": data: expected 12 bytes for [1, 3], got 24"},
      {"KeyTwice", raw_npy("{'descr': '<f4', 'descr': '<f4'}", kData),
       ": header: column 25: expected the keys descr, fortran_order and shape, once"},
      {"UnknownKey", raw_npy("{'x': 1}", kData),
       ": header: column 5: expected the keys descr, fortran_order and shape, once"},
      {"MissingKey", raw_npy("{'descr': '<f4', 'shape': (2, 3)}", kData),
       ": header: column 34: expected the key fortran_order"},
      {"OpenString", raw_npy("{'descr", kData), ": header: column 3: expected the end of a string"},
      {"TextAfterTheHeader", raw_npy(kHeader + "import os", kData),
       ": header: column 60: expected nothing but spaces after the header"},
      {"EndlessShape",
       raw_npy(
           "{'shape': (" + std::string("1,", 0) +
               [] {
                 std::string ones;
                 for (int i = 0; i < 1000; ++i) ones += "1,";
                 return ones;
               }() +
               ")}",
           kData),
       ": header: column 76: expected at most 32 dimensions"},
  };
}

class HostileNpy : public testing::TestWithParam<Case> {};

TEST_P(HostileNpy, IsRefusedWithItsReason) {
  const ScratchDirectory dir;
  const auto path = dir.write("x.npy", GetParam().bytes);
  expect_error<FormatError>([&] { read_npy(path); }, path.string() + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(Npy, HostileNpy, testing::ValuesIn(cases()),
                         [](const auto& tested) { return tested.param.name; });

TEST(NpyWriter, WritesWhatNumpyWrites) {
  const ScratchDirectory dir;
  NpyWriter writer(dir / "x.npy", 3);
  writer.append(kMatrix.rows(0, 1));
  writer.append(kMatrix.rows(1, 1));
  writer.append(kMatrix.rows(1, 2));
  EXPECT_EQ(writer.num_rows(), 2);
  EXPECT_FALSE(std::filesystem::exists(dir / "x.npy"));
  writer.finish();
  const std::string padding(128 - 10 - kHeader.size() - 1, ' ');
  EXPECT_EQ(content_of(dir / "x.npy"), raw_npy(kHeader + padding + "\n", kData));
  expect_same_bits(read_npy(dir / "x.npy"), kMatrix);
}

TEST(NpyWriter, HeaderHoldsTheLargestShape) {
  const ScratchDirectory dir;
  NpyWriter writer(dir / "x.npy", INT64_MAX);
  writer.finish();
  EXPECT_EQ(content_of(dir / "x.npy").size(), 128u);
  EXPECT_EQ(read_npy(dir / "x.npy").shape(), (Shape{0, INT64_MAX}));
}

TEST(NpyWriter, UnfinishedLeavesTheOldFile) {
  const ScratchDirectory dir;
  dir.write("x.npy", "old");
  { NpyWriter(dir / "x.npy", 3).append(kMatrix); }
  EXPECT_EQ(content_of(dir / "x.npy"), "old");
  EXPECT_EQ(dir.num_files(), 1u);
}

TEST(NpyWriter, RowsMustFit) {
  const ScratchDirectory dir;
  NpyWriter writer(dir / "x.npy", 4);
  expect_error<ShapeError>([&] { writer.append(kMatrix); },
                           "NpyWriter: rows: expected [n, 4], got [2, 3]");
  expect_error<DTypeError>(
      [&] {
        writer.append(Tensor::zeros({1, 4}, DType::i32));
      },
      "NpyWriter: rows: expected f32, got i32");
  expect_error<ShapeError>([&] { NpyWriter(dir / "y", 0); },
                           "NpyWriter: columns: expected 1 or more, got 0");
}

// What comes out of the other end of a pipe while `write` runs.
template <class Write>
std::string through_pipe(Write&& write) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  std::string received;
  std::thread reader([&] {
    char bytes[4096];
    for (ssize_t n = 0; (n = read(ends[0], bytes, sizeof(bytes))) > 0;) {
      received.append(bytes, static_cast<size_t>(n));
    }
  });
  write(ends[1]);
  close(ends[1]);
  reader.join();
  close(ends[0]);
  return received;
}

TEST(NpyWriter, PipeGetsTheSameBytesAsAFile) {
  const ScratchDirectory dir;
  const Tensor rows = test::Random(5).tensor({1000, 300});  // more than a piece of the spool
  NpyWriter file(dir / "x.npy", 300);
  file.append(rows);
  file.finish();
  for (const std::optional<int64_t> num_rows :
       {std::optional<int64_t>(1000), std::optional<int64_t>()}) {
    const std::string received = through_pipe([&](int descriptor) {
      NpyWriter writer(descriptor, 300, num_rows);
      writer.append(rows.rows(0, 1));
      writer.append(rows.rows(1, 1000));
      writer.finish();
    });
    EXPECT_TRUE(received == content_of(dir / "x.npy")) << received.size() << " bytes";
  }
}

TEST(NpyWriter, AnotherNumberOfRowsThanAnnouncedIsAnError) {
  through_pipe([](int descriptor) {
    NpyWriter writer(descriptor, 3, 5);
    writer.append(kMatrix);
    expect_error<ShapeError>([&] { writer.finish(); }, "NpyWriter: rows: expected 5, got 2");
  });
}

TEST(NpyWriter, FullDeviceIsReported) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  expect_error<FileError>([&] { NpyWriter(full, 3, 2); },
                          "output: writing 128 bytes: No space left on device");
  close(full);
}

}  // namespace
}  // namespace nopad::io
