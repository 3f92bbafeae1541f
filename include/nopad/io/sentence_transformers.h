// Model directories: what lies in one, as sentence-transformers or as transformers writes it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "nopad/core/activation.h"
#include "nopad/core/pooling.h"
#include "nopad/io/model_config.h"

namespace nopad::io {

// Several modes are concatenated, in this order.
struct PoolingModule {
  std::vector<Pooling> modes = {Pooling::mean};
  std::optional<int64_t> dimension;  // of one token's vector, where the file tells
  bool include_prompt = true;        // false: a prompt's tokens are left out of the pooling
};

// activation(W x + b). The weights are "linear.weight" [out, in] and "linear.bias" [out] of
// open_checkpoint(directory).
struct DenseModule {
  int64_t in_features = 0;
  int64_t out_features = 0;
  bool bias = true;
  Activation activation = Activation::tanh;
  std::filesystem::path directory;
};

// Divides by the Euclidean norm, or by 1e-12 where that is larger.
struct NormalizeModule {};

// Sparse vectors of a masked language model's head, instead of all of the above.
struct SpladeModule {
  std::string activation = "relu";  // or "log1p_relu"
  std::string pooling = "max";      // or "sum"
};

using Module = std::variant<PoolingModule, DenseModule, NormalizeModule, SpladeModule>;

struct ModelDirectory {
  std::filesystem::path transformer;  // holds config.json, the weights and the tokenizer
  ModelConfig config;
  // Whether there is a modules.json. Without one `modules` is empty: the caller chooses a pooling.
  bool is_sentence_transformer = false;
  std::vector<Module> modules = {};  // what follows the transformer, in order
  // The two limits that a directory may state; max_sequence_length() makes one of them.
  std::optional<int64_t> max_seq_length = {};    // sentence_bert_config.json
  std::optional<int64_t> model_max_length = {};  // tokenizer_config.json
  bool do_lower_case = false;  // lower-case the text before it is tokenized (sentence_bert_config)
  std::map<std::string, std::string> prompts = {};
  std::optional<std::string> default_prompt_name = {};  // a key of `prompts`
  std::optional<std::string> similarity_fn_name = {};   // "cosine", "dot", "euclidean", "manhattan"
};

// Reads everything in a model directory but its weights and its tokenizer: config.json,
// modules.json and what it names, sentence_bert_config.json (or its older names),
// config_sentence_transformers.json, and the limit in tokenizer_config.json. Paths in modules.json
// must lie in the directory. Throws FileError: no directory, no config.json; FormatError naming the
// file and the key: malformed, a module that is not known; LimitError: a file larger than 1 MiB
// (tokenizer_config.json: 16 MiB).
ModelDirectory describe_directory(const std::filesystem::path& directory);

// The most tokens of one text, special tokens included, by sentence-transformers' rule:
// `max_seq_length` where it is given, else `model_max_length`; never more than `max_tokens`, the
// positions that the model has (models::EncoderConfig::max_tokens()).
// Differs on purpose from sentence-transformers where its own value makes the model raise: a limit
// beyond the positions, and the rows that the RoBERTa family does not use.
int64_t max_sequence_length(std::optional<int64_t> max_seq_length,
                            std::optional<int64_t> model_max_length, int64_t max_tokens);

}  // namespace nopad::io
