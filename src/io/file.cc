#include "nopad/io/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "nopad/core/error.h"

namespace nopad::io {
namespace {

// The reason of the system call that failed last.
std::string system_reason() { return std::system_category().message(errno); }

template <class Call>
auto retry_interrupted(Call&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return S_ISSOCK(mode) ? "a socket" : "something else";
}

bool is_open_as(int descriptor, const std::filesystem::path& path) {
  struct stat open_file {
  }, named{};
  return fstat(descriptor, &open_file) == 0 && lstat(path.c_str(), &named) == 0 &&
         open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

bool try_lock(int descriptor) {
  return retry_interrupted([&] { return flock(descriptor, LOCK_EX | LOCK_NB); }) == 0;
}

// A link is written through, as by any other program; what is not a regular file can't be replaced.
std::filesystem::path resolve_target(const std::filesystem::path& target) {
  std::error_code ignored;
  const bool is_link = std::filesystem::is_symlink(target, ignored);
  auto resolved = is_link ? std::filesystem::weakly_canonical(target, ignored) : target;
  struct stat status {};
  if (stat(resolved.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    fail<FileError>(target.string(), ": expected a regular file or none, got ",
                    kind_of(status.st_mode));
  }
  return resolved;
}

// Removes what a killed process left. A live writer holds the lock on its temporary.
void remove_leftover(const std::filesystem::path& temporary, const std::filesystem::path& target) {
  const int descriptor =
      open(temporary.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  const bool held = descriptor >= 0 && !try_lock(descriptor);
  if (!held) unlink(temporary.c_str());
  if (descriptor >= 0) close(descriptor);
  if (held) fail<FileError>(target.string(), ": another process is writing it");
}

int open_temporary(const std::filesystem::path& temporary, const std::filesystem::path& target) {
  constexpr int kAttempts = 10;  // each lost to another writer of the same file
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const int descriptor =
        open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor >= 0) {
      if (try_lock(descriptor) && is_open_as(descriptor, temporary)) return descriptor;
      close(descriptor);
    } else if (errno != EEXIST) {
      fail<FileError>(target.string(), ": can't be written: ", system_reason());
    } else {
      remove_leftover(temporary, target);
    }
  }
  fail<FileError>(target.string(), ": another process is writing it");
}

// The rename is on disk once its folder is.
void sync_folder(const std::filesystem::path& file) {
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // a folder that can be written but not read; its rename is done
  fsync(descriptor);
  close(descriptor);
}

}  // namespace

std::string read_file(const std::filesystem::path& path, uint64_t max_bytes) {
  const InputFile file(path);
  if (file.num_bytes() > max_bytes) {
    fail<LimitError>(path.string(), ": size: expected at most ", max_bytes, " bytes, got ",
                     file.num_bytes());
  }
  return file.read(0, static_cast<size_t>(file.num_bytes()));
}

InputFile::InputFile(const std::filesystem::path& path) : path_(path) {
  // Without O_NONBLOCK, opening a pipe would wait for its writer.
  descriptor_ = retry_interrupted(
      [&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); });
  if (descriptor_ < 0) fail<FileError>(path.string(), ": can't be opened: ", system_reason());
  struct stat status {};
  const bool known = fstat(descriptor_, &status) == 0;
  if (!known || !S_ISREG(status.st_mode)) {
    close(descriptor_);
    fail<FileError>(path.string(), ": expected a regular file, got ", kind_of(status.st_mode));
  }
  num_bytes_ = static_cast<uint64_t>(status.st_size);
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      num_bytes_(other.num_bytes_) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(num_bytes_, other.num_bytes_);
  return *this;
}

void InputFile::expect_range(uint64_t begin, size_t num_bytes) const {
  if (begin > num_bytes_ || num_bytes > num_bytes_ - begin) {
    fail<FileError>(path_.string(), ": read: expected a range within ", num_bytes_, " bytes, got ",
                    num_bytes, " bytes from byte ", begin);
  }
}

std::string InputFile::read(uint64_t begin, size_t num_bytes) const {
  expect_range(begin, num_bytes);
  std::string bytes(num_bytes, '\0');
  read_into(begin, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

void InputFile::read_into(uint64_t begin, std::span<std::byte> out) const {
  expect_range(begin, out.size());
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t count = retry_interrupted([&] {
      return pread(descriptor_, out.data() + done, out.size() - done,
                   static_cast<off_t>(begin + done));
    });
    if (count < 0) fail<FileError>(path_.string(), ": can't be read: ", system_reason());
    if (count == 0) fail<FileError>(path_.string(), ": was cut short while being read");
    done += static_cast<size_t>(count);
  }
}

Storage InputFile::map(uint64_t begin, size_t num_bytes) const {
  expect_range(begin, num_bytes);
  if (num_bytes == 0) return Storage::allocate(0);
  struct stat status {};
  if (fstat(descriptor_, &status) != 0 || static_cast<uint64_t>(status.st_size) < num_bytes_) {
    fail<FileError>(path_.string(), ": was cut short while being read");
  }
  const auto page_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const uint64_t page_begin = begin / page_bytes * page_bytes;
  const auto lead = static_cast<size_t>(begin - page_begin);
  const size_t mapped_bytes = lead + num_bytes;
  void* const pages = mmap(nullptr, mapped_bytes, PROT_READ, MAP_PRIVATE, descriptor_,
                           static_cast<off_t>(page_begin));
  if (pages == MAP_FAILED) fail<FileError>(path_.string(), ": can't be mapped: ", system_reason());
  std::shared_ptr<const void> owner(pages, [mapped_bytes](const void* mapped) {
    munmap(const_cast<void*>(mapped), mapped_bytes);
  });
  return Storage::borrow(std::move(owner), static_cast<const std::byte*>(pages) + lead, num_bytes);
}

OutputFile::OutputFile(const std::filesystem::path& target) : target_(resolve_target(target)) {
  temporary_ = target_.parent_path() / ("." + target_.filename().string() + ".part");
  descriptor_ = open_temporary(temporary_, target_);
}

OutputFile::~OutputFile() { discard(); }

void OutputFile::discard() noexcept {
  if (descriptor_ < 0) return;
  unlink(temporary_.c_str());
  close(std::exchange(descriptor_, -1));
}

void OutputFile::write(std::string_view bytes) { write_at(num_bytes_, bytes); }

void OutputFile::write_at(uint64_t offset, std::string_view bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = retry_interrupted([&] {
      return pwrite(descriptor_, bytes.data() + done, bytes.size() - done,
                    static_cast<off_t>(offset + done));
    });
    if (count < 0) {
      fail<FileError>(target_.string(), ": writing ", bytes.size(), " bytes at byte ", offset, ": ",
                      system_reason());
    }
    done += static_cast<size_t>(count);
  }
  num_bytes_ = std::max(num_bytes_, offset + bytes.size());
}

void OutputFile::commit() {
  // The new file keeps the old one's permissions.
  struct stat old {};
  const bool replaces = stat(target_.c_str(), &old) == 0;
  const bool done = (!replaces || fchmod(descriptor_, old.st_mode & 07777) == 0) &&
                    retry_interrupted([&] { return fsync(descriptor_); }) == 0 &&
                    rename(temporary_.c_str(), target_.c_str()) == 0;
  if (!done) {
    const std::string reason = system_reason();
    discard();
    fail<FileError>(target_.string(), ": can't be completed: ", reason);
  }
  close(std::exchange(descriptor_, -1));
  sync_folder(target_);
}

}  // namespace nopad::io
