#include "text/token_model_json.h"

#include <utility>
#include <vector>

#include "nopad/core/error.h"
#include "text/bpe.h"
#include "text/unigram.h"
#include "text/word_level.h"
#include "text/wordpiece_model.h"

namespace nopad::text {
namespace {

using nlohmann::json;

// "a b" of old files, or ["a", "b"].
Bpe::Merge parse_merge(const json& value, size_t index, std::string_view where) {
  if (value.is_array() && value.size() == 2 && value[0].is_string() && value[1].is_string()) {
    return {value[0].get<std::string>(), value[1].get<std::string>()};
  }
  if (value.is_string()) {
    const auto& line = value.get_ref<const std::string&>();
    const size_t blank = line.find(' ');
    if (blank != std::string::npos && line.find(' ', blank + 1) == std::string::npos) {
      return {line.substr(0, blank), line.substr(blank + 1)};
    }
  }
  fail<FormatError>(
      where, "[", index, "]: expected two tokens, got ",
      value.is_string() ? io::quote(value.get_ref<const std::string&>()) : io::describe(value));
}

std::vector<Bpe::Merge> parse_merges(const Component& part) {
  part.expect_array();
  std::vector<Bpe::Merge> merges;
  merges.reserve(part.value.size());
  for (size_t i = 0; i < part.value.size(); ++i) {
    const json& value = part.value[i];
    // The first line of a merges.txt.
    if (value.is_string() && value.get_ref<const std::string&>().starts_with("#version")) continue;
    merges.push_back(parse_merge(value, i, part.where));
  }
  return merges;
}

std::unique_ptr<TokenModel> parse_bpe(const Component& part, std::string_view where) {
  part.expect_keys({"type", "dropout", "unk_token", "continuing_subword_prefix",
                    "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges", "vocab",
                    "merges"});
  if (const auto dropout = io::find_number(part.value, "dropout", part.where).value_or(0);
      dropout != 0) {
    fail<FormatError>(part.where, ": dropout: expected null or 0, as tokens would be random, got ",
                      dropout);
  }
  const auto text = [&](const char* key) {
    return io::find_string(part.value, key, part.where).value_or("");
  };
  const auto flag = [&](const char* key) {
    return io::find_bool(part.value, key, part.where).value_or(false);
  };
  Bpe::Config config;
  config.unk_token = io::find_string(part.value, "unk_token", part.where);
  config.continuing_prefix = text("continuing_subword_prefix");
  config.end_suffix = text("end_of_word_suffix");
  config.fuse_unk = flag("fuse_unk");
  config.byte_fallback = flag("byte_fallback");
  config.ignore_merges = flag("ignore_merges");
  return std::make_unique<Bpe>(parse_vocab(part.child("vocab"), where),
                               parse_merges(part.child("merges")), std::move(config), where);
}

std::unique_ptr<TokenModel> parse_wordpiece(const Component& part, std::string_view where) {
  part.expect_keys(
      {"type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"});
  WordPiece::Config config;
  config.unk_token = part.require(io::find_string, "unk_token");
  config.continuing_prefix = part.require(io::find_string, "continuing_subword_prefix");
  config.max_word_chars = part.require(io::find_int, "max_input_chars_per_word");
  return std::make_unique<WordPieceModel>(
      WordPiece(parse_vocab(part.child("vocab"), where), std::move(config), where));
}

std::unique_ptr<TokenModel> parse_word_level(const Component& part, std::string_view where) {
  part.expect_keys({"type", "unk_token", "vocab"});
  return std::make_unique<WordLevel>(parse_vocab(part.child("vocab"), where),
                                     part.require(io::find_string, "unk_token"));
}

std::unique_ptr<TokenModel> parse_unigram(const Component& part, std::string_view where) {
  part.expect_keys({"type", "unk_id", "vocab", "byte_fallback"});
  const Component vocab = part.child("vocab");
  vocab.expect_array();
  std::vector<UnigramPiece> pieces;
  pieces.reserve(vocab.value.size());
  for (const json& piece : vocab.value) {
    if (!piece.is_array() || piece.size() != 2 || !piece[0].is_string() || !piece[1].is_number()) {
      fail<FormatError>(vocab.where, "[", pieces.size(), "]: expected a token and its score, got ",
                        io::describe(piece));
    }
    pieces.push_back({piece[0].get<std::string>(), piece[1].get<double>()});
  }
  return std::make_unique<UnigramModel>(UnigramModel::from_pieces(
      std::move(pieces), io::find_int(part.value, "unk_id", part.where),
      io::find_bool(part.value, "byte_fallback", part.where).value_or(false), where));
}

// What a model without a type is, by keys that only one kind has; in the package's order.
std::string_view guess_type(const json& model) {
  if (model.contains("merges")) return "BPE";
  if (model.contains("max_input_chars_per_word")) return "WordPiece";
  return model.contains("vocab") && model["vocab"].is_array() ? "Unigram" : "WordLevel";
}

}  // namespace

Vocab parse_vocab(const Component& part, std::string_view where) {
  part.expect_object();
  std::vector<VocabEntry> entries;
  entries.reserve(part.value.size());
  for (const auto& [token, id] : part.value.items()) {
    if (!id.is_number_integer()) {
      fail<FormatError>(part.where, ": ", io::quote(token), ": expected an integer, got ",
                        io::describe(id));
    }
    const bool too_large = id.is_number_unsigned() && id.get<uint64_t>() >= kMaxTokens;
    entries.push_back({token, too_large ? int64_t{kMaxTokens} : id.get<int64_t>()});
  }
  return Vocab::from_entries(std::move(entries), where);
}

std::unique_ptr<TokenModel> parse_token_model(const Component& part, std::string_view where) {
  using Parse = std::unique_ptr<TokenModel> (*)(const Component&, std::string_view);
  constexpr std::pair<std::string_view, Parse> kKinds[] = {{"BPE", parse_bpe},
                                                           {"WordPiece", parse_wordpiece},
                                                           {"WordLevel", parse_word_level},
                                                           {"Unigram", parse_unigram}};
  part.expect_object();
  const std::string type =
      part.value.contains("type") ? part.type() : std::string(guess_type(part.value));
  for (const auto& [name, parse] : kKinds) {
    if (name == type) return parse(part, where);
  }
  part.fail_type("BPE, WordPiece, WordLevel or Unigram");
}

}  // namespace nopad::text
