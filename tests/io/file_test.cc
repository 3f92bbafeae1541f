#include "nopad/io/file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <utility>

#include "expect_error.h"
#include "io/scratch_directory.h"
#include "nopad/core/error.h"
#include "random.h"

namespace nopad::io {
namespace {

using test::content_of;
using test::expect_error;
using test::ScratchDirectory;

std::string text_of(const Storage& storage) {
  return {reinterpret_cast<const char*>(storage.data()), storage.num_bytes()};
}

TEST(ReadFile, GivesTheWholeContent) {
  const ScratchDirectory dir;
  const std::string bytes("a\0b\n", 4);
  EXPECT_EQ(read_file(dir.write("x", bytes), 4), bytes);
  EXPECT_EQ(read_file(dir.write("empty", ""), 0), "");
}

TEST(ReadFile, FollowsALinkToARegularFile) {
  const ScratchDirectory dir;
  std::filesystem::create_symlink(dir.write("x", "abc"), dir / "link");
  EXPECT_EQ(read_file(dir / "link", 10), "abc");
}

TEST(ReadFile, LargerThanAllowedIsALimitError) {
  const ScratchDirectory dir;
  const auto file = dir.write("x", "12345");
  expect_error<LimitError>([&] { read_file(file, 4); },
                           file.string() + ": size: expected at most 4 bytes, got 5");
}

TEST(InputFile, MissingFileIsNamed) {
  const ScratchDirectory dir;
  expect_error<FileError>([&] { InputFile(dir / "no"); },
                          (dir / "no").string() + ": can't be opened: No such file or directory");
}

TEST(InputFile, DirectoryIsRefused) {
  const ScratchDirectory dir;
  expect_error<FileError>([&] { InputFile(dir.path()); },
                          dir.path().string() + ": expected a regular file, got a directory");
}

TEST(InputFile, PipeIsRefusedWithoutWaitingForAWriter) {
  const ScratchDirectory dir;
  ASSERT_EQ(mkfifo((dir / "pipe").c_str(), 0600), 0);
  expect_error<FileError>([&] { InputFile(dir / "pipe"); },
                          (dir / "pipe").string() + ": expected a regular file, got a pipe");
}

TEST(InputFile, EndlessDeviceIsRefused) {
  expect_error<FileError>([] { InputFile("/dev/zero"); },
                          "/dev/zero: expected a regular file, got a device");
}

TEST(InputFile, ReadsAndMapsAnyRange) {
  const ScratchDirectory dir;
  std::string bytes(3 * 4096 + 100, ' ');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i % 251);
  const InputFile file(dir.write("x", bytes));
  for (const auto& [begin, count] :
       {std::pair<size_t, size_t>{0, bytes.size()}, {1, 1}, {4095, 2}, {5000, 7000}, {12387, 1}}) {
    EXPECT_EQ(file.read(begin, count), bytes.substr(begin, count));
    EXPECT_EQ(text_of(file.map(begin, count)), bytes.substr(begin, count));
  }
  EXPECT_EQ(file.map(bytes.size(), 0).num_bytes(), 0u);
}

TEST(InputFile, MappingOutlivesTheFileObject) {
  const ScratchDirectory dir;
  Storage mapped;
  {
    const InputFile file(dir.write("x", "abcdef"));
    mapped = file.map(2, 3);
  }
  EXPECT_EQ(text_of(mapped), "cde");
  EXPECT_EQ(mapped.mutable_data(), nullptr);
}

TEST(InputFile, RangeOutsideTheFileIsRefused) {
  const ScratchDirectory dir;
  const InputFile file(dir.write("x", "abc"));
  const std::string where = file.path().string();
  expect_error<FileError>(
      [&] { file.read(2, 2); },
      where + ": read: expected a range within 3 bytes, got 2 bytes from byte 2");
  expect_error<FileError>(
      [&] { file.map(UINT64_MAX, 2); },
      where +
          ": read: expected a range within 3 bytes, got 2 bytes from byte 18446744073709551615");
}

TEST(InputFile, FileCutShortAfterOpeningIsAnError) {
  const ScratchDirectory dir;
  const auto path = dir.write("x", std::string(10000, 'a'));
  const InputFile file(path);
  std::filesystem::resize_file(path, 5000);
  const std::string message = path.string() + ": was cut short while being read";
  expect_error<FileError>([&] { file.read(0, 10000); }, message);
  expect_error<FileError>([&] { file.map(0, 10000); }, message);
}

TEST(InputFile, MovedFromFileLeavesTheOtherOpen) {
  const ScratchDirectory dir;
  InputFile first(dir.write("x", "abc"));
  InputFile second(std::move(first));
  EXPECT_EQ(second.read(0, 3), "abc");
  InputFile third(dir.write("y", "de"));
  third = std::move(second);
  EXPECT_EQ(third.read(0, 3), "abc");
}

TEST(OutputFile, CommittedFileIsThereAndNothingElse) {
  const ScratchDirectory dir;
  OutputFile file(dir / "x");
  file.write("head");
  file.write(" and tail");
  file.write_at(0, "HEAD");
  EXPECT_FALSE(std::filesystem::exists(dir / "x"));
  file.commit();
  EXPECT_EQ(content_of(dir / "x"), "HEAD and tail");
  EXPECT_EQ(dir.num_files(), 1u);
}

TEST(OutputFile, NotCommittedLeavesTheOldFile) {
  const ScratchDirectory dir;
  dir.write("x", "old");
  { OutputFile(dir / "x").write("new"); }
  EXPECT_EQ(content_of(dir / "x"), "old");
  EXPECT_EQ(dir.num_files(), 1u);
}

TEST(OutputFile, ReplacedFileKeepsItsPermissions) {
  const ScratchDirectory dir;
  const auto path = dir.write("x", "old");
  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  OutputFile file(path);
  file.write("new");
  file.commit();
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640u);
  EXPECT_EQ(content_of(path), "new");
}

TEST(OutputFile, LinkIsWrittenThrough) {
  const ScratchDirectory dir;
  std::filesystem::create_symlink(dir.write("x", "old"), dir / "link");
  OutputFile file(dir / "link");
  file.write("new");
  file.commit();
  EXPECT_TRUE(std::filesystem::is_symlink(dir / "link"));
  EXPECT_EQ(content_of(dir / "x"), "new");
}

TEST(OutputFile, TargetsThatAreNotFilesAreRefused) {
  const ScratchDirectory dir;
  expect_error<FileError>([] { OutputFile("/dev/null"); },
                          "/dev/null: expected a regular file or none, got a device");
  expect_error<FileError>(
      [&] { OutputFile(dir.path()); },
      dir.path().string() + ": expected a regular file or none, got a directory");
}

TEST(OutputFile, MissingFolderIsAnError) {
  const ScratchDirectory dir;
  expect_error<FileError>(
      [&] { OutputFile(dir / "no/x"); },
      (dir / "no/x").string() + ": can't be written: No such file or directory");
}

TEST(OutputFile, SecondWriterOfOneTargetIsRefused) {
  const ScratchDirectory dir;
  OutputFile first(dir / "x");
  expect_error<FileError>([&] { OutputFile(dir / "x"); },
                          (dir / "x").string() + ": another process is writing it");
  first.write("first");
  first.commit();
  EXPECT_EQ(content_of(dir / "x"), "first");
}

TEST(OutputFile, LeftoverOfAKilledProcessIsRemoved) {
  const ScratchDirectory dir;
  dir.write(".x.part", "half of something");
  OutputFile file(dir / "x");
  file.write("whole");
  file.commit();
  EXPECT_EQ(content_of(dir / "x"), "whole");
  EXPECT_EQ(dir.num_files(), 1u);
}

// Limits the size of the files that this process writes, as a full disk would.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t num_bytes) : handler_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{num_bytes, old_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_);
    signal(SIGXFSZ, handler_);
  }

 private:
  sighandler_t handler_;
  rlimit old_{};
};

// Every write of a file of 500 fails once.
TEST(OutputFile, AnyFailedWriteLeavesTheOldFileAndNoTemporary) {
  const ScratchDirectory dir;
  dir.write("x", "old");
  for (rlim_t written = 0; written < 500; ++written) {
    std::string message;
    {
      const FileSizeLimit limit(written);
      try {
        OutputFile file(dir / "x");
        for (int i = 0; i < 500; ++i) file.write("y");
        file.commit();
      } catch (const FileError& error) {
        message = error.what();
      }
    }
    ASSERT_EQ(message, concat((dir / "x").string(), ": writing 1 bytes at byte ", uint64_t{written},
                              ": File too large"));
    ASSERT_EQ(content_of(dir / "x"), "old");
    ASSERT_EQ(dir.num_files(), 1u);
  }
}

// The child saves one of two texts over and over; the parent kills it anywhere in that.
TEST(OutputFile, KilledWriterLeavesAWholeFile) {
  constexpr int kNumKills = 100;
  const ScratchDirectory dir;
  const std::string a(1 << 20, 'a');
  const std::string b(1 << 20, 'b');
  dir.write("x", a);
  test::Random random(1);
  for (int kill_number = 0; kill_number < kNumKills; ++kill_number) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (;;) {
        for (const std::string* const text : {&b, &a}) {
          OutputFile file(dir / "x");
          file.write(*text);
          file.commit();
        }
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random.integer(0, 20000)));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const std::string left = content_of(dir / "x");
    ASSERT_TRUE(left == a || left == b) << left.size() << " bytes";
  }
  { OutputFile(dir / "x").write("c"); }
  EXPECT_EQ(dir.num_files(), 1u);
}

}  // namespace
}  // namespace nopad::io
