// The instruction sets that this machine can run, as parameters of tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "nopad/core/isa.h"

namespace nopad::test {

// Those with a vector unit of their own: what f32 kernels come in.
inline std::vector<Isa> vector_isas() {
  std::vector<Isa> isas = supported_isas();
  std::erase_if(isas, [](Isa isa) { return vector_isa(isa) != isa; });
  return isas;
}

// "amx_emulated": the name users type, as a test's name must be spelled.
inline std::string isa_name(const testing::TestParamInfo<Isa>& parameter) {
  std::string name(to_string(parameter.param));
  std::ranges::replace(name, '-', '_');
  return name;
}

}  // namespace nopad::test
