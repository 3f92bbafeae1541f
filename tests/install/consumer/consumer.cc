// Uses an installed nopad as a stranger would: embeds two texts and prints the shape of the result.
#include <cstdio>
#include <string>

#include "nopad/runtime/text_encoder.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto encoder = nopad::TextEncoder::load(argv[1]);
  const nopad::Tensor rows = encoder.embed({"hello boy", "i am a fish"});
  std::printf("%s\n", nopad::to_string(rows.shape()).c_str());
}
