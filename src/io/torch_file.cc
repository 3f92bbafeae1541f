#include "nopad/io/torch_file.h"

#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

#include "io/json.h"
#include "io/pickle.h"
#include "io/stored_values.h"
#include "io/torch_tensors.h"
#include "io/zip_reader.h"
#include "nopad/core/error.h"

namespace nopad::io {
namespace {

static_assert(std::endian::native == std::endian::little, "both formats are read as they lie");

using Entry = TorchFile::Entry;
using Entries = std::map<std::string, Entry, std::less<>>;
// Where each storage begins in the file, by its key.
using StorageBegins = std::map<std::string, uint64_t, std::less<>>;

constexpr std::string_view kPickleName = "data.pkl";

Entries locate(const TorchTensors& tensors, const StorageBegins& begins) {
  Entries entries;
  for (const auto& [name, tensor] : tensors) {
    entries.emplace(name,
                    Entry{std::string(tensor.type->stored_name), tensor.shape, tensor.strides,
                          tensor.type->num_bytes, begins.at(tensor.storage) + tensor.offset_bytes});
  }
  return entries;
}

// The folder that everything in the archive lies in, with its slash: that of data.pkl.
std::string find_folder(const ZipMembers& members, std::string_view where) {
  std::optional<std::string> folder;
  for (const auto& [name, member] : members) {
    const size_t slash = name.find('/');
    if (slash == name.npos || std::string_view(name).substr(slash + 1) != kPickleName) continue;
    if (folder) fail<FormatError>(where, ": expected one data.pkl in a folder, got two");
    folder = name.substr(0, slash + 1);
  }
  if (!folder) fail<FormatError>(where, ": expected a data.pkl in a folder, got none");
  return *std::move(folder);
}

Entries read_archive(std::string_view bytes, const std::string& where) {
  const ZipMembers members = read_zip_members(bytes, where);
  const std::string folder = find_folder(members, where);
  const auto content = [&](const ZipMember& member) {
    return bytes.substr(member.begin, member.num_bytes);
  };
  if (members.contains(folder + "constants.pkl")) {
    fail<FormatError>(where, ": expected a state dict, got a TorchScript archive");
  }
  const auto order = members.find(folder + "byteorder");
  if (order != members.end() && content(order->second) != "little") {
    fail<FormatError>(where, ": byteorder: expected little, got ", quote(content(order->second)));
  }
  const std::string where_pickle = concat(where, ": ", kPickleName);
  const Pickle pickle(content(members.find(folder + std::string(kPickleName))->second),
                      where_pickle, torch_globals());
  const TorchStorages storages = read_torch_storages(pickle, where_pickle);
  StorageBegins begins;
  for (const auto& [key, storage] : storages) {
    const auto member = members.find(concat(folder, "data/", key));
    if (member == members.end() || member->second.num_bytes != storage.num_bytes()) {
      fail<FormatError>(
          where, ": storage ", quote(key), ": expected ", storage.num_bytes(), " bytes, got ",
          member == members.end() ? "none" : std::to_string(member->second.num_bytes));
    }
    begins[key] = member->second.begin;
  }
  return locate(read_torch_tensors(pickle, storages, where_pickle), begins);
}

// The file of before 1.6: pickles of a magic number, a version, the system, the object and the
// storages' keys, then each storage behind its number of elements.
class LegacyReader {
 public:
  LegacyReader(std::string_view bytes, std::string_view where) : bytes_(bytes), where_(where) {}

  Entries read() {
    expect_magic(take_pickle("magic number"));
    expect_version(take_pickle("version"));
    expect_little_endian(take_pickle("system"));
    const std::string where_object = where_of("object");
    const Pickle object = take_pickle("object");
    const TorchStorages storages = read_torch_storages(object, where_object);
    const Pickle keys = take_pickle("storage keys");
    const StorageBegins begins = take_storages(storages, keys);
    for (const auto& [key, storage] : storages) {
      if (!begins.contains(key)) {
        fail<FormatError>(where_, ": storage ", quote(key), ": expected ", storage.num_bytes(),
                          " bytes, got none");
      }
    }
    return locate(read_torch_tensors(object, storages, where_object), begins);
  }

 private:
  std::string where_of(std::string_view part) const { return concat(where_, ": ", part); }

  Pickle take_pickle(std::string_view part) {
    Pickle pickle(bytes_.substr(at_), where_of(part), torch_globals());
    at_ += pickle.num_bytes();
    return pickle;
  }

  void expect_magic(const Pickle& magic) const {
    constexpr std::string_view kMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
    const Pickle::Value& root = magic.root();
    if (!root.is(Pickle::Kind::long_integer) || root.text() != kMagic) {
      fail<FormatError>(where_, ": magic number: expected 0x1950a86a20f9469cfc6c, got ",
                        root.is(Pickle::Kind::long_integer) ? "another" : concat(root.kind()));
    }
  }

  void expect_version(const Pickle& version) const {
    constexpr int64_t kVersion = 1001;
    const Pickle::Value& root = version.root();
    if (!root.is(Pickle::Kind::integer) || root.number() != kVersion) {
      fail<FormatError>(
          where_, ": version: expected ", kVersion, ", got ",
          root.is(Pickle::Kind::integer) ? std::to_string(root.number()) : concat(root.kind()));
    }
  }

  void expect_little_endian(const Pickle& system) const {
    const Pickle::Value& root = system.root();
    bool is_little = false;
    for (size_t i = 0; root.is(Pickle::Kind::dict) && i + 1 < root.items().size(); i += 2) {
      const Pickle::Value& key = system[root.items()[i]];
      const Pickle::Value& value = system[root.items()[i + 1]];
      if (!key.is(Pickle::Kind::text) || key.text() != "little_endian") continue;
      is_little = value.is(Pickle::Kind::boolean) && value.number() != 0;
    }
    if (!is_little) fail<FormatError>(where_, ": system: expected little_endian, got another");
  }

  StorageBegins take_storages(const TorchStorages& storages, const Pickle& keys) {
    if (!keys.root().is(Pickle::Kind::list)) {
      fail<FormatError>(where_, ": storage keys: expected a list, got ", keys.root().kind());
    }
    StorageBegins begins;
    for (const Pickle::Id id : keys.root().items()) {
      const Pickle::Value& key = keys[id];
      const auto storage = key.is(Pickle::Kind::text) ? storages.find(key.text()) : storages.end();
      if (storage == storages.end()) {
        fail<FormatError>(where_, ": storage keys: expected the keys of the object's storages");
      }
      const uint64_t begin = take_storage(storage->first, storage->second);
      if (!begins.try_emplace(storage->first, begin).second) {
        fail<FormatError>(where_, ": storage ", quote(storage->first), ": expected one, got two");
      }
    }
    if (at_ != bytes_.size()) {
      fail<FormatError>(where_, ": storages: expected to end at byte ", at_, ", got ",
                        bytes_.size() - at_, " more bytes");
    }
    return begins;
  }

  // The number of elements is written again in front of them.
  uint64_t take_storage(const std::string& key, const TorchStorage& storage) {
    uint64_t num_elements = 0;
    const size_t available = bytes_.size() - at_;
    if (available < sizeof(num_elements) ||
        available - sizeof(num_elements) < storage.num_bytes()) {
      fail<FormatError>(where_, ": storage ", quote(key), ": expected ", storage.num_bytes(),
                        " bytes and their number, got ", available, " bytes");
    }
    std::memcpy(&num_elements, bytes_.data() + at_, sizeof(num_elements));
    if (num_elements != storage.num_elements) {
      fail<FormatError>(where_, ": storage ", quote(key), ": expected ", storage.num_elements,
                        " elements, got ", num_elements);
    }
    const uint64_t begin = at_ + sizeof(num_elements);
    at_ = begin + storage.num_bytes();
    return begin;
  }

  std::string_view bytes_;
  std::string_view where_;
  size_t at_ = 0;
};

Entries read_entries(std::string_view bytes, const std::string& where) {
  if (bytes.starts_with("PK\3\4")) return read_archive(bytes, where);
  if (bytes.starts_with('\x80')) return LegacyReader(bytes, where).read();
  fail<FormatError>(where, ": expected a file of torch.save, got ",
                    bytes.starts_with("version https://git-lfs")
                        ? "a Git LFS pointer; fetch the file that it stands for"
                        : "neither a zip archive nor a pickle");
}

bool is_contiguous(const Entry& entry) {
  int64_t expected = 1;
  for (size_t axis = entry.strides.size(); axis-- > 0;) {
    const int64_t dim = entry.shape[static_cast<int>(axis)];
    if (dim != 1 && entry.strides[axis] != expected) return false;
    expected *= dim;
  }
  return true;
}

// How many elements of the storage the tensor spans, from its first to its last.
uint64_t num_spanned(const Entry& entry) {
  uint64_t last = 0;
  for (size_t axis = 0; axis < entry.strides.size(); ++axis) {
    last += static_cast<uint64_t>(entry.shape[static_cast<int>(axis)] - 1) *
            static_cast<uint64_t>(entry.strides[axis]);
  }
  return last + 1;
}

// The elements in row-major order, from where their strides lead.
Storage gather(const Storage& source, const Entry& entry) {
  const size_t element_bytes = entry.element_bytes;
  const auto num_elements = static_cast<size_t>(entry.shape.num_elements());
  Storage out = Storage::allocate(num_elements * element_bytes);
  std::array<int64_t, Shape::kMaxRank> index{};
  uint64_t at = 0;  // wraps where a dimension of 1 has a huge stride, and back
  for (size_t i = 0; i < num_elements; ++i) {
    std::memcpy(out.mutable_data() + i * element_bytes, source.data() + at * element_bytes,
                element_bytes);
    for (size_t axis = entry.strides.size(); axis-- > 0;) {
      const int64_t dim = entry.shape[static_cast<int>(axis)];
      const auto stride = static_cast<uint64_t>(entry.strides[axis]);
      at += stride;
      if (++index[axis] < dim) break;
      at -= stride * static_cast<uint64_t>(dim);
      index[axis] = 0;
    }
  }
  return out;
}

}  // namespace

TorchFile::TorchFile(const std::filesystem::path& path) : file_(path) {
  const Storage mapping = file_.map(0, static_cast<size_t>(file_.num_bytes()));
  entries_ = read_entries({reinterpret_cast<const char*>(mapping.data()), mapping.num_bytes()},
                          description());
  for (const auto& [name, entry] : entries_) {
    // Strides of 0 repeat elements; a small file must not make a huge tensor.
    if (static_cast<uint64_t>(entry.shape.num_elements()) >
        file_.num_bytes() / entry.element_bytes) {
      fail<FormatError>(description(), ": tensor ", quote(name), ": expected at most the file's ",
                        file_.num_bytes(), " bytes, got ", entry.shape, " ", entry.dtype);
    }
  }
}

std::vector<std::string> TorchFile::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

const Entry& TorchFile::entry(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    fail<WeightError>(description(), ": ", name, ": expected a tensor of that name, got none");
  }
  return found->second;
}

Tensor TorchFile::load(std::string_view name) const {
  const Entry& stored = entry(name);
  const std::string where = concat(description(), ": ", name);
  expect_stored_floats(stored.dtype, where);
  if (stored.shape.num_elements() == 0) return Tensor::empty(stored.shape);
  const auto num_bytes = static_cast<size_t>(num_spanned(stored) * stored.element_bytes);
  Storage bytes = load_bytes(file_, stored.begin, num_bytes, stored.element_bytes);
  if (!is_contiguous(stored)) bytes = gather(bytes, stored);
  return floats_from_stored(std::move(bytes), stored.shape, stored.dtype, where);
}

}  // namespace nopad::io
