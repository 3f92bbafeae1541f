// What the pickle of a torch.save says about its tensors and the storages that they lie in.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/pickle.h"
#include "nopad/core/shape.h"

namespace nopad::io {

// An element type of torch.
struct TorchType {
  std::string_view storage;  // the class of its storages; none where they have no type of their own
  std::string_view dtype;
  std::string_view stored_name;  // as safetensors calls it
  uint64_t num_bytes;            // of one element
};

// A storage by its key: the bytes that it must have, in whole elements.
struct TorchStorage {
  std::string_view type;  // its class
  uint64_t num_elements;
  uint64_t element_bytes;

  uint64_t num_bytes() const noexcept { return num_elements * element_bytes; }
  bool operator==(const TorchStorage&) const = default;
};
using TorchStorages = std::map<std::string, TorchStorage, std::less<>>;

struct TorchTensor {
  const TorchType* type;
  Shape shape;
  std::vector<int64_t> strides;  // in elements, 0 or more, one per dimension
  uint64_t offset_bytes;         // of its first element, in the storage
  std::string storage;           // its key
};
using TorchTensors = std::map<std::string, TorchTensor, std::less<>>;

// What such a pickle may name.
std::span<const std::string_view> torch_globals();

// Every storage that the pickle refers to.
// where  : what messages call the pickle
// Throws FormatError: not how torch names a storage, a storage that is described in two ways, a
//        size that does not fit in 63 bits.
TorchStorages read_torch_storages(const Pickle& pickle, std::string_view where);

// The tensors of the state dict: the pickle's root, or, where that holds no tensor itself, what it
// has under "state_dict", "model_state_dict" or "model". What is no tensor is left out.
// Throws FormatError: no state dict, none or two of the wrapping keys, a tensor that is not how
//        torch describes one or that reaches out of its storage; LimitError: more than 100,000
//        tensors, rank above 8, names above 1 KiB.
TorchTensors read_torch_tensors(const Pickle& pickle, const TorchStorages& storages,
                                std::string_view where);

}  // namespace nopad::io
