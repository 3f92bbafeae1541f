// Embeds two texts with the model in a directory and prints how alike they are.
#include <cstdio>
#include <numeric>

#include "nopad/runtime/text_encoder.h"

int main(int argc, char** argv) {
  const auto encoder = nopad::TextEncoder::load(argc > 1 ? argv[1] : ".");
  const nopad::Tensor rows = encoder.embed({"hello boy", "i am a fish"});  // [2, D]
  const auto a = rows.rows(0, 1).values<float>(), b = rows.rows(1, 2).values<float>();
  std::printf("%.3f\n", std::inner_product(a.begin(), a.end(), b.begin(), 0.0));
}
