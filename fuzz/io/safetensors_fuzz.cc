// Any bytes as a safetensors file: an error, or tensors that fill the file's data exactly.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "nopad/core/error.h"
#include "nopad/io/safetensors.h"

namespace {

// A regular file that lies in memory.
int memory_file() {
  static const int descriptor = memfd_create("fuzzed", 0);
  return descriptor;
}

void expect(bool holds) {
  if (!holds) std::abort();
}

void load_all(const nopad::io::SafetensorsFile& file) {
  for (const std::string& name : file.names()) {
    try {
      const nopad::Tensor stored = file.load_stored(name);
      expect(stored.shape() == file.shape(name));
      expect(stored.num_bytes() == file.entry(name).num_bytes);
      expect(file.load(name).num_elements() == stored.num_elements());
    } catch (const nopad::WeightError&) {  // a type that is not loaded, or not a float
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int descriptor = memory_file();
  expect(ftruncate(descriptor, 0) == 0);
  expect(pwrite(descriptor, data, size, 0) == static_cast<ssize_t>(size));
  try {
    const nopad::io::SafetensorsFile file("/proc/self/fd/" + std::to_string(descriptor));
    uint64_t num_bytes = 0;
    for (const std::string& name : file.names()) num_bytes += file.entry(name).num_bytes;
    expect(num_bytes <= size);
    load_all(file);
  } catch (const nopad::Error&) {  // what a malformed file gives; anything else is a bug
  }
  return 0;
}
