#include "io/confined_path.h"

#include <algorithm>
#include <system_error>

#include "io/json.h"
#include "nopad/core/error.h"

namespace nopad::io {
namespace {

namespace fs = std::filesystem;

bool lies_in(const fs::path& file, const fs::path& directory) {
  return std::ranges::mismatch(directory, file).in1 == directory.end();
}

fs::path canonical_path(const fs::path& path) {
  std::error_code error;
  fs::path canonical = fs::canonical(path, error);
  if (error) fail<FileError>(path.string(), ": can't be opened: ", error.message());
  return canonical;
}

}  // namespace

fs::path confined_path(const fs::path& directory, std::string_view name, std::string_view where) {
  const fs::path relative(name);
  const bool plain = relative.is_relative() && name.find('\0') == name.npos &&
                     name.find('\\') == name.npos && std::ranges::count(relative, "..") == 0;
  if (!plain) {
    fail<FormatError>(where, ": expected a path within the directory, got ", quote(name));
  }
  fs::path path = name.empty() ? directory : directory / relative;
  const fs::path root = canonical_path(directory);
  const fs::path target = canonical_path(path);
  const fs::path cache = root.parent_path();
  const bool in_cache =
      cache.filename() == "snapshots" && lies_in(target, cache.parent_path() / "blobs");
  if (!lies_in(target, root) && !in_cache) {
    fail<FormatError>(
        where, ": expected a path within the directory, got a link out of it: ", quote(name));
  }
  return path;
}

}  // namespace nopad::io
