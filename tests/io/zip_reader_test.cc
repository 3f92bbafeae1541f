#include "io/zip_reader.h"

#include <gtest/gtest.h>

#include <ostream>

#include "expect_error.h"
#include "io/raw_zip.h"
#include "nopad/core/error.h"

namespace nopad::io {
namespace {

using test::expect_error;
using test::raw_zip;
using test::RawMember;
using test::RawZip;
using test::u16;
using test::u64;

// The contents by name, as "name=content;...".
std::string contents(const std::string& bytes) {
  std::string out;
  for (const auto& [name, member] : read_zip_members(bytes, "Z")) {
    out += concat(name, "=", bytes.substr(member.begin, member.num_bytes), ";");
  }
  return out;
}

const std::vector<RawMember> kTwo = {{.name = "m/a", .content = "hello"},
                                     {.name = "m/b", .content = ""}};

TEST(ZipReader, FindsStoredMembers) { EXPECT_EQ(contents(raw_zip(kTwo)), "m/a=hello;m/b=;"); }

TEST(ZipReader, EmptyArchiveHasNoMembers) { EXPECT_EQ(contents(raw_zip({})), ""); }

TEST(ZipReader, FoldersAreLeftOut) {
  EXPECT_EQ(contents(raw_zip({{.name = "m/"}, {.name = "m/a", .content = "x"}})), "m/a=x;");
}

TEST(ZipReader, CommentMayFollowEvenOneThatLooksLikeAnEnd) {
  const RawZip zip(kTwo);
  const std::string comment = "PK\5\6 and more";
  EXPECT_EQ(contents(zip.members + zip.directory +
                     test::end_record(2, zip.directory.size(), zip.members.size(), comment)),
            "m/a=hello;m/b=;");
}

TEST(ZipReader, SizesMayStandInADataDescriptor) {
  EXPECT_EQ(contents(raw_zip({{.name = "a", .content = "hello", .flags = 8, .local_size = 0}})),
            "a=hello;");
}

TEST(ZipReader, Zip64RecordsAndFieldsAreRead) {
  EXPECT_EQ(contents(RawZip(kTwo).bytes_64(2)), "m/a=hello;m/b=;");
  const std::string field =
      u16(0x7777) + u16(1) + "?" + u16(1) + u16(24) + u64(5) + u64(5) + u64(0);
  EXPECT_EQ(contents(raw_zip({{.name = "a",
                               .content = "hello",
                               .size = 0xffffffff,
                               .stored_size = 0xffffffff,
                               .local_begin = 0xffffffff,
                               .extra = field}})),
            "a=hello;");
}

TEST(ZipReader, MoreThan100000MembersAreALimitError) {
  expect_error<LimitError>([] { read_zip_members(RawZip({}).bytes_64(100'001), "Z"); },
                           "Z: members: expected at most 100000, got 100001");
}

struct Case {
  std::string name;
  std::string bytes;
  std::string message;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::vector<Case> cases() {
  const std::string none = "Z: expected the end of a zip archive, got none (cut short?)";
  const std::string contradiction =
      R"(Z: member "a": expected the directory's name, flags and method in its header)";
  const auto one = [](RawMember member) { return raw_zip({std::move(member)}); };
  const auto escape = [&](const std::string& name) {
    return Case{"Name" + name, one({.name = name}),
                concat("Z: member \"", name, "\": name: expected a path within the archive")};
  };
  const RawZip two(kTwo);
  const size_t begin = two.members.size();
  const size_t num_bytes = two.directory.size();
  const auto with_end = [&](const std::string& end) { return two.members + two.directory + end; };
  std::string several = raw_zip(kTwo);
  several[several.size() - 18] = 1;
  std::string wrong_place = two.bytes_64(2);
  wrong_place[wrong_place.size() - 22 - 12] = 0;
  return {
      {"Empty", "", none},
      {"Text", "PK\3\4 but no archive", none},
      {"CutBehindTheEnd", raw_zip(kTwo).substr(0, raw_zip(kTwo).size() - 1), none},
      {"TrailingBytes", raw_zip(kTwo) + "x", none},
      escape("../x"),
      escape("a/../x"),
      escape("a/.."),
      escape("/etc/x"),
      {"NameWithABackslash", one({.name = "a\\x"}),
       R"(Z: member "a\\x": name: expected a path within the archive)"},
      {"NameWithANul", one({.name = std::string("a\0x", 3)}),
       R"(Z: member "a\u0000x": name: expected a path within the archive)"},
      {"NameOfNothing", one({.name = ""}),
       R"(Z: member "": name: expected a path within the archive)"},
      {"Link", one({.name = "a", .content = "/etc", .mode = 0120777}),
       R"(Z: member "a": expected a file, got a link)"},
      {"Encrypted", one({.name = "a", .flags = 1}),
       R"(Z: member "a": expected plain bytes, got encrypted ones)"},
      {"Compressed", one({.name = "a", .method = 8}),
       R"(Z: member "a": expected stored bytes, got compression method 8)"},
      {"NameTwice", raw_zip({{.name = "a"}, {.name = "a"}}),
       R"(Z: member "a": expected one member of that name, got two)"},
      {"DeclaredLargerThanStored", one({.name = "a", .size = 4096, .stored_size = 1024}),
       R"(Z: member "a": size: expected the 1024 bytes stored, got 4096)"},
      {"DeclaredLargerThanTheFile",
       one({.name = "a", .content = "xyz", .size = 0xfffffff0, .local_size = 0xfffffff0}),
       R"(Z: member "a": expected to end before the directory at byte 34, got 4294967280 bytes )"
       "from 31"},
      {"LocalSizeDiffers", one({.name = "a", .content = "xyz", .local_size = 2}),
       R"(Z: member "a": size: expected the directory's 3 bytes in its header, got 2)"},
      {"LocalSizeIsZeroWithoutADescriptor", one({.name = "a", .content = "xyz", .local_size = 0}),
       R"(Z: member "a": size: expected the directory's 3 bytes in its header, got 0)"},
      {"LocalNameDiffers", one({.name = "a", .local_name = "b"}), contradiction},
      {"LocalNameIsLonger", one({.name = "a", .local_name = "ab"}), contradiction},
      {"LocalHeaderElsewhere", one({.name = "a", .local_begin = 1}),
       "Z: header of a: expected one at byte 1, got none"},
      {"LocalHeaderBeyondTheFile", one({.name = "a", .local_begin = 0xfffffffe}),
       "Z: header of a: expected one at byte 4294967294, got none"},
      {"Overlap",
       raw_zip(
           {{.name = "a", .content = test::local_header({.name = "b", .content = "xyz"}) + "xyz"},
            {.name = "b", .content = "xyz", .local_begin = 31}}),
       R"(Z: member "b": expected to begin from byte 65 on, behind "a", got 31)"},
      {"Zip64FieldIsMissing", one({.name = "a", .size = 0xffffffff, .stored_size = 0xffffffff}),
       R"(Z: member "a": zip64 field: expected the value that a 32-bit field refers to)"},
      {"Zip64FieldIsTooShort",
       one({.name = "a", .size = 0xffffffff, .extra = u16(1) + u16(4) + "xxxx"}),
       R"(Z: member "a": zip64 field: expected the value that a 32-bit field refers to)"},
      {"Zip64SizeWraps",
       one({.name = "a",
            .content = "xyz",
            .size = 0xffffffff,
            .stored_size = 0xffffffff,
            .extra = u16(1) + u16(16) + u64(UINT64_MAX) + u64(UINT64_MAX)}),
       R"(Z: member "a": expected to end before the directory at byte 34, got )"
       "18446744073709551615 bytes from 31"},
      {"ExtraFieldIsCut", one({.name = "a", .extra = u16(1) + u16(9) + "xx"}),
       R"(Z: member "a": extra field: expected at most 2 bytes, got 9)"},
      {"Zip64CountDiffers",
       two.members + two.directory + two.bytes_64(3).substr(begin + num_bytes, 56 + 20) +
           test::end_record(2, num_bytes, begin),
       "Z: zip64 end record: expected the end record's directory (2 members), got another (3 "
       "members)"},
      {"Zip64CountIsTooLarge", two.bytes_64(3),
       "Z: directory: expected another member, got 0 bytes that are none"},
      {"Zip64CountIsTooSmall", two.bytes_64(1),
       concat("Z: directory: expected 1 members, got ", num_bytes / 2, " more bytes")},
      {"Zip64EndIsElsewhere", wrong_place, "Z: zip64 end record: expected one at byte 0, got none"},
      {"DirectoryBeyondItsEnd", with_end(test::end_record(2, num_bytes, begin + 1)),
       concat("Z: directory: expected to end at byte ", begin + num_bytes, ", got ", num_bytes,
              " bytes from ", begin + 1)},
      {"DirectoryOf4GiB", with_end(test::end_record(2, 0xfffffffe, 0)),
       concat("Z: directory: expected to end at byte ", begin + num_bytes,
              ", got 4294967294 bytes from 0")},
      {"SeveralDisks", several, "Z: expected an archive of one part, got several"},
  };
}

class HostileZip : public testing::TestWithParam<Case> {};

TEST_P(HostileZip, IsRefused) {
  expect_error<FormatError>([&] { read_zip_members(GetParam().bytes, "Z"); }, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(Files, HostileZip, testing::ValuesIn(cases()));

}  // namespace
}  // namespace nopad::io
