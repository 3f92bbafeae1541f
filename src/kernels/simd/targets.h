// Which instruction sets Highway compiles the kernels for, and how one of them is chosen at run
// time. A kernel source is compiled once per target into its own namespace (see highway's skeleton
// example):
//   #undef HWY_TARGET_INCLUDE
//   #define HWY_TARGET_INCLUDE "kernels/simd/NAME.cc"
//   #include "kernels/simd/targets.h"
//   #include "hwy/foreach_target.h"
//   #include "hwy/highway.h"
#ifndef NOPAD_KERNELS_SIMD_TARGETS_H_
#define NOPAD_KERNELS_SIMD_TARGETS_H_

#include "nopad/core/isa.h"

// AVX2 and AVX-512 beside what the compiler assumes by itself; what lies between is left out.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#endif

// The `symbol` of the version that serves `isa`; used under HWY_ONCE, where HWY_NAMESPACE is the
// baseline's.
#if defined(__x86_64__)
#define NOPAD_SELECT(isa, symbol)                                    \
  (::nopad::vector_isa(isa) == ::nopad::Isa::avx512 ? N_AVX3::symbol \
   : ::nopad::vector_isa(isa) == ::nopad::Isa::avx2 ? N_AVX2::symbol \
                                                    : HWY_NAMESPACE::symbol)
#else
#define NOPAD_SELECT(isa, symbol) ((void)(isa), HWY_NAMESPACE::symbol)
#endif

#endif  // NOPAD_KERNELS_SIMD_TARGETS_H_
