// Texts and the vectors that sentence-transformers gave for them, each alone; see tools/recording.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nopad/io/safetensors.h"

namespace nopad::test {

struct RecordedTexts {
  std::vector<std::string> texts;
  Tensor embeddings;  // [texts, dim] f32
};

inline RecordedTexts load_recorded_texts(const std::filesystem::path& directory) {
  RecordedTexts out;
  std::ifstream file(directory / "recorded.json");
  const nlohmann::json recorded = nlohmann::json::parse(file);
  for (const auto& item : recorded.at("texts")) {
    out.texts.push_back(item.is_string() ? item.get<std::string>()
                                         : item.at("text").get<std::string>());
  }
  out.embeddings = io::SafetensorsFile(directory / "recorded.safetensors").load("embeddings");
  return out;
}

}  // namespace nopad::test
