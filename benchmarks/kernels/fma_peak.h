// The machine's multiply-add peak, measured beside what is compared with it.
#pragma once

#include "nopad/core/isa.h"

namespace nopad::bench {

// GFLOP/s of one thread doing nothing but f32 multiply-adds in registers for about 0.2 ms.
double measure_fma_peak(Isa isa);

}  // namespace nopad::bench
