// Tokenizer::load: from the files of a model directory to a pipeline.
#include <algorithm>
#include <utility>

#include "io/json.h"
#include "nopad/core/error.h"
#include "nopad/io/file.h"
#include "nopad/text/tokenizer.h"
#include "text/pipeline.h"
#include "text/pre_tokenizers/byte_level.h"
#include "text/roberta_files.h"
#include "text/sentencepiece_conversion.h"
#include "text/sentencepiece_model.h"
#include "text/tokenizer_config.h"
#include "text/tokenizer_json.h"

namespace nopad::text {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMaxConfigBytes = uint64_t{1} << 24;
constexpr const char* kSentencePieceFiles[] = {"spiece.model", "sentencepiece.bpe.model",
                                               "sentencepiece.model"};

// A directory and the JSON files in it that say how its vocabulary is to be used.
class ModelDirectory {
 public:
  explicit ModelDirectory(const fs::path& path)
      : path_(path), config_json_(read("tokenizer_config.json")) {
    add_special_tokens_map();
    config_ = parse_tokenizer_config(config_json_, file("tokenizer_config.json").string());
  }

  fs::path file(const char* name) const { return path_ / name; }
  bool has(const char* name) const { return fs::exists(file(name)); }
  const json& config_json() const noexcept { return config_json_; }
  const TokenizerConfig& config() const noexcept { return config_; }
  // The content of a file; an empty object if there is none.
  json read(const char* name) const {
    return has(name) ? io::read_json(file(name), kMaxConfigBytes) : json::object();
  }
  // Tokens that were added to a vocabulary file: of tokenizer_config.json, and of added_tokens.json.
  std::vector<AddedToken> added_tokens() const;

 private:
  // Old releases of transformers wrote the names of special tokens into a file of their own.
  void add_special_tokens_map() {
    const json names = read("special_tokens_map.json");
    if (!names.is_object() || !config_json_.is_object()) return;
    for (const auto& [key, value] : names.items()) {
      if (!config_json_.contains(key)) config_json_[key] = value;
    }
  }

  fs::path path_;
  json config_json_;
  TokenizerConfig config_;
};

std::vector<AddedToken> ModelDirectory::added_tokens() const {
  std::vector<AddedToken> tokens = config_.added_tokens;
  const std::string where = file("added_tokens.json").string();
  const json added = read("added_tokens.json");
  if (!added.is_object())
    fail<FormatError>(where, ": expected an object, got ", io::describe(added));
  for (const auto& item : added.items()) {
    const auto same = [&](const AddedToken& token) { return token.content == item.key(); };
    if (std::any_of(tokens.begin(), tokens.end(), same)) continue;
    const json entry = {{"content", item.key()}, {"id", item.value()}, {"single_word", false},
                        {"lstrip", false},       {"rstrip", false},    {"normalized", true},
                        {"special", false}};
    tokens.push_back(parse_added_token(entry, std::nullopt, where));
  }
  std::sort(tokens.begin(), tokens.end(),
            [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  return tokens;
}

// As transformers does: a class's settings go before those of tokenizer.json.
void apply(const TokenizerConfig& config, PipelineParts& parts) {
  if (config.normalizer && parts.bert_normalizer) {
    const bool clean_text = parts.bert_normalizer->clean_text;  // no key of the config speaks of it
    parts.bert_normalizer = *config.normalizer;
    parts.bert_normalizer->clean_text = clean_text;
  }
  const auto* byte_level = dynamic_cast<const ByteLevelPreTokenizer*>(parts.pre_tokenizer.get());
  if (config.add_prefix_space && byte_level != nullptr) {
    ByteLevelPreTokenizer::Config settings = byte_level->config();
    settings.add_prefix_space = *config.add_prefix_space;
    parts.pre_tokenizer = std::make_unique<ByteLevelPreTokenizer>(settings);
    for (SpanTrim& trim : parts.post_processing.trims) {
      trim.add_prefix_space = *config.add_prefix_space;
    }
  }
}

void add_tokens(const std::vector<AddedToken>& tokens, PipelineParts& parts) {
  for (const AddedToken& token : tokens) {
    const auto same = [&](const AddedToken& t) { return t.content == token.content; };
    if (std::none_of(parts.added_tokens.begin(), parts.added_tokens.end(), same)) {
      parts.added_tokens.push_back(token);
    }
  }
}

// BERT's class knows its tokens by name, as far as the vocab has them, though no file names them.
void fill_known_names(PipelineParts& parts) {
  const SpecialNames usual = make_bert_names();
  const auto fill = [&](std::optional<AddedToken>& name,
                        const std::optional<AddedToken>& usual_name) {
    if (!name && parts.model->vocab().find(usual_name->content)) name = usual_name;
  };
  fill(parts.names.unknown, usual.unknown);
  fill(parts.names.classify, usual.classify);
  fill(parts.names.separate, usual.separate);
  fill(parts.names.pad, usual.pad);
  fill(parts.names.mask, usual.mask);
}

PipelineParts load_json(const ModelDirectory& directory) {
  const fs::path path = directory.file("tokenizer.json");
  PipelineParts parts =
      parse_tokenizer_json(io::read_json(path, kMaxVocabFileBytes), path.string());
  add_tokens(directory.config().added_tokens, parts);
  parts.names = directory.config().names;
  if (directory.config().family == TokenizerFamily::bert && parts.bert_normalizer) {
    fill_known_names(parts);
  }
  return parts;
}

PipelineParts load_roberta(const ModelDirectory& directory) {
  const fs::path path = directory.file("vocab.json");
  const fs::path merges_path = directory.file("merges.txt");
  const TokenizerConfig& config = directory.config();
  if (config.tokenizer_class && config.family != TokenizerFamily::roberta) {
    fail<FormatError>(directory.file("tokenizer_config.json").string(),
                      ": tokenizer_class: expected RobertaTokenizer for vocab.json and merges.txt "
                      "without a tokenizer.json, got ",
                      io::quote(*config.tokenizer_class));
  }
  const auto merges =
      parse_merges_txt(io::read_file(merges_path, kMaxVocabFileBytes), merges_path.string());
  PipelineParts parts = make_roberta_parts(io::read_json(path, kMaxVocabFileBytes), merges,
                                           fill_names(config.names, TokenizerFamily::roberta),
                                           config.add_prefix_space.value_or(false), path.string());
  add_tokens(directory.added_tokens(), parts);
  return parts;
}

PipelineParts load_vocab_txt(const ModelDirectory& directory) {
  const std::string path = directory.file("vocab.txt").string();
  const TokenizerConfig& config = directory.config();
  const bool is_mpnet = config.family == TokenizerFamily::mpnet;
  PipelineParts parts =
      make_bert_parts(Vocab::from_lines(io::read_file(path, kMaxVocabFileBytes), path),
                      fill_names(config.names, config.family),
                      is_mpnet ? FrameKind::roberta : FrameKind::bert, path);
  add_tokens(directory.added_tokens(), parts);
  return parts;
}

PipelineParts load_sentencepiece(const ModelDirectory& directory, const char* name) {
  const std::string path = directory.file(name).string();
  const auto model = SentencePieceModel::parse(io::read_file(path, kMaxVocabFileBytes), path);
  const auto model_type = io::find_string(directory.read("config.json"), "model_type",
                                          directory.file("config.json").string());
  const auto family =
      sentencepiece_family(directory.config().tokenizer_class, name, model_type, path);
  PipelineParts parts = parse_tokenizer_json(
      sentencepiece_to_tokenizer_json(model, family, directory.config_json(), path), path);
  add_tokens(directory.added_tokens(), parts);
  parts.names = directory.config().names;
  return parts;
}

std::shared_ptr<const Pipeline> build(const ModelDirectory& directory, PipelineParts parts,
                                      const char* name) {
  apply(directory.config(), parts);
  parts.model_max_length = directory.config().model_max_length;
  return build_pipeline(std::move(parts), directory.file(name).string());
}

}  // namespace

Tokenizer Tokenizer::load(const fs::path& path) {
  const ModelDirectory directory(path);
  if (directory.has("tokenizer.json")) {
    return Tokenizer(build(directory, load_json(directory), "tokenizer.json"));
  }
  if (directory.has("vocab.json") && directory.has("merges.txt")) {
    return Tokenizer(build(directory, load_roberta(directory), "vocab.json"));
  }
  if (directory.has("vocab.txt")) {
    return Tokenizer(build(directory, load_vocab_txt(directory), "vocab.txt"));
  }
  for (const char* name : kSentencePieceFiles) {
    if (!directory.has(name)) continue;
    return Tokenizer(build(directory, load_sentencepiece(directory, name), name));
  }
  fail<FileError>(path.string(),
                  ": expected tokenizer.json, vocab.json and merges.txt, vocab.txt, spiece.model, "
                  "sentencepiece.bpe.model or sentencepiece.model, got none of them");
}

}  // namespace nopad::text
