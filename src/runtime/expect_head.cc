#include "runtime/expect_head.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "nopad/core/error.h"

namespace nopad {
namespace {

// Heads that spell the names of their weights alike ("classifier.weight").
constexpr std::array<std::string_view, 4> kSpelledAlike = {
    "ForSequenceClassification", "ForTokenClassification", "ForMultipleChoice",
    "ForQuestionAnswering"};

bool has_own_weights(const models::EncoderConfig& encoder, const WeightSource& weights,
                     std::span<const models::ExpectedWeight> expected) {
  std::set<std::string> shared;  // e.g. word embeddings, which decode as well
  for (const auto& weight : models::Encoder::expected_weights(encoder)) {
    shared.insert(weight.name);
  }
  return std::ranges::any_of(expected, [&](const models::ExpectedWeight& weight) {
    return !shared.contains(weight.name) && weights.contains(weight.name);
  });
}

bool is_another_head(std::string_view architecture, std::string_view ending) {
  return !architecture.ends_with(ending) &&
         std::ranges::any_of(kSpelledAlike,
                             [&](std::string_view other) { return architecture.ends_with(other); });
}

}  // namespace

bool has_head(const io::ModelConfig& config, const models::EncoderConfig& encoder,
              const WeightSource& weights, const HeadName& name,
              std::span<const models::ExpectedWeight> expected) {
  const bool is_another = std::ranges::any_of(
      config.architectures(),
      [&](const std::string& architecture) { return is_another_head(architecture, name.ending); });
  return !is_another && has_own_weights(encoder, weights, expected);
}

void expect_head(const TextModel& model, const HeadName& name,
                 std::span<const models::ExpectedWeight> expected) {
  const io::ModelConfig& config = model.directory.config;
  if (has_head(config, model.encoder.config(), *model.weights, name, expected)) return;
  std::string got;
  for (const std::string& architecture : config.architectures()) {
    got += concat(got.empty() ? "" : ", ", architecture);
  }
  fail<FormatError>(model.directory.transformer.string(), ": expected a head for ", name.task,
                    ", got ", got.empty() ? "weights without one" : got);
}

}  // namespace nopad
