// confined_path: a path that a file names, which must not lead out of the file's own directory.
#pragma once

#include <filesystem>
#include <string_view>

namespace nopad::io {

// directory / name, once it is known to exist and, with all links followed, to lie in the
// directory. A Hugging Face cache is the one exception: a directory DIR/snapshots/REVISION may link
// to DIR/blobs. name : relative, with "/" between its parts; "" is the directory itself Throws
// FormatError naming `where`: absolute, "..", or out of the directory; FileError: no such file.
std::filesystem::path confined_path(const std::filesystem::path& directory, std::string_view name,
                                    std::string_view where);

}  // namespace nopad::io
