#include "nopad/io/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "io/json.h"
#include "io/stored_type.h"
#include "io/stored_values.h"
#include "nopad/core/error.h"

namespace nopad::io {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

using nlohmann::json;
using Entry = SafetensorsFile::Entry;

constexpr size_t kPrefixBytes = 8;  // the header's length, in front of it
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr size_t kMaxTensors = 100'000;
constexpr size_t kMaxNameBytes = 1024;
constexpr std::string_view kMetadata = "__metadata__";

std::string read_header(const InputFile& file, uint64_t max_header_bytes) {
  const std::string where = file.path().string();
  if (file.num_bytes() < kPrefixBytes) {
    fail<FormatError>(where, ": size: expected at least ", kPrefixBytes, " bytes, got ",
                      file.num_bytes());
  }
  uint64_t num_bytes = 0;
  std::memcpy(&num_bytes, file.read(0, kPrefixBytes).data(), kPrefixBytes);
  if (num_bytes > kMaxHeaderBytes) {
    fail<FormatError>(where, ": header: expected at most ", kMaxHeaderBytes, " bytes, got ",
                      num_bytes);
  }
  if (num_bytes > file.num_bytes() - kPrefixBytes) {
    fail<FormatError>(where, ": header: expected at most the ", file.num_bytes() - kPrefixBytes,
                      " bytes that follow, got ", num_bytes);
  }
  if (num_bytes > max_header_bytes) {
    fail<LimitError>(where, ": header: expected at most ", max_header_bytes, " bytes, got ",
                     num_bytes);
  }
  return file.read(kPrefixBytes, static_cast<size_t>(num_bytes));
}

// A count that fits in 63 bits, as an element of `array`.
int64_t count_at(const json& array, size_t i, std::string_view where, std::string_view key) {
  const json& value = array[i];
  const bool fits = value.is_number_integer() && value >= 0 && value <= INT64_MAX;
  if (!fits) {
    fail<FormatError>(where, key, ": expected counts below 2^63, got ", describe(value));
  }
  return value.get<int64_t>();
}

const json& array_of(const json& entry, std::string_view where, std::string_view key) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_array()) {
    fail<FormatError>(where, key, ": expected an array, got ",
                      found == entry.end() ? "nothing" : describe(*found));
  }
  return *found;
}

Shape parse_shape(const json& entry, std::string_view where) {
  const json& array = array_of(entry, where, "shape");
  if (array.size() > Shape::kMaxRank) {
    fail<LimitError>(where, "shape: expected at most ", Shape::kMaxRank, " dimensions, got ",
                     array.size());
  }
  std::vector<int64_t> dims;
  uint64_t product = 1;
  for (size_t i = 0; i < array.size(); ++i) {
    dims.push_back(count_at(array, i, where, "shape"));
    // From left to right, as the package: a zero in front of an overflow prevents it.
    if (__builtin_mul_overflow(product, static_cast<uint64_t>(dims.back()), &product)) {
      fail<FormatError>(where, "shape: expected a product that fits in 64 bits");
    }
  }
  if (product > INT64_MAX) fail<FormatError>(where, "shape: expected a product below 2^63");
  return Shape(std::span<const int64_t>(dims));
}

const StoredType& parse_type(const json& entry, std::string_view where) {
  const auto found = entry.find("dtype");
  const bool is_string = found != entry.end() && found->is_string();
  const StoredType* const type =
      is_string ? find_stored_type(found->get_ref<const std::string&>()) : nullptr;
  if (type == nullptr) {
    fail<FormatError>(where, "dtype: expected F32, BF16 or another known type, got ",
                      found == entry.end() ? "nothing"
                      : is_string          ? quote(found->get_ref<const std::string&>())
                                           : describe(*found));
  }
  return *type;
}

uint64_t bytes_for(const Shape& shape, const StoredType& type, std::string_view where) {
  uint64_t num_bits = 0;
  if (__builtin_mul_overflow(static_cast<uint64_t>(shape.num_elements()), type.num_bits,
                             &num_bits)) {
    fail<FormatError>(where, "shape: expected a size that fits in 64 bits");
  }
  if (num_bits % 8 != 0) {
    fail<FormatError>(where, "shape: expected whole bytes, got ", num_bits, " bits");
  }
  return num_bits / 8;
}

// The bytes are left counted from the end of the header.
Entry parse_entry(const json& value, const std::string& where) {
  if (!value.is_object()) {
    fail<FormatError>(where, "expected an object, got ", describe(value));
  }
  const StoredType& type = parse_type(value, where);
  Entry entry{std::string(type.name), parse_shape(value, where), 0, 0};
  const json& offsets = array_of(value, where, "data_offsets");
  if (offsets.size() != 2) {
    fail<FormatError>(where, "data_offsets: expected 2 numbers, got ", offsets.size());
  }
  const int64_t begin = count_at(offsets, 0, where, "data_offsets");
  const int64_t end = count_at(offsets, 1, where, "data_offsets");
  if (end < begin) {
    fail<FormatError>(where, "data_offsets: expected an end from ", begin, " on, got ", end);
  }
  entry.begin = static_cast<uint64_t>(begin);
  entry.num_bytes = static_cast<uint64_t>(end - begin);
  const uint64_t needed = bytes_for(entry.shape, type, where);
  if (needed != entry.num_bytes) {
    fail<FormatError>(where, "data_offsets: expected ", needed, " bytes for ", entry.shape, " ",
                      entry.dtype, ", got ", entry.num_bytes);
  }
  return entry;
}

std::map<std::string, std::string> parse_metadata(const json& value, std::string_view where) {
  std::map<std::string, std::string> metadata;
  if (value.is_null()) return metadata;
  if (!value.is_object()) {
    fail<FormatError>(where, ": __metadata__: expected an object, got ", describe(value));
  }
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) {
      fail<FormatError>(where, ": __metadata__: ", quote(key), ": expected a string, got ",
                        describe(text));
    }
    metadata.emplace(key, text.get<std::string>());
  }
  return metadata;
}

std::string where_of(std::string_view file, std::string_view name) {
  return concat(file, ": tensor ", quote(name), ": ");
}

// Every byte after the header belongs to exactly one tensor. Empty ones lie between others.
void expect_full_cover(const std::map<std::string, Entry, std::less<>>& entries,
                       uint64_t data_bytes, std::string_view file) {
  std::vector<std::pair<std::pair<uint64_t, uint64_t>, std::string_view>> ranges;
  ranges.reserve(entries.size());
  for (const auto& [name, entry] : entries) {
    ranges.push_back({{entry.begin, entry.num_bytes}, name});
  }
  std::ranges::sort(ranges);
  uint64_t covered = 0;
  for (const auto& [range, name] : ranges) {
    if (range.first != covered) {
      fail<FormatError>(where_of(file, name), "data_offsets: expected to begin at ", covered,
                        ", without hole or overlap, got ", range.first);
    }
    covered += range.second;  // can't wrap: both are below 2^63
  }
  if (covered != data_bytes) {
    fail<FormatError>(file, ": data: expected ", covered, " bytes as the header says, got ",
                      data_bytes);
  }
}

Tensor booleans_from_bytes(const Storage& bytes, const Shape& shape) {
  Tensor out = Tensor::empty(shape, DType::boolean);
  const std::span<bool> values = out.mutable_values<bool>();
  for (size_t i = 0; i < values.size(); ++i) values[i] = bytes.data()[i] != std::byte{0};
  return out;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path, Config config) : file_(path) {
  const std::string where = description();
  const std::string header = read_header(file_, config.max_header_bytes);
  const json root = parse_json(header, where + ": header");
  if (!root.is_object()) {
    fail<FormatError>(where, ": header: expected an object, got ", describe(root));
  }
  const uint64_t data_begin = kPrefixBytes + header.size();
  for (const auto& [name, value] : root.items()) {
    if (name == kMetadata) {
      metadata_ = parse_metadata(value, where);
      continue;
    }
    if (name.size() > kMaxNameBytes) {
      fail<LimitError>(where_of(where, name), "name: expected at most ", kMaxNameBytes,
                       " bytes, got ", name.size());
    }
    if (entries_.size() == kMaxTensors) {
      fail<LimitError>(where, ": tensors: expected at most ", kMaxTensors);
    }
    entries_.emplace(name, parse_entry(value, where_of(where, name)));
  }
  expect_full_cover(entries_, file_.num_bytes() - data_begin, where);
  for (auto& [name, entry] : entries_) entry.begin += data_begin;
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

const Entry& SafetensorsFile::entry(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    fail<WeightError>(description(), ": ", name, ": expected a tensor of that name, got none");
  }
  return found->second;
}

Storage SafetensorsFile::bytes_of(const Entry& entry) const {
  const uint64_t element_bytes = find_stored_type(entry.dtype)->num_bits / 8;
  return load_bytes(file_, entry.begin, static_cast<size_t>(entry.num_bytes),
                    std::max<size_t>(1, element_bytes));
}

Tensor SafetensorsFile::load_stored(std::string_view name) const {
  const Entry& stored = entry(name);
  const std::optional<DType> dtype = find_stored_type(stored.dtype)->dtype;
  if (!dtype) {
    fail<WeightError>(description(), ": ", name, ": expected a type that Tensor has, got ",
                      stored.dtype);
  }
  Storage bytes = bytes_of(stored);
  if (*dtype == DType::boolean) return booleans_from_bytes(bytes, stored.shape);
  return Tensor::from_storage(std::move(bytes), 0, stored.shape, *dtype);
}

Tensor SafetensorsFile::load(std::string_view name) const {
  const Entry& stored = entry(name);
  const std::string where = concat(description(), ": ", name);
  expect_stored_floats(stored.dtype, where);
  return floats_from_stored(bytes_of(stored), stored.shape, stored.dtype, where);
}

namespace {

using NamedTensor = std::pair<const std::string, Tensor>;

// The larger elements first: then all begin at a multiple of their size.
std::vector<const NamedTensor*> in_file_order(const std::map<std::string, Tensor>& tensors) {
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& named : tensors) order.push_back(&named);
  std::ranges::stable_sort(order, std::ranges::greater{}, [](const NamedTensor* named) {
    return &stored_type_of(named->second.dtype()) - kStoredTypes.data();
  });
  return order;
}

void expect_name(const std::string& name, std::string_view where) {
  if (name == kMetadata || name.size() > kMaxNameBytes) {
    fail<InputError>(where, ": name: expected at most ", kMaxNameBytes,
                     " bytes and not __metadata__, got ", quote(name));
  }
}

std::string describe_tensor(const Tensor& tensor, uint64_t begin) {
  std::string shape;
  for (const int64_t dim : tensor.shape().dims()) {
    shape += (shape.empty() ? "" : ",") + std::to_string(dim);
  }
  return concat(R"({"dtype":")", stored_type_of(tensor.dtype()).name, R"(","shape":[)", shape,
                R"(],"data_offsets":[)", begin, ",", begin + tensor.num_bytes(), "]}");
}

// Padded with spaces, so that the data begins at a multiple of 8.
std::string make_header(const std::vector<const NamedTensor*>& order,
                        const std::map<std::string, std::string>& metadata,
                        std::string_view where) {
  std::string text = "{";
  uint64_t begin = 0;
  try {
    if (!metadata.empty()) text += json(kMetadata).dump() + ":" + json(metadata).dump();
    for (const NamedTensor* const named : order) {
      const auto& [name, tensor] = *named;
      expect_name(name, where);
      if (text.size() > 1) text += ",";
      text += json(name).dump() + ":" + describe_tensor(tensor, begin);
      begin += tensor.num_bytes();
    }
  } catch (const json::type_error&) {
    fail<InputError>(where, ": names and metadata: expected UTF-8");
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace

void write_safetensors(const std::filesystem::path& target,
                       const std::map<std::string, Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::string where = target.string();
  if (tensors.size() > kMaxTensors) {
    fail<LimitError>(where, ": tensors: expected at most ", kMaxTensors, ", got ", tensors.size());
  }
  const auto order = in_file_order(tensors);
  const std::string header = make_header(order, metadata, where);
  std::string prefix(kPrefixBytes, '\0');
  const uint64_t num_bytes = header.size();
  std::memcpy(prefix.data(), &num_bytes, kPrefixBytes);
  OutputFile file(target);
  file.write(prefix + header);
  for (const NamedTensor* const named : order) {
    const Tensor& tensor = named->second;
    file.write({reinterpret_cast<const char*>(tensor.bytes()), tensor.num_bytes()});
  }
  file.commit();
}

}  // namespace nopad::io
