// Any bytes as a pickle: an error, or values that refer to each other only, and tensors that lie in
// the storages that the pickle names.
#include <cstdlib>
#include <string_view>

#include "io/pickle.h"
#include "io/torch_tensors.h"
#include "nopad/core/error.h"

namespace {

using nopad::io::Pickle;

void expect(bool holds) {
  if (!holds) std::abort();
}

bool has_items(const Pickle::Value& value) {
  using Kind = Pickle::Kind;
  return value.is(Kind::tuple) || value.is(Kind::list) || value.is(Kind::set) ||
         value.is(Kind::dict) || value.is(Kind::call) || value.is(Kind::persistent);
}

void expect_consistent(const Pickle& pickle) {
  for (const Pickle::Value& value : pickle.values()) {
    if (!has_items(value)) continue;
    for (const Pickle::Id id : value.items()) expect(id < pickle.values().size());
    if (value.is(Pickle::Kind::dict)) expect(value.items().size() % 2 == 0);
    if (value.is(Pickle::Kind::call)) expect(value.items().size() == 2);
  }
}

void read_tensors(const Pickle& pickle) {
  const auto storages = nopad::io::read_torch_storages(pickle, "fuzzed");
  for (const auto& [name, tensor] : nopad::io::read_torch_tensors(pickle, storages, "fuzzed")) {
    const auto& storage = storages.at(tensor.storage);
    expect(tensor.strides.size() == static_cast<size_t>(tensor.shape.rank()));
    expect(tensor.offset_bytes <= storage.num_bytes());
    if (tensor.shape.num_elements() > 0) expect(tensor.offset_bytes < storage.num_bytes());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const Pickle pickle({reinterpret_cast<const char*>(data), size}, "fuzzed",
                        nopad::io::torch_globals());
    expect(pickle.num_bytes() <= size);
    expect_consistent(pickle);
    read_tensors(pickle);
  } catch (const nopad::Error&) {  // what a malformed pickle gives; anything else is a bug
  }
  return 0;
}
