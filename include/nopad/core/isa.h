// Isa: the instruction sets that the kernels are written for, and which of them this machine has.
#pragma once

#include <string_view>
#include <vector>

namespace nopad {

// `portable`      : what every machine of the architecture has (SSE2, NEON)
// `avx2`          : AVX2, FMA, F16C
// `avx512`        : AVX-512 F, BW, CD, DQ, VL
// `amx`           : avx512, and bf16 matrix tiles
// `amx_emulated`  : the tile instructions' documented arithmetic in plain C++, for tests and for
//                   looking at bf16 results on a machine without tiles; slow
enum class Isa { portable, avx2, avx512, amx, amx_emulated };

// The name users type: "portable", "avx2", "avx512", "amx", "amx-emulated".
std::string_view to_string(Isa isa) noexcept;
// Throws OptionError: not one of those names. "auto" is best_isa().
Isa isa_from_string(std::string_view name);

// Whether this machine (processor and kernel) can run it. `portable` and `amx_emulated` always can.
bool is_supported(Isa isa) noexcept;
// The fastest that this machine has.
Isa best_isa() noexcept;
// All that this machine has, `portable` first; for tests.
std::vector<Isa> supported_isas();
// The instruction set whose vectors `isa` uses: `amx` adds tiles to avx512, `amx_emulated` to the
// best that there is; the others are themselves.
Isa vector_isa(Isa isa) noexcept;
// Whether `isa` computes bf16 matrix products.
bool has_tiles(Isa isa) noexcept;

}  // namespace nopad
