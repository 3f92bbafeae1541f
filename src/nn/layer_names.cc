#include "nn/layer_names.h"

#include <cctype>
#include <map>

#include "nopad/core/error.h"

namespace nopad::nn {
namespace {

// "LayerNorm" is "layer_norm", "LSTM" is "lstm", "Conv1D" is "conv1d".
std::string snake_case(const std::string& kind) {
  const auto is_upper = [&](size_t i) { return std::isupper(static_cast<unsigned char>(kind[i])); };
  const auto is_lower = [&](size_t i) { return std::islower(static_cast<unsigned char>(kind[i])); };
  std::string out;
  for (size_t i = 0; i < kind.size(); ++i) {
    const bool begins_word =
        i > 0 && is_upper(i) && (is_lower(i - 1) || (i + 1 < kind.size() && is_lower(i + 1)));
    if (begins_word) out += '_';
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(kind[i])));
  }
  return out;
}

}  // namespace

std::vector<std::string> name_layers(std::span<const std::shared_ptr<const Layer>> layers) {
  std::vector<std::string> names;
  std::map<std::string, int> used;
  for (size_t i = 0; i < layers.size(); ++i) {
    size_t same = 0;
    while (same < i && !layers[same]->is_same(*layers[i])) ++same;
    if (same < i) {
      names.push_back(names[same]);
      continue;
    }
    const std::string kind = snake_case(layers[i]->kind());
    const int number = ++used[kind];
    names.push_back(number == 1 ? kind : concat(kind, "_", number));
  }
  return names;
}

}  // namespace nopad::nn
