#include "text/sentencepiece_conversion.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "io/json.h"
#include "nopad/core/error.h"
#include "text/base64.h"
#include "text/unicode.h"

namespace nopad::text {
namespace {

using nlohmann::json;

constexpr const char* kMetaspace = "\u2581";
constexpr size_t kMaxBpePieceBytes = 256;

struct ScoredToken {
  std::string token;
  double score;
};

// A token that is looked for in the raw text.
struct Special {
  std::string_view token;
  bool is_mask = false;     // takes the blanks before it along
  bool normalized = false;  // looked for in the normalized text
};

struct AlbertSettings {
  bool do_lower_case = true;
  bool keep_accents = false;
};

struct FamilyRules {
  std::vector<ScoredToken> first;  // instead of the model's own
  size_t num_dropped;              // of the model's own
  bool appends_mask;
  std::optional<int64_t> unk_id;  // none: the model's
  std::vector<Special> specials;
  const char* begin;  // of the frame; null: none
  const char* end;
};

FamilyRules rules_of(SentencePieceFamily family) {
  switch (family) {
    case SentencePieceFamily::albert:
      return {{},
              0,
              false,
              std::nullopt,
              {{"<pad>"}, {"<unk>"}, {"[CLS]"}, {"[SEP]"}, {"[MASK]", true}},
              "[CLS]",
              "[SEP]"};
    case SentencePieceFamily::camembert:
      return {{{"<s>NOTUSED", 0},
               {"<pad>", 0},
               {"</s>NOTUSED", 0},
               {"<unk>", 0},
               {"<unk>NOTUSED", -100}},
              1,
              true,
              3,
              {{"<s>NOTUSED"},
               {"<pad>"},
               {"</s>NOTUSED"},
               {"<unk>"},
               {"<unk>NOTUSED"},
               {"<s>"},
               {"</s>"},
               {"<mask>", true}},
              "<s>",
              "</s>"};
    case SentencePieceFamily::xlm_roberta:
      return {{{"<s>", 0}, {"<pad>", 0}, {"</s>", 0}, {"<unk>", 0}},
              3,
              true,
              3,
              {{"<s>"}, {"<pad>"}, {"</s>"}, {"<unk>"}, {"<mask>", true, true}},
              "<s>",
              "</s>"};
    case SentencePieceFamily::plain: break;
  }
  return {{}, 0, false, std::nullopt, {}, nullptr, nullptr};
}

// "2," and the like: ALBERT's tokenizer avoids them.
bool is_digit_and_comma(std::string_view token) noexcept {
  if (token.size() < 2 || token.back() != ',') return false;
  const char before = token[token.size() - 2];
  return before >= '0' && before <= '9';
}

class Conversion {
 public:
  Conversion(const SentencePieceModel& model, SentencePieceFamily family, std::string_view where)
      : model_(model), family_(family), rules_(rules_of(family)), where_(where) {
    const auto& pieces = model.pieces;
    if (pieces.size() < rules_.num_dropped) {
      fail<FormatError>(where, ": pieces: expected at least ", rules_.num_dropped, ", got ",
                        pieces.size());
    }
    tokens_ = rules_.first;
    for (size_t i = rules_.num_dropped; i < pieces.size(); ++i) {
      const bool avoided =
          family == SentencePieceFamily::albert && is_digit_and_comma(pieces[i].token);
      tokens_.push_back({pieces[i].token, double{pieces[i].score} - (avoided ? 100 : 0)});
    }
    if (rules_.appends_mask) tokens_.push_back({"<mask>", 0});
    for (size_t id = 0; id < tokens_.size(); ++id) ids_[tokens_[id].token] = id;
  }

  json file(const AlbertSettings& settings) const {
    const bool prefix = family_ != SentencePieceFamily::plain || model_.add_dummy_prefix;
    const json metaspace = {{"type", "Metaspace"},
                            {"replacement", kMetaspace},
                            {"prepend_scheme", prefix ? "always" : "never"},
                            {"split", true}};
    return {{"version", "1.0"},
            {"added_tokens", added_tokens()},
            {"normalizer", normalizer(settings)},
            {"pre_tokenizer", metaspace},
            {"post_processor", post_processor()},
            {"decoder", metaspace},
            {"model", token_model()}};
  }

 private:
  json token_model() const;
  json unigram() const;
  json bpe() const;
  json merges() const;
  json normalizer(const AlbertSettings& settings) const;
  json post_processor() const;
  json added_tokens() const;
  size_t expect_id(const char* token) const;

  const SentencePieceModel& model_;
  SentencePieceFamily family_;
  FamilyRules rules_;
  std::string_view where_;
  std::vector<ScoredToken> tokens_;  // by id
  std::unordered_map<std::string_view, size_t> ids_;
};

json Conversion::token_model() const {
  switch (model_.algorithm) {
    case SentencePieceAlgorithm::unigram: return unigram();
    case SentencePieceAlgorithm::bpe: return bpe();
    case SentencePieceAlgorithm::word:
    case SentencePieceAlgorithm::character: break;
  }
  fail<FormatError>(where_, ": trainer_spec: model_type: expected 1 (Unigram) or 2 (BPE), got ",
                    static_cast<int>(model_.algorithm));
}

json Conversion::unigram() const {
  json vocab = json::array();
  for (const ScoredToken& token : tokens_) {
    vocab.push_back(json::array({token.token, token.score}));
  }
  const bool plain = family_ == SentencePieceFamily::plain;
  return {{"type", "Unigram"},
          {"unk_id", rules_.unk_id.value_or(model_.unk_id)},
          {"vocab", std::move(vocab)},
          {"byte_fallback", plain && model_.byte_fallback}};
}

json Conversion::bpe() const {
  json vocab = json::object();
  for (const auto& [token, id] : ids_) vocab[std::string(token)] = id;
  const bool plain = family_ == SentencePieceFamily::plain;
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", model_.unk_piece},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", true},
          {"byte_fallback", plain && model_.byte_fallback},
          {"ignore_merges", false},
          {"vocab", std::move(vocab)},
          {"merges", merges()}};
}

// The model has scores only: a merge is any two tokens that make a third, the best score first.
json Conversion::merges() const {
  struct Merge {
    std::string_view left, right;
    double score;
    size_t left_id, right_id;
  };
  std::vector<Merge> all;
  for (const ScoredToken& whole : tokens_) {
    const std::string_view token = whole.token;
    if (token.size() > kMaxBpePieceBytes) {
      fail<FormatError>(where_, ": pieces: expected BPE pieces of at most ", kMaxBpePieceBytes,
                        " bytes, got ", token.size());
    }
    const auto begin = std::ssize(all);
    for (size_t at = decode_utf8(token, 0).num_bytes; at < token.size();
         at += decode_utf8(token, at).num_bytes) {
      const auto left = ids_.find(token.substr(0, at)), right = ids_.find(token.substr(at));
      if (left == ids_.end() || right == ids_.end()) continue;
      all.push_back({left->first, right->first, whole.score, left->second, right->second});
    }
    std::sort(all.begin() + begin, all.end(), [](const Merge& a, const Merge& b) {
      return std::pair(a.left_id, a.right_id) < std::pair(b.left_id, b.right_id);
    });
  }
  std::stable_sort(all.begin(), all.end(), [](const Merge& a, const Merge& b) {
    if (a.score != b.score) return a.score > b.score;
    return std::pair(count_chars(a.left), count_chars(a.right)) >
           std::pair(count_chars(b.left), count_chars(b.right));
  });
  json out = json::array();
  for (const Merge& merge : all) out.push_back(json::array({merge.left, merge.right}));
  return out;
}

json Conversion::normalizer(const AlbertSettings& settings) const {
  const bool albert = family_ == SentencePieceFamily::albert;
  const auto replace = [](const char* kind, const char* pattern, const char* content) {
    return json{{"type", "Replace"}, {"pattern", {{kind, pattern}}}, {"content", content}};
  };
  json steps = json::array();
  if (albert) {
    steps.push_back(replace("String", "``", "\""));
    steps.push_back(replace("String", "''", "\""));
    if (!settings.keep_accents) {
      steps.push_back({{"type", "NFKD"}});
      steps.push_back({{"type", "StripAccents"}});
    }
    if (settings.do_lower_case) steps.push_back({{"type", "Lowercase"}});
  }
  if (!model_.charsmap.empty()) {
    steps.push_back(
        {{"type", "Precompiled"}, {"precompiled_charsmap", to_base64(model_.charsmap)}});
  }
  if (!albert) steps.push_back({{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}});
  steps.push_back(replace("Regex", " {2,}", albert ? " " : kMetaspace));
  return {{"type", "Sequence"}, {"normalizers", std::move(steps)}};
}

json Conversion::post_processor() const {
  if (rules_.begin == nullptr) return nullptr;
  const auto token = [](const char* id, int type) {
    return json{{"SpecialToken", {{"id", id}, {"type_id", type}}}};
  };
  const auto text = [](const char* id, int type) {
    return json{{"Sequence", {{"id", id}, {"type_id", type}}}};
  };
  const bool albert = family_ == SentencePieceFamily::albert;
  json pair = {token(rules_.begin, 0), text("A", 0), token(rules_.end, 0)};
  if (!albert) pair.push_back(token(rules_.end, 0));
  pair.push_back(text("B", albert ? 1 : 0));
  pair.push_back(token(rules_.end, albert ? 1 : 0));
  json table = json::object();
  for (const char* name : {rules_.begin, rules_.end}) {
    table[name] = {
        {"id", name}, {"ids", json::array({expect_id(name)})}, {"tokens", json::array({name})}};
  }
  return {{"type", "TemplateProcessing"},
          {"single", {token(rules_.begin, 0), text("A", 0), token(rules_.end, 0)}},
          {"pair", std::move(pair)},
          {"special_tokens", std::move(table)}};
}

// Those that the family has, and the model's own control and user-defined pieces, by their ids.
json Conversion::added_tokens() const {
  const auto entry = [](const Special& token, bool is_special) {
    return json{{"content", token.token},         {"single_word", false},
                {"lstrip", token.is_mask},        {"rstrip", false},
                {"normalized", token.normalized}, {"special", is_special}};
  };
  std::map<size_t, json> by_id;
  for (const Special& special : rules_.specials) {
    const auto found = ids_.find(special.token);
    if (found != ids_.end()) by_id.emplace(found->second, entry(special, true));
  }
  for (const SentencePiece& piece : model_.pieces) {
    const bool is_control = piece.type == PieceType::control;
    if (!is_control && piece.type != PieceType::user_defined) continue;
    const auto found = ids_.find(piece.token);
    if (found != ids_.end()) by_id.emplace(found->second, entry({piece.token}, is_control));
  }
  json out = json::array();
  for (auto& [id, token] : by_id) {
    token["id"] = id;
    out.push_back(std::move(token));
  }
  return out;
}

size_t Conversion::expect_id(const char* token) const {
  const auto found = ids_.find(token);
  if (found == ids_.end()) fail<FormatError>(where_, ": pieces: expected ", token, ", got none");
  return found->second;
}

}  // namespace

SentencePieceFamily sentencepiece_family(const std::optional<std::string>& tokenizer_class,
                                         std::string_view file_name,
                                         const std::optional<std::string>& model_type,
                                         std::string_view where) {
  struct Named {
    std::string_view name;
    SentencePieceFamily family;
  };
  using enum SentencePieceFamily;
  constexpr std::array<Named, 4> kClasses = {{{"AlbertTokenizer", albert},
                                              {"CamembertTokenizer", camembert},
                                              {"XLMRobertaTokenizer", xlm_roberta},
                                              {"T5Tokenizer", plain}}};
  constexpr std::array<Named, 5> kHints = {{{"albert", albert},
                                            {"camembert", camembert},
                                            {"xlm-roberta", xlm_roberta},
                                            {"spiece.model", albert},
                                            {"sentencepiece.bpe.model", xlm_roberta}}};
  if (tokenizer_class && *tokenizer_class != "PreTrainedTokenizerFast") {
    std::string_view name = *tokenizer_class;
    if (name.ends_with("Fast")) name.remove_suffix(4);
    for (const Named& known : kClasses) {
      if (known.name == name) return known.family;
    }
    fail<FormatError>(where,
                      ": tokenizer_class: expected AlbertTokenizer, CamembertTokenizer, "
                      "XLMRobertaTokenizer or T5Tokenizer for a sentencepiece model, got ",
                      io::quote(*tokenizer_class));
  }
  const std::string type = model_type.value_or("");
  for (const std::string_view hint : {std::string_view(type), file_name}) {
    for (const Named& known : kHints) {
      if (known.name == hint) return known.family;
    }
  }
  return plain;
}

json sentencepiece_to_tokenizer_json(const SentencePieceModel& model, SentencePieceFamily family,
                                     const json& config, std::string_view where) {
  AlbertSettings settings;
  settings.do_lower_case = io::find_bool(config, "do_lower_case", where).value_or(true);
  settings.keep_accents = io::find_bool(config, "keep_accents", where).value_or(false);
  return Conversion(model, family, where).file(settings);
}

}  // namespace nopad::text
