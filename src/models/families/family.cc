#include "models/families/family.h"

#include <algorithm>
#include <array>
#include <functional>

namespace nopad::models {
namespace {

constexpr std::array kFamilies = {albert_family,  bert_family,      distilbert_family,
                                  electra_family, gte_family,       modernbert_family,
                                  mpnet_family,   nomic_bert_family};

}  // namespace

const Family* find_family(std::string_view model_type) {
  for (const auto& family : kFamilies) {
    if (std::ranges::count(family().model_types, model_type) != 0) return &family();
  }
  return nullptr;
}

std::string known_model_types() {
  std::vector<std::string_view> types;
  for (const auto& family : kFamilies) {
    types.insert(types.end(), family().model_types.begin(), family().model_types.end());
  }
  return io::list_of(types, std::identity());
}

}  // namespace nopad::models
