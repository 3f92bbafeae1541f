// Tokenizer::load: from the files of a model directory to a pipeline.
#include <algorithm>
#include <utility>

#include "io/json.h"
#include "nopad/core/error.h"
#include "nopad/io/file.h"
#include "nopad/text/tokenizer.h"
#include "text/pipeline.h"
#include "text/tokenizer_config.h"
#include "text/tokenizer_json.h"

namespace nopad::text {
namespace {

constexpr uint64_t kMaxConfigBytes = uint64_t{1} << 24;

void apply(const TokenizerConfig& config, BertParts& parts) {
  if (config.normalizer) {
    const bool clean_text = parts.normalizer.clean_text;  // no key of the config speaks of it
    parts.normalizer = *config.normalizer;
    parts.normalizer.clean_text = clean_text;
  }
  parts.names = config.names;
  parts.model_max_length = config.model_max_length;
  for (const AddedToken& token : config.added_tokens) {
    const auto same = std::find_if(parts.added_tokens.begin(), parts.added_tokens.end(),
                                   [&](const AddedToken& t) { return t.content == token.content; });
    if (same == parts.added_tokens.end()) parts.added_tokens.push_back(token);
  }
}

}  // namespace

Tokenizer Tokenizer::load(const std::filesystem::path& directory) {
  const auto json_path = directory / "tokenizer.json";
  const auto vocab_path = directory / "vocab.txt";
  const auto config_path = directory / "tokenizer_config.json";
  const bool has_json = std::filesystem::exists(json_path);
  if (!has_json && !std::filesystem::exists(vocab_path)) {
    fail<FileError>(directory.string(), ": expected tokenizer.json or vocab.txt, got neither");
  }
  const std::string where = (has_json ? json_path : vocab_path).string();
  BertParts parts = has_json
                        ? parse_tokenizer_json(io::read_json(json_path, kMaxVocabFileBytes), where)
                        : BertParts{};
  if (!has_json)
    parts.vocab = Vocab::from_lines(io::read_file(vocab_path, kMaxVocabFileBytes), where);
  if (std::filesystem::exists(config_path)) {
    const auto file = io::read_json(config_path, kMaxConfigBytes);
    apply(parse_tokenizer_config(file, config_path.string()), parts);
  }
  if (!has_json) parts.model.unk_token = parts.names.unknown;
  return Tokenizer(build_bert(std::move(parts), where));
}

}  // namespace nopad::text
