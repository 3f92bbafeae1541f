// The members of a zip archive that are stored as they are, found without trusting the archive.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace nopad::io {

// Where a member's bytes lie in the file.
struct ZipMember {
  uint64_t begin = 0;
  uint64_t num_bytes = 0;
};
using ZipMembers = std::map<std::string, ZipMember, std::less<>>;

// The files in the archive `bytes`, by name; its folders are left out. zip64 and data descriptors
// are understood. Checksums are not looked at: torch can be told to write none.
// where  : what messages call the archive
// Throws FormatError: cut short, members that lie outside or overlap, a name twice, a name that
//          leads out of a folder, a link, a compressed or encrypted member, a local header that
//          contradicts the directory, more than one disk; LimitError: more than 100,000 members.
// Source : APPNOTE.TXT 6.3.10
ZipMembers read_zip_members(std::string_view bytes, std::string_view where);

}  // namespace nopad::io
