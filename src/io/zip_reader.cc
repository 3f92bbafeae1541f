#include "io/zip_reader.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "io/json.h"
#include "nopad/core/error.h"

namespace nopad::io {
namespace {

constexpr uint64_t kMaxMembers = 100'000;
constexpr uint32_t kNotHere = 0xffffffff;  // a 32-bit field whose value is in the zip64 field
constexpr uint16_t kHasDescriptor = 1 << 3;
constexpr uint16_t kEncrypted = 1 << 0 | 1 << 6 | 1 << 13;

// The record sizes without their names and other parts of changing length.
constexpr size_t kEndBytes = 22;
constexpr size_t kLocatorBytes = 20;
constexpr size_t kEnd64Bytes = 56;
constexpr size_t kCentralBytes = 46;
constexpr size_t kLocalBytes = 30;

// A little-endian number at a place that is known to lie in the record.
template <class T>
T number_at(std::string_view record, size_t at) {
  T value;
  std::memcpy(&value, record.data() + at, sizeof(T));
  return value;
}

// What the end of the archive says about its directory.
struct DirectoryRange {
  uint64_t num_members;
  uint64_t num_bytes;
  uint64_t begin;
};

struct CentralEntry {
  std::string name;
  uint16_t flags;
  uint64_t num_bytes;
  uint64_t local_begin;
};

// The 64-bit values that an entry's zip64 field holds instead of its 32-bit ones, in their order.
class Zip64Field {
 public:
  Zip64Field(std::string_view extra, std::string_view where) : where_(where) {
    while (extra.size() >= 4) {
      const auto id = number_at<uint16_t>(extra, 0);
      const auto num_bytes = number_at<uint16_t>(extra, 2);
      if (num_bytes > extra.size() - 4) {
        fail<FormatError>(where_, ": extra field: expected at most ", extra.size() - 4,
                          " bytes, got ", num_bytes);
      }
      if (id == 1) values_ = extra.substr(4, num_bytes);
      extra.remove_prefix(4 + size_t{num_bytes});
    }
  }

  uint64_t resolve(uint32_t value) {
    if (value != kNotHere) return value;
    if (values_.size() < 8) {
      fail<FormatError>(where_, ": zip64 field: expected the value that a 32-bit field refers to");
    }
    const auto resolved = number_at<uint64_t>(values_, 0);
    values_.remove_prefix(8);
    return resolved;
  }

 private:
  std::string_view where_;
  std::string_view values_;
};

class ZipReader {
 public:
  ZipReader(std::string_view bytes, std::string_view where) : bytes_(bytes), where_(where) {}

  ZipMembers read() {
    const DirectoryRange directory = find_directory();
    std::string_view rest = bytes_.substr(directory.begin, directory.num_bytes);
    ZipMembers members;
    for (uint64_t i = 0; i < directory.num_members; ++i) {
      const CentralEntry entry = take_entry(rest);
      const ZipMember member = locate(entry, directory.begin);
      if (entry.name.ends_with('/') && member.num_bytes == 0) continue;
      if (!members.try_emplace(entry.name, member).second) {
        fail<FormatError>(where_of(entry.name), ": expected one member of that name, got two");
      }
    }
    if (!rest.empty()) {
      fail<FormatError>(where_, ": directory: expected ", directory.num_members, " members, got ",
                        rest.size(), " more bytes");
    }
    expect_disjoint();
    return members;
  }

 private:
  std::string where_of(std::string_view name) const {
    return concat(where_, ": member ", quote(name));
  }

  // The record of a known signature and size that begins at `begin`.
  std::string_view record_at(uint64_t begin, size_t num_bytes, std::string_view signature,
                             std::string_view name) const {
    if (begin > bytes_.size() || num_bytes > bytes_.size() - begin ||
        !bytes_.substr(begin).starts_with(signature)) {
      fail<FormatError>(where_, ": ", name, ": expected one at byte ", begin, ", got none");
    }
    return bytes_.substr(begin, num_bytes);
  }

  // The end record is the last one whose comment reaches exactly to the end of the file.
  size_t find_end() const {
    constexpr size_t kMaxCommentBytes = 0xffff;
    for (size_t comment = 0; comment <= kMaxCommentBytes; ++comment) {
      if (comment + kEndBytes > bytes_.size()) break;
      const size_t begin = bytes_.size() - kEndBytes - comment;
      const std::string_view record = bytes_.substr(begin);
      if (record.starts_with("PK\5\6") && number_at<uint16_t>(record, 20) == comment) return begin;
    }
    fail<FormatError>(where_, ": expected the end of a zip archive, got none (cut short?)");
  }

  DirectoryRange find_directory() const {
    const size_t end = find_end();
    const std::string_view record = bytes_.substr(end, kEndBytes);
    DirectoryRange directory{number_at<uint16_t>(record, 10), number_at<uint32_t>(record, 12),
                             number_at<uint32_t>(record, 16)};
    bool one_disk = number_at<uint16_t>(record, 4) == 0 && number_at<uint16_t>(record, 6) == 0 &&
                    number_at<uint16_t>(record, 8) == directory.num_members;
    uint64_t directory_end = end;
    if (end >= kLocatorBytes && bytes_.substr(end - kLocatorBytes).starts_with("PK\6\7")) {
      const std::string_view locator = bytes_.substr(end - kLocatorBytes);
      directory_end = number_at<uint64_t>(locator, 8);
      const std::string_view end64 =
          record_at(directory_end, kEnd64Bytes, "PK\6\6", "zip64 end record");
      one_disk = number_at<uint32_t>(end64, 16) == 0 && number_at<uint32_t>(end64, 20) == 0;
      const DirectoryRange wide{number_at<uint64_t>(end64, 32), number_at<uint64_t>(end64, 40),
                                number_at<uint64_t>(end64, 48)};
      expect_same_directory(directory, wide);
      directory = wide;
    }
    if (!one_disk) fail<FormatError>(where_, ": expected an archive of one part, got several");
    expect_directory(directory, directory_end);
    return directory;
  }

  // Two programs that read the same archive must not see different directories.
  void expect_same_directory(const DirectoryRange& narrow, const DirectoryRange& wide) const {
    const bool same = (narrow.num_members == 0xffff || narrow.num_members == wide.num_members) &&
                      (narrow.num_bytes == kNotHere || narrow.num_bytes == wide.num_bytes) &&
                      (narrow.begin == kNotHere || narrow.begin == wide.begin);
    if (!same) {
      fail<FormatError>(where_, ": zip64 end record: expected the end record's directory (",
                        narrow.num_members, " members), got another (", wide.num_members,
                        " members)");
    }
  }

  void expect_directory(const DirectoryRange& directory, uint64_t end) const {
    if (directory.num_members > kMaxMembers) {
      fail<LimitError>(where_, ": members: expected at most ", kMaxMembers, ", got ",
                       directory.num_members);
    }
    if (directory.begin > end || directory.num_bytes != end - directory.begin) {
      fail<FormatError>(where_, ": directory: expected to end at byte ", end, ", got ",
                        directory.num_bytes, " bytes from ", directory.begin);
    }
  }

  CentralEntry take_entry(std::string_view& rest) const {
    if (rest.size() < kCentralBytes || !rest.starts_with("PK\1\2")) {
      fail<FormatError>(where_, ": directory: expected another member, got ", rest.size(),
                        " bytes that are none");
    }
    const size_t name_bytes = number_at<uint16_t>(rest, 28);
    const size_t extra_bytes = number_at<uint16_t>(rest, 30);
    const size_t num_bytes =
        kCentralBytes + name_bytes + extra_bytes + number_at<uint16_t>(rest, 32);
    if (num_bytes > rest.size()) {
      fail<FormatError>(where_, ": directory: expected a member of ", num_bytes, " bytes, got ",
                        rest.size());
    }
    const std::string_view record = rest.substr(0, num_bytes);
    rest.remove_prefix(num_bytes);
    CentralEntry entry{std::string(record.substr(kCentralBytes, name_bytes)),
                       number_at<uint16_t>(record, 8), 0, 0};
    const std::string where = where_of(entry.name);
    expect_plain_name(entry.name, where);
    expect_plain_file(record, where);
    Zip64Field wide(record.substr(kCentralBytes + name_bytes, extra_bytes), where);
    entry.num_bytes = wide.resolve(number_at<uint32_t>(record, 24));
    const uint64_t stored_bytes = wide.resolve(number_at<uint32_t>(record, 20));
    entry.local_begin = wide.resolve(number_at<uint32_t>(record, 42));
    if (stored_bytes != entry.num_bytes) {
      fail<FormatError>(where, ": size: expected the ", stored_bytes, " bytes stored, got ",
                        entry.num_bytes);
    }
    return entry;
  }

  static void expect_plain_name(std::string_view name, std::string_view where) {
    bool plain = !name.empty() && !name.starts_with('/') && name.find('\\') == name.npos &&
                 name.find('\0') == name.npos;
    for (size_t begin = 0; plain && begin <= name.size();) {
      const size_t end = std::min(name.find('/', begin), name.size());
      plain = name.substr(begin, end - begin) != "..";
      begin = end + 1;
    }
    if (!plain) fail<FormatError>(where, ": name: expected a path within the archive");
  }

  static void expect_plain_file(std::string_view record, std::string_view where) {
    constexpr uint32_t kTypeMask = 0170000, kLink = 0120000;  // of a Unix file's mode
    const auto method = number_at<uint16_t>(record, 10);
    if ((number_at<uint16_t>(record, 8) & kEncrypted) != 0) {
      fail<FormatError>(where, ": expected plain bytes, got encrypted ones");
    }
    if (method != 0) {
      fail<FormatError>(where, ": expected stored bytes, got compression method ", method);
    }
    if ((number_at<uint32_t>(record, 38) >> 16 & kTypeMask) == kLink) {
      fail<FormatError>(where, ": expected a file, got a link");
    }
  }

  // The member's bytes, behind its local header, which must say what the directory says.
  ZipMember locate(const CentralEntry& entry, uint64_t directory_begin) {
    const std::string where = where_of(entry.name);
    const std::string_view local =
        record_at(entry.local_begin, kLocalBytes, "PK\3\4", concat("header of ", entry.name));
    const size_t name_bytes = number_at<uint16_t>(local, 26);
    const size_t extra_bytes = number_at<uint16_t>(local, 28);
    const uint64_t begin = entry.local_begin + kLocalBytes + name_bytes + extra_bytes;
    if (begin > directory_begin || entry.num_bytes > directory_begin - begin) {
      fail<FormatError>(where, ": expected to end before the directory at byte ", directory_begin,
                        ", got ", entry.num_bytes, " bytes from ", begin);
    }
    const std::string_view variable =
        bytes_.substr(entry.local_begin + kLocalBytes, name_bytes + extra_bytes);
    if (variable.substr(0, name_bytes) != entry.name ||
        number_at<uint16_t>(local, 6) != entry.flags || number_at<uint16_t>(local, 8) != 0) {
      fail<FormatError>(where, ": expected the directory's name, flags and method in its header");
    }
    expect_local_size(local, Zip64Field(variable.substr(name_bytes), where), entry, where);
    ranges_.push_back({{entry.local_begin, begin + entry.num_bytes}, entry.name});
    return {begin, entry.num_bytes};
  }

  // A writer that streams puts the sizes behind the bytes and zeros in front.
  static void expect_local_size(std::string_view local, Zip64Field wide, const CentralEntry& entry,
                                std::string_view where) {
    const auto size = number_at<uint32_t>(local, 22);
    const auto stored = number_at<uint32_t>(local, 18);
    if ((entry.flags & kHasDescriptor) != 0 && size == 0 && stored == 0) return;
    const uint64_t wide_size = wide.resolve(size);
    const uint64_t wide_stored = wide.resolve(stored);
    const bool streamed = (entry.flags & kHasDescriptor) != 0 && wide_size == 0 && wide_stored == 0;
    if (!streamed && (wide_size != entry.num_bytes || wide_stored != entry.num_bytes)) {
      fail<FormatError>(where, ": size: expected the directory's ", entry.num_bytes,
                        " bytes in its header, got ", wide_size);
    }
  }

  void expect_disjoint() {
    std::ranges::sort(ranges_);
    for (size_t i = 1; i < ranges_.size(); ++i) {
      const auto& [previous, previous_name] = ranges_[i - 1];
      const auto& [range, name] = ranges_[i];
      if (range.first < previous.second) {
        fail<FormatError>(where_of(name), ": expected to begin from byte ", previous.second,
                          " on, behind ", quote(previous_name), ", got ", range.first);
      }
    }
  }

  std::string_view bytes_;
  std::string_view where_;
  std::vector<std::pair<std::pair<uint64_t, uint64_t>, std::string>> ranges_;  // headers included
};

}  // namespace

ZipMembers read_zip_members(std::string_view bytes, std::string_view where) {
  return ZipReader(bytes, where).read();
}

}  // namespace nopad::io
