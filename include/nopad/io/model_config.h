// ModelConfig: what a Hugging Face config.json says about a model, checked and typed.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nopad::io {

// One config.json, as transformers 3, 4 or 5 writes it, and what all models' files say alike. What
// one family's keys mean is read above this module. Keys that name code (auto_map, ...) are ignored.
// Copies share the parsed file.
class ModelConfig {
 public:
  // Throws FileError: can't be read; LimitError: larger than 1 MiB; FormatError: malformed.
  static ModelConfig load(const std::filesystem::path& config_json);
  // The same from the text of a file that messages call `where`.
  static ModelConfig parse(std::string_view text, std::string_view where);

  // "bert", ...; taken from the architecture's name in files from before the key existed.
  const std::string& model_type() const noexcept;
  // E.g. {"BertForMaskedLM"}: which head the weights were saved with. May be empty.
  const std::vector<std::string>& architectures() const noexcept;
  // The dtype that the weights were saved in ("float32"), under either of its two keys.
  const std::optional<std::string>& dtype() const noexcept;
  // The names of the classes, in order. Without any in the file: LABEL_0, LABEL_1, ... for its
  // num_labels, or for two.
  const std::vector<std::string>& labels() const noexcept;
  // "single_label_classification", "multi_label_classification", "regression", or none.
  const std::optional<std::string>& problem_type() const noexcept;

 private:
  friend class ConfigKeys;
  struct Content;
  explicit ModelConfig(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  std::shared_ptr<const Content> content_;
};

}  // namespace nopad::io
