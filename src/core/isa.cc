#include "nopad/core/isa.h"

#include <array>

#include "nopad/core/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace nopad {
namespace {

struct Name {
  Isa isa;
  std::string_view text;
};
constexpr std::array<Name, 5> kNames = {{{Isa::portable, "portable"},
                                         {Isa::avx2, "avx2"},
                                         {Isa::avx512, "avx512"},
                                         {Isa::amx, "amx"},
                                         {Isa::amx_emulated, "amx-emulated"}}};

#if defined(__x86_64__)
// clang 14 does not know this name.
bool has_f16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi2") && has_f16c();
}

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

// The processor's word is not enough: the kernel has to grant each process the tiles' state.
bool has_amx() {
  constexpr unsigned kTile = 1u << 24;
  constexpr unsigned kBf16 = 1u << 22;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!has_avx512() || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  if ((d & kTile) == 0 || (d & kBf16) == 0) return false;
  constexpr long kArchReqXcompPerm = 0x1023;
  constexpr long kTileDataFeature = 18;
  return syscall(SYS_arch_prctl, kArchReqXcompPerm, kTileDataFeature) == 0;
}
#else
bool has_avx2() { return false; }
bool has_avx512() { return false; }
bool has_amx() { return false; }
#endif

Isa best_vectors() noexcept {
  static const Isa isa = has_avx512() ? Isa::avx512 : has_avx2() ? Isa::avx2 : Isa::portable;
  return isa;
}

}  // namespace

std::string_view to_string(Isa isa) noexcept {
  for (const Name& name : kNames) {
    if (name.isa == isa) return name.text;
  }
  return "?";
}

Isa isa_from_string(std::string_view text) {
  if (text == "auto") return best_isa();
  for (const Name& name : kNames) {
    if (name.text == text) return name.isa;
  }
  fail<OptionError>("isa: expected auto, portable, avx2, avx512, amx or amx-emulated, got ", text);
}

bool is_supported(Isa isa) noexcept {
  static const bool amx = has_amx();
  switch (isa) {
    case Isa::portable:
    case Isa::amx_emulated: return true;
    case Isa::avx2: return best_vectors() != Isa::portable;
    case Isa::avx512: return best_vectors() == Isa::avx512;
    case Isa::amx: return amx;
  }
  return false;
}

Isa best_isa() noexcept { return is_supported(Isa::amx) ? Isa::amx : best_vectors(); }

std::vector<Isa> supported_isas() {
  std::vector<Isa> found;
  for (const Name& name : kNames) {
    if (is_supported(name.isa)) found.push_back(name.isa);
  }
  return found;
}

Isa vector_isa(Isa isa) noexcept {
  if (isa == Isa::amx) return Isa::avx512;
  return isa == Isa::amx_emulated ? best_vectors() : isa;
}

bool has_tiles(Isa isa) noexcept { return isa == Isa::amx || isa == Isa::amx_emulated; }

}  // namespace nopad
