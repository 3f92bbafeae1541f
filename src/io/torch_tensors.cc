#include "io/torch_tensors.h"

#include <algorithm>
#include <array>
#include <utility>

#include "io/json.h"
#include "nopad/core/error.h"

namespace nopad::io {
namespace {

using Kind = Pickle::Kind;
using Value = Pickle::Value;

constexpr size_t kMaxTensors = 100'000;
constexpr size_t kMaxNameBytes = 1024;

constexpr TorchType kTypes[] = {
    {"torch.FloatStorage", "torch.float32", "F32", 4},
    {"torch.DoubleStorage", "torch.float64", "F64", 8},
    {"torch.HalfStorage", "torch.float16", "F16", 2},
    {"torch.BFloat16Storage", "torch.bfloat16", "BF16", 2},
    {"torch.LongStorage", "torch.int64", "I64", 8},
    {"torch.IntStorage", "torch.int32", "I32", 4},
    {"torch.ShortStorage", "torch.int16", "I16", 2},
    {"torch.CharStorage", "torch.int8", "I8", 1},
    {"torch.ByteStorage", "torch.uint8", "U8", 1},
    {"torch.BoolStorage", "torch.bool", "BOOL", 1},
    {"torch.ComplexFloatStorage", "torch.complex64", "C64", 8},
    {"torch.ComplexDoubleStorage", "torch.complex128", "C128", 16},
    {"", "torch.uint16", "U16", 2},
    {"", "torch.uint32", "U32", 4},
    {"", "torch.uint64", "U64", 8},
    {"", "torch.float8_e4m3fn", "F8_E4M3", 1},
    {"", "torch.float8_e4m3fnuz", "F8_E4M3FNUZ", 1},
    {"", "torch.float8_e5m2", "F8_E5M2", 1},
    {"", "torch.float8_e5m2fnuz", "F8_E5M2FNUZ", 1},
    {"", "torch.float8_e8m0fnu", "F8_E8M0", 1},
};

constexpr std::string_view kUntyped = "torch.storage.UntypedStorage";
constexpr std::string_view kParameters[] = {"torch._utils._rebuild_parameter",
                                            "torch._utils._rebuild_parameter_with_state"};

// The functions that make a tensor, all of (storage, offset, size, strides, ...).
struct Rebuild {
  std::string_view name;
  size_t min_arguments;
  size_t max_arguments;
  bool has_dtype;  // as the seventh; the storage has none
};
constexpr Rebuild kRebuilds[] = {{"torch._utils._rebuild_tensor", 4, 4, false},
                                 {"torch._utils._rebuild_tensor_v2", 6, 7, false},
                                 {"torch._utils._rebuild_tensor_v3", 7, 8, true}};

std::vector<std::string_view> make_globals() {
  std::vector<std::string_view> globals = {"collections.OrderedDict", "torch.Size", "torch.device",
                                           kUntyped};
  globals.insert(globals.end(), std::begin(kParameters), std::end(kParameters));
  for (const Rebuild& rebuild : kRebuilds) globals.push_back(rebuild.name);
  for (const TorchType& type : kTypes) {
    globals.push_back(type.dtype);
    if (!type.storage.empty()) globals.push_back(type.storage);
  }
  return globals;
}

// A count or a size: an integer of 0 or more.
int64_t count_of(const Value& value, std::string_view where, std::string_view what) {
  const bool is_integer = value.is(Kind::integer);
  if (!is_integer || value.number() < 0) {
    fail<FormatError>(where, ": ", what, ": expected an integer of 0 or more, got ",
                      is_integer ? std::to_string(value.number()) : concat(value.kind()));
  }
  return value.number();
}

// ("storage", class, key, device, number of elements), and None in files before 1.6.
std::span<const Pickle::Id> expect_storage_id(const Pickle& pickle, const Value& persistent,
                                              std::string_view where) {
  const Value& id = pickle[persistent.items()[0]];
  const auto item_is = [&](size_t i, Kind kind) { return pickle[id.items()[i]].is(kind); };
  const bool fits = id.is(Kind::tuple) && (id.items().size() == 5 || id.items().size() == 6) &&
                    item_is(0, Kind::text) && pickle[id.items()[0]].text() == "storage" &&
                    item_is(1, Kind::global) && item_is(2, Kind::text) &&
                    (id.items().size() == 5 || item_is(5, Kind::none));
  if (!fits) {
    fail<FormatError>(where, ": persistent id: expected (\"storage\", class, key, device, size)");
  }
  return id.items();
}

TorchStorage read_storage(const Value& storage_class, const Value& size, std::string_view where) {
  const std::string_view name = storage_class.text();
  const auto* const type = std::ranges::find(kTypes, name, &TorchType::storage);
  if (type == std::end(kTypes) && name != kUntyped) {
    fail<FormatError>(where, ": expected a class of storages, got ", name);
  }
  const TorchStorage storage{name,
                             static_cast<uint64_t>(count_of(size, where, "number of elements")),
                             name == kUntyped ? 1 : type->num_bytes};
  if (storage.num_elements > INT64_MAX / storage.element_bytes) {
    fail<FormatError>(where, ": expected fewer than 2^63 bytes, got ", storage.num_elements,
                      " elements");
  }
  return storage;
}

class TensorReader {
 public:
  TensorReader(const Pickle& pickle, const TorchStorages& storages, std::string where)
      : pickle_(pickle), storages_(storages), where_(std::move(where)) {}

  TorchTensor read(const Value& call) const {
    const Value* made = &call;
    if (std::ranges::count(kParameters, callee(*made)) != 0) {
      const std::vector<Pickle::Id>& arguments = arguments_of(*made);
      if (arguments.empty()) fail<FormatError>(where_, ": parameter: expected a tensor");
      made = &pickle_[arguments[0]];
    }
    const auto* const rebuild = std::ranges::find(
        kRebuilds, made->is(Kind::call) ? callee(*made) : std::string_view(), &Rebuild::name);
    if (rebuild == std::end(kRebuilds)) {
      fail<FormatError>(where_, ": parameter: expected a tensor, got ", made->kind());
    }
    return read(*rebuild, arguments_of(*made));
  }

 private:
  std::string_view callee(const Value& call) const { return pickle_[call.items()[0]].text(); }
  const std::vector<Pickle::Id>& arguments_of(const Value& call) const {
    return pickle_[call.items()[1]].items();
  }

  TorchTensor read(const Rebuild& rebuild, const std::vector<Pickle::Id>& arguments) const {
    if (arguments.size() < rebuild.min_arguments || arguments.size() > rebuild.max_arguments) {
      fail<FormatError>(where_, ": ", rebuild.name, ": expected ", rebuild.min_arguments,
                        " arguments, got ", arguments.size());
    }
    const auto& [key, storage] = find_storage(pickle_[arguments[0]]);
    const TorchType& type =
        rebuild.has_dtype ? type_of(pickle_[arguments[6]]) : type_of_storage(storage);
    const auto offset =
        static_cast<uint64_t>(count_of(pickle_[arguments[1]], where_, "storage offset"));
    const std::vector<int64_t> dims = counts_of(pickle_[arguments[2]], "size");
    TorchTensor tensor{&type, shape_of(dims), counts_of(pickle_[arguments[3]], "stride"), 0, key};
    if (tensor.strides.size() != dims.size()) {
      fail<FormatError>(where_, ": stride: expected ", dims.size(), " numbers, got ",
                        tensor.strides.size());
    }
    expect_inside(tensor, offset, storage.num_bytes() / type.num_bytes);
    tensor.offset_bytes = tensor.shape.num_elements() == 0 ? 0 : offset * type.num_bytes;
    return tensor;
  }

  const TorchStorages::value_type& find_storage(const Value& persistent) const {
    if (!persistent.is(Kind::persistent)) {
      fail<FormatError>(where_, ": storage: expected a persistent id, got ", persistent.kind());
    }
    const Value& id = pickle_[persistent.items()[0]];
    return *storages_.find(pickle_[id.items()[2]].text());  // all were read before
  }

  const TorchType& type_of_storage(const TorchStorage& storage) const {
    const auto* const type = std::ranges::find(kTypes, storage.type, &TorchType::storage);
    if (type == std::end(kTypes)) {
      fail<FormatError>(where_, ": storage: expected one of a type, got ", storage.type);
    }
    return *type;
  }

  const TorchType& type_of(const Value& dtype) const {
    const auto* const type = std::ranges::find(
        kTypes, dtype.is(Kind::global) ? dtype.text() : std::string_view(), &TorchType::dtype);
    if (type == std::end(kTypes)) {
      fail<FormatError>(where_, ": dtype: expected one of torch's, got ", dtype.kind());
    }
    return *type;
  }

  std::vector<int64_t> counts_of(const Value& tuple, std::string_view what) const {
    if (!tuple.is(Kind::tuple)) {
      fail<FormatError>(where_, ": ", what, ": expected a tuple, got ", tuple.kind());
    }
    if (tuple.items().size() > Shape::kMaxRank) {
      fail<LimitError>(where_, ": ", what, ": expected at most ", Shape::kMaxRank,
                       " dimensions, got ", tuple.items().size());
    }
    std::vector<int64_t> counts;
    for (const Pickle::Id id : tuple.items()) counts.push_back(count_of(pickle_[id], where_, what));
    return counts;
  }

  Shape shape_of(const std::vector<int64_t>& dims) const {
    int64_t product = 1;
    for (const int64_t dim : dims) {
      if (__builtin_mul_overflow(product, dim, &product)) {
        fail<FormatError>(where_, ": size: expected a product below 2^63");
      }
    }
    return Shape(std::span<const int64_t>(dims));
  }

  // The last element that the strides lead to is the storage's last one, or lies before it.
  void expect_inside(const TorchTensor& tensor, uint64_t offset, uint64_t num_elements) const {
    if (tensor.shape.num_elements() == 0) return;
    uint64_t last = offset;
    bool fits = true;
    for (int axis = 0; axis < tensor.shape.rank(); ++axis) {
      uint64_t step = 0;
      const auto steps = static_cast<uint64_t>(tensor.shape[axis] - 1);
      const auto stride = static_cast<uint64_t>(tensor.strides[static_cast<size_t>(axis)]);
      fits = fits && !__builtin_mul_overflow(steps, stride, &step) &&
             !__builtin_add_overflow(last, step, &last);
    }
    if (!fits || last >= num_elements) {
      fail<FormatError>(where_, ": expected to lie in the ", num_elements,
                        " elements of its storage, got the last one at ",
                        fits ? std::to_string(last) : "2^64 or beyond");
    }
  }

  const Pickle& pickle_;
  const TorchStorages& storages_;
  std::string where_;
};

bool is_tensor(const Pickle& pickle, const Value& value) {
  if (!value.is(Kind::call)) return false;
  const std::string_view callee = pickle[value.items()[0]].text();
  return callee.starts_with("torch._utils.");
}

bool holds_tensor(const Pickle& pickle, const Value& dict) {
  for (size_t i = 1; i < dict.items().size(); i += 2) {
    if (is_tensor(pickle, pickle[dict.items()[i]])) return true;
  }
  return false;
}

const Value& find_state_dict(const Pickle& pickle, std::string_view where) {
  constexpr std::array<std::string_view, 3> kWrappers = {"state_dict", "model_state_dict", "model"};
  const Value& root = pickle.root();
  if (!root.is(Kind::dict)) {
    fail<FormatError>(where, ": expected a dict of tensors, got ", root.kind());
  }
  if (holds_tensor(pickle, root)) return root;
  const Value* wrapped = nullptr;
  for (size_t i = 0; i + 1 < root.items().size(); i += 2) {
    const Value& key = pickle[root.items()[i]];
    const Value& value = pickle[root.items()[i + 1]];
    if (!key.is(Kind::text) || std::ranges::count(kWrappers, key.text()) == 0) continue;
    if (!value.is(Kind::dict) || !holds_tensor(pickle, value)) continue;
    if (wrapped != nullptr) {
      fail<FormatError>(where,
                        ": expected one dict of tensors, got several: state_dict, "
                        "model_state_dict or model");
    }
    wrapped = &value;
  }
  if (wrapped == nullptr) {
    fail<FormatError>(where,
                      ": expected tensors by name, or a dict of them under state_dict, "
                      "model_state_dict or model, got neither");
  }
  return *wrapped;
}

std::string name_of(const Value& key, std::string_view where) {
  if (!key.is(Kind::text)) {
    fail<FormatError>(where, ": name of a tensor: expected a string, got ", key.kind());
  }
  if (key.text().size() > kMaxNameBytes) {
    fail<LimitError>(where, ": tensor ", quote(key.text()), ": name: expected at most ",
                     kMaxNameBytes, " bytes, got ", key.text().size());
  }
  return std::string(key.text());
}

}  // namespace

std::span<const std::string_view> torch_globals() {
  static const std::vector<std::string_view> globals = make_globals();
  return globals;
}

TorchStorages read_torch_storages(const Pickle& pickle, std::string_view where) {
  TorchStorages storages;
  for (const Value& value : pickle.values()) {
    if (!value.is(Kind::persistent)) continue;
    const std::span<const Pickle::Id> id = expect_storage_id(pickle, value, where);
    const std::string key(pickle[id[2]].text());
    const std::string where_storage = concat(where, ": storage ", quote(key));
    const TorchStorage storage = read_storage(pickle[id[1]], pickle[id[4]], where_storage);
    const auto [known, is_new] = storages.try_emplace(key, storage);
    if (!is_new && known->second != storage) {
      fail<FormatError>(where_storage, ": expected one class and size, got ", known->second.type,
                        " of ", known->second.num_elements, " and ", storage.type, " of ",
                        storage.num_elements);
    }
  }
  return storages;
}

TorchTensors read_torch_tensors(const Pickle& pickle, const TorchStorages& storages,
                                std::string_view where) {
  const Value& dict = find_state_dict(pickle, where);
  TorchTensors tensors;
  for (size_t i = 0; i + 1 < dict.items().size(); i += 2) {
    const Value& value = pickle[dict.items()[i + 1]];
    if (!is_tensor(pickle, value)) continue;
    if (tensors.size() == kMaxTensors) {
      fail<LimitError>(where, ": tensors: expected at most ", kMaxTensors);
    }
    const std::string name = name_of(pickle[dict.items()[i]], where);
    const std::string where_tensor = concat(where, ": tensor ", quote(name));
    TorchTensor tensor = TensorReader(pickle, storages, where_tensor).read(value);
    if (!tensors.try_emplace(name, std::move(tensor)).second) {
      fail<FormatError>(where_tensor, ": expected one of that name, got two");
    }
  }
  return tensors;
}

}  // namespace nopad::io
