// Any bytes as a file of torch.save: an error, or tensors no larger than the file.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "nopad/core/error.h"
#include "nopad/io/torch_file.h"

namespace {

// A regular file that lies in memory.
int memory_file() {
  static const int descriptor = memfd_create("fuzzed", 0);
  return descriptor;
}

void expect(bool holds) {
  if (!holds) std::abort();
}

void load_all(const nopad::io::TorchFile& file, size_t size) {
  for (const std::string& name : file.names()) {
    const auto& entry = file.entry(name);
    const auto num_elements = static_cast<uint64_t>(entry.shape.num_elements());
    expect(num_elements <= size / entry.element_bytes);
    if (num_elements > 0) expect(entry.begin <= size - entry.element_bytes);
    try {
      expect(file.load(name).shape() == entry.shape);
    } catch (const nopad::WeightError&) {  // not a float
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int descriptor = memory_file();
  expect(ftruncate(descriptor, 0) == 0);
  expect(pwrite(descriptor, data, size, 0) == static_cast<ssize_t>(size));
  try {
    load_all(nopad::io::TorchFile("/proc/self/fd/" + std::to_string(descriptor)), size);
  } catch (const nopad::Error&) {  // what a malformed file gives; anything else is a bug
  }
  return 0;
}
