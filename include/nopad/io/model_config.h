// ModelConfig: what a Hugging Face config.json says about a model, checked and typed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/core/activation.h"

namespace nopad::io {

// How attention learns of positions, as config.json spells it.
enum class PositionEmbedding { absolute, relative_key, relative_key_query };

std::string_view to_string(PositionEmbedding kind) noexcept;

// BERT and the models that share its keys: roberta, xlm-roberta, camembert. The defaults are those
// of transformers for "bert"; the others' differ where it says so.
struct BertConfig {
  int64_t vocab_size = 30522;  // roberta: 50265
  int64_t hidden_size = 768;
  int64_t num_hidden_layers = 12;
  int64_t num_attention_heads = 12;  // divides hidden_size
  int64_t intermediate_size = 3072;
  Activation hidden_act = Activation::gelu;
  int64_t max_position_embeddings = 512;  // rows of the position table
  // Rows of that table that no token uses: 0, or pad_token_id + 1 in the RoBERTa family.
  int64_t position_offset = 0;
  int64_t type_vocab_size = 2;
  double layer_norm_eps = 1e-12;
  int64_t pad_token_id = 0;  // RoBERTa family: 1
  PositionEmbedding position_embedding = PositionEmbedding::absolute;
  bool is_decoder = false;

  // The longest sequence that the position table has rows for.
  int64_t max_tokens() const noexcept { return max_position_embeddings - position_offset; }
};

// One config.json, as transformers 3, 4 or 5 writes it. Keys that name code (auto_map, ...) and
// keys that do not change what a loaded model computes are ignored. Copies share the parsed file.
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

  // Throws FormatError: another family's model_type, a value of the wrong type or out of range
  // ("DIR/config.json: hidden_size: expected 1 to 65536, got 0"), an activation that is not known.
  BertConfig bert() const;

 private:
  struct Content;
  explicit ModelConfig(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  std::shared_ptr<const Content> content_;
};

}  // namespace nopad::io
