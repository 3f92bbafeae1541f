// What the pipelines of transformers gave for the directories in tests/data/pipelines, each text
// alone; see tools/recording.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/text/tokenizer.h"

namespace nopad::test {

// Scores are this near to the recorded ones.
inline constexpr float kPipelineScore = 1e-5F;

inline std::filesystem::path pipeline_directory(std::string_view name) {
  return std::filesystem::path(NOPAD_TEST_DATA) / "pipelines" / name;
}

// The records of one task: "options", "inputs" and "outputs", one for each input.
inline std::vector<nlohmann::json> load_pipeline(std::string_view name, std::string_view task) {
  std::ifstream file(pipeline_directory(name) / "expected.json");
  std::vector<nlohmann::json> records;
  for (const auto& record : nlohmann::json::parse(file)) {
    if (record.at("task") == task) records.push_back(record);
  }
  return records;
}

// The byte at which a character of a text begins: transformers counts characters.
inline int64_t byte_of_character(std::string_view text, int64_t character) {
  size_t at = 0;
  const auto continues = [&] {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
  };
  for (; character > 0; --character) {
    ++at;
    while (continues()) ++at;
  }
  return static_cast<int64_t>(at);
}

// Of an object with "start" and "end".
inline text::Span span_of(const nlohmann::json& item, std::string_view text) {
  return {byte_of_character(text, item.at("start").get<int64_t>()),
          byte_of_character(text, item.at("end").get<int64_t>())};
}

}  // namespace nopad::test
