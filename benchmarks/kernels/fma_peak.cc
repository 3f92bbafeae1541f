#include "kernels/fma_peak.h"

#include <chrono>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fma_peak.cc"
#include "kernels/simd/targets.h"
//
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace nopad::bench::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Ten independent chains hide the latency of the multiply-add on all known cores.
double measure() {
  const hn::ScalableTag<float> tag;
  constexpr int kChains = 10;
  constexpr int kSteps = 1000;
  constexpr int kRounds = 10;
  hn::Vec<decltype(tag)> sum[kChains];
  for (auto& chain : sum) chain = hn::Zero(tag);
  const auto factor = hn::Set(tag, 0.999f);
  const auto addend = hn::Set(tag, 0.001f);
  const auto start = std::chrono::steady_clock::now();
  for (int round = 0; round < kRounds; ++round) {
    for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 16
      for (int i = 0; i < kChains; ++i) sum[i] = hn::MulAdd(sum[i], factor, addend);
    }
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  auto all = sum[0];
  for (int i = 1; i < kChains; ++i) all = hn::Add(all, sum[i]);
  volatile float sink = hn::GetLane(all);
  static_cast<void>(sink);
  const double flops = 2.0 * static_cast<double>(hn::Lanes(tag)) * kChains * kSteps * kRounds;
  return flops / seconds.count() / 1e9;
}

}  // namespace

using Measure = double (*)();
constexpr Measure kMeasure = measure;

}  // namespace nopad::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nopad::bench {

double measure_fma_peak(Isa isa) { return NOPAD_SELECT(isa, kMeasure)(); }

}  // namespace nopad::bench
#endif
