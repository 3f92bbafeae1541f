// raw_zip: a zip archive of any members, right or wrong.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nopad::test {

// What is absent is as it should be.
struct RawMember {
  std::string name;
  std::string content = {};
  uint16_t flags = 0;
  uint16_t method = 0;
  uint32_t mode = 0;  // of a Unix file
  std::optional<uint32_t> size = {};
  std::optional<uint32_t> stored_size = {};
  std::optional<uint32_t> local_size = {};  // both sizes in the local header
  std::optional<uint32_t> local_begin = {};
  std::optional<std::string> local_name = {};
  std::string extra = {};  // in the directory only
};

template <class T>
std::string little_endian(T number) {
  std::string out(sizeof(T), '\0');
  std::memcpy(out.data(), &number, sizeof(T));
  return out;
}

inline std::string u16(size_t number) { return little_endian(static_cast<uint16_t>(number)); }
inline std::string u32(size_t number) { return little_endian(static_cast<uint32_t>(number)); }
inline std::string u64(uint64_t number) { return little_endian(number); }

inline std::string local_header(const RawMember& member) {
  const std::string& name = member.local_name.value_or(member.name);
  const size_t size = member.local_size.value_or(static_cast<uint32_t>(member.content.size()));
  return "PK\3\4" + u16(20) + u16(member.flags) + u16(member.method) + u32(0) + u32(0) + u32(size) +
         u32(size) + u16(name.size()) + u16(0) + name;
}

inline std::string central_header(const RawMember& member, size_t begin) {
  const size_t size = member.size.value_or(static_cast<uint32_t>(member.content.size()));
  return "PK\1\2" + u16(0x031e) + u16(20) + u16(member.flags) + u16(member.method) + u32(0) +
         u32(0) + u32(member.stored_size.value_or(static_cast<uint32_t>(size))) + u32(size) +
         u16(member.name.size()) + u16(member.extra.size()) + u16(0) + u16(0) + u16(0) +
         u32(size_t{member.mode} << 16) +
         u32(member.local_begin.value_or(static_cast<uint32_t>(begin))) + member.name +
         member.extra;
}

inline std::string end_record(size_t num_members, size_t num_bytes, size_t begin,
                              std::string_view comment = {}) {
  return "PK\5\6" + u16(0) + u16(0) + u16(num_members) + u16(num_members) + u32(num_bytes) +
         u32(begin) + u16(comment.size()) + std::string(comment);
}

// The parts of an archive, to be put together or changed before that.
struct RawZip {
  std::string members;
  std::string directory;
  size_t num_members = 0;

  explicit RawZip(const std::vector<RawMember>& list) : num_members(list.size()) {
    for (const RawMember& member : list) {
      directory += central_header(member, members.size());
      members += local_header(member) + member.content;
    }
  }
  std::string bytes() const {
    return members + directory + end_record(num_members, directory.size(), members.size());
  }
  // With the 64-bit records, which say `num_members_64`.
  std::string bytes_64(uint64_t num_members_64) const {
    const size_t end = members.size() + directory.size();
    return members + directory + "PK\6\6" + u64(44) + u16(45) + u16(45) + u32(0) + u32(0) +
           u64(num_members_64) + u64(num_members_64) + u64(directory.size()) + u64(members.size()) +
           "PK\6\7" + u32(0) + u64(end) + u32(1) + end_record(0xffff, 0xffffffff, 0xffffffff);
  }
};

inline std::string raw_zip(const std::vector<RawMember>& members) {
  return RawZip(members).bytes();
}

}  // namespace nopad::test
