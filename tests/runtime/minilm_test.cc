// The real default model, where ./quickstart or tools/fetch_model has put it (NOPAD_MODEL_DIR
// elsewhere).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "nopad/runtime/text_encoder.h"
#include "recorded_texts.h"
#include "tolerance.h"

namespace nopad {
namespace {

namespace fs = std::filesystem;

fs::path model_directory() {
  if (const char* const named = std::getenv("NOPAD_MODEL_DIR")) return named;
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  const char* const home = std::getenv("HOME");
  const fs::path base =
      cache != nullptr ? fs::path(cache) : fs::path(home == nullptr ? "" : home) / ".cache";
  return base / "nopad" / "models" / "all-MiniLM-L6-v2";
}

class MiniLm : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!fs::exists(model_directory())) {
      GTEST_SKIP() << "no model at " << model_directory()
                   << "; tools/fetch_model brings it (86 MB)";
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Isas, MiniLm, testing::ValuesIn(supported_isas()),
                         [](const auto& parameter) {
                           std::string name(to_string(parameter.param));
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(MiniLm, EqualsSentenceTransformers) {
  if (GetParam() == Isa::amx_emulated) return;
  const auto recorded = test::load_recorded_texts(fs::path(NOPAD_TEST_DATA) / "models" / "minilm");
  const TextEncoder encoder =
      TextEncoder::load(model_directory(), {.dtype = ComputeType::f32, .isa = GetParam()});
  EXPECT_EQ(encoder.max_length(), 256);
  test::expect_close(encoder.embed(recorded.texts), recorded.embeddings, test::kF32Model);
}

}  // namespace
}  // namespace nopad
