#include "text/pipeline.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "io/json.h"
#include "nopad/core/error.h"
#include "text/bert_encoder.h"
#include "text/byte_level_encoder.h"
#include "text/general_encoder.h"
#include "text/normalizers/bert.h"
#include "text/pre_tokenizers/byte_level.h"
#include "text/pre_tokenizers/char_splits.h"
#include "text/wordpiece_decoder.h"
#include "text/wordpiece_model.h"

namespace nopad::text {
namespace {

// In the order of the file: a token that the vocab lacks takes the id after the last.
void expect_added_ids(const Vocab& vocab, const std::vector<AddedToken>& tokens,
                      std::string_view where) {
  int64_t next_id = vocab.size();
  std::set<std::string_view> seen;
  for (const AddedToken& token : tokens) {
    if (!seen.insert(token.content).second) {
      fail<FormatError>(where, ": added_tokens: expected each token once, got ",
                        io::quote(token.content), " twice");
    }
    const auto known = vocab.find(token.content);
    const int64_t expected = known ? *known : next_id++;
    if (token.id != expected) {
      fail<FormatError>(where, ": added_tokens: expected id ", expected, " for ",
                        io::quote(token.content), ", got ", token.id);
    }
  }
}

void add_named_tokens(PipelineParts& parts) {
  const auto add = [&](AddedToken token) {
    const auto id = parts.model->vocab().find(token.content);
    const auto same = [&](const AddedToken& t) { return t.content == token.content; };
    auto& tokens = parts.added_tokens;
    if (!id || std::any_of(tokens.begin(), tokens.end(), same)) return;
    token.id = *id;
    tokens.push_back(std::move(token));
  };
  const auto& names = parts.names;
  for (const auto& name : {names.unknown, names.separate, names.pad, names.classify, names.mask}) {
    if (name) add(*name);
  }
  for (const AddedToken& name : names.others) add(name);
}

class IdFinder {
 public:
  IdFinder(const PipelineParts& parts, std::string_view where) : parts_(parts), where_(where) {}

  std::optional<int32_t> find(std::string_view name) const {
    for (const AddedToken& token : parts_.added_tokens) {
      if (token.content == name) return token.id;
    }
    return parts_.model->vocab().find(name);
  }
  // The token that has a role: the one that is named, else the first of the usual ones.
  std::optional<int32_t> find_role(const std::optional<AddedToken>& name,
                                   std::initializer_list<std::string_view> usual) const {
    if (name) return find(name->content);
    for (const std::string_view content : usual) {
      if (const auto id = find(content)) return id;
    }
    return std::nullopt;
  }
  std::optional<int32_t> require_role(std::string_view role, const std::optional<AddedToken>& name,
                                      std::initializer_list<std::string_view> usual) const {
    const auto id = find_role(name, usual);
    if (name && !id) {
      fail<FormatError>(where_, ": ", role, ": expected ", io::quote(name->content),
                        " in the vocab, got none");
    }
    return id;
  }
  bool has_token(int32_t id) const {
    const auto same = [&](const AddedToken& token) { return token.id == id; };
    return parts_.model->vocab().contains(id) ||
           std::any_of(parts_.added_tokens.begin(), parts_.added_tokens.end(), same);
  }

 private:
  const PipelineParts& parts_;
  std::string_view where_;
};

SpecialIds find_special_ids(const IdFinder& ids, const PipelineParts& parts) {
  const SpecialNames& names = parts.names;
  SpecialIds out;
  out.unknown = ids.require_role("unk_token", names.unknown, {"[UNK]", "<unk>"});
  if (!names.unknown && parts.model->unknown_id()) out.unknown = parts.model->unknown_id();
  out.classify = ids.require_role("cls_token", names.classify, {"[CLS]", "<s>"});
  out.separate = ids.require_role("sep_token", names.separate, {"[SEP]", "</s>"});
  out.pad = ids.find_role(names.pad, {"[PAD]", "<pad>"});
  out.mask = ids.find_role(names.mask, {"[MASK]", "<mask>"});
  return out;
}

void expect_frame(const Frame& frame, const IdFinder& ids, std::string_view where) {
  for (const bool is_pair : {false, true}) {
    for (const FramePart& part : frame.parts(is_pair)) {
      if (part.source == Source::frame && !ids.has_token(part.id)) {
        fail<FormatError>(where, ": post_processor: expected ids of the vocab, got ", part.id);
      }
    }
  }
}

std::string normalize(const PipelineParts& parts, std::string_view content) {
  NormalizedText text(content, 0, false);
  if (parts.bert_normalizer) {
    normalizers::Bert(*parts.bert_normalizer).apply(text);
  } else if (parts.normalizer) {
    parts.normalizer->apply(text);
  }
  return std::string(text.bytes());
}

// Source : `tokenizers` 0.23.3, added_vocabulary.rs: decoding sees the normalized content, and a special
//          token that it differs for is no longer known as one.
void put_added_token(const PipelineParts& parts, const AddedToken& token, Pipeline& pipeline) {
  pipeline.added_ids.insert(token.id);
  std::string content = token.normalized ? normalize(parts, token.content) : token.content;
  if (content != token.content) {
    pipeline.normalized_contents.emplace(token.id, std::move(content));
  } else if (token.special) {
    pipeline.skipped_ids.insert(token.id);
  }
  if (!token.normalized) pipeline.raw_tokens.add(token.content, token);
}

// The fast encoder of a chain that is exactly BERT's or RoBERTa's, else the general one.
std::unique_ptr<const SegmentEncoder> make_encoder(PipelineParts& parts,
                                                   const std::vector<AddedToken>& normalized_tokens,
                                                   std::string_view where) {
  auto* wordpiece = dynamic_cast<WordPieceModel*>(parts.model.get());
  if (wordpiece != nullptr && parts.bert_normalizer &&
      dynamic_cast<const BertPreTokenizer*>(parts.pre_tokenizer.get()) != nullptr) {
    return std::make_unique<BertEncoder>(BertNormalizer(*parts.bert_normalizer),
                                         wordpiece->release(), normalized_tokens, where);
  }
  const auto* bpe = dynamic_cast<const Bpe*>(parts.model.get());
  const auto* byte_level = dynamic_cast<const ByteLevelPreTokenizer*>(parts.pre_tokenizer.get());
  if (bpe != nullptr && byte_level != nullptr && byte_level->config().use_regex &&
      !parts.bert_normalizer && !parts.normalizer && ByteLevelEncoder::supports(*bpe)) {
    static_cast<void>(parts.model.release());  // it is `bpe`
    return std::make_unique<ByteLevelEncoder>(
        std::unique_ptr<const Bpe>(bpe), byte_level->config().add_prefix_space, normalized_tokens);
  }
  if (parts.bert_normalizer) {
    parts.normalizer = std::make_unique<normalizers::Bert>(*parts.bert_normalizer);
  }
  return std::make_unique<GeneralEncoder>(
      GeneralEncoder::Steps{std::move(parts.normalizer), std::move(parts.pre_tokenizer),
                            std::move(parts.model)},
      normalized_tokens, where);
}

}  // namespace

AddedToken make_special(std::string_view content) {
  AddedToken token;
  token.content = content;
  token.special = true;
  return token;
}

SpecialNames make_bert_names() {
  return {make_special("[UNK]"), make_special("[CLS]"),  make_special("[SEP]"),
          make_special("[PAD]"), make_special("[MASK]"), {}};
}

SpecialNames make_roberta_names() {
  AddedToken mask = make_special("<mask>");
  mask.lstrip = true;
  return {make_special("<unk>"),
          make_special("<s>"),
          make_special("</s>"),
          make_special("<pad>"),
          mask,
          {}};
}

PipelineParts make_bert_parts(Vocab vocab, SpecialNames names, FrameKind frame,
                              std::string_view where) {
  const auto require = [&](const char* role, const std::optional<AddedToken>& name) {
    if (!name) fail<FormatError>(where, ": ", role, ": expected the name of a token, got none");
    const auto id = vocab.find(name->content);
    if (!id) {
      fail<FormatError>(where, ": ", role, ": expected ", io::quote(name->content),
                        " in the vocab, got none");
    }
    return *id;
  };
  require("unk_token", names.unknown);
  const int32_t classify = require("cls_token", names.classify);
  const int32_t separate = require("sep_token", names.separate);
  PipelineParts parts;
  parts.bert_normalizer.emplace();
  parts.pre_tokenizer = std::make_unique<BertPreTokenizer>();
  parts.post_processing.frame = frame == FrameKind::bert ? make_bert_frame(classify, separate)
                                                         : make_roberta_frame(classify, separate);
  parts.decoder = std::make_unique<WordPieceDecoder>();
  WordPiece::Config config;
  config.unk_token = names.unknown->content;
  parts.model =
      std::make_unique<WordPieceModel>(WordPiece(std::move(vocab), std::move(config), where));
  parts.names = std::move(names);
  return parts;
}

std::shared_ptr<const Pipeline> build_pipeline(PipelineParts parts, std::string_view where) {
  add_named_tokens(parts);
  expect_added_ids(parts.model->vocab(), parts.added_tokens, where);
  const IdFinder ids(parts, where);
  auto pipeline = std::make_shared<Pipeline>();
  pipeline->special_ids = find_special_ids(ids, parts);
  expect_frame(parts.post_processing.frame, ids, where);

  std::vector<AddedToken> normalized_tokens;
  for (const AddedToken& token : parts.added_tokens) {
    put_added_token(parts, token, *pipeline);
    if (token.normalized) normalized_tokens.push_back(token);
  }
  pipeline->raw_tokens.finish();
  pipeline->encoder = make_encoder(parts, normalized_tokens, where);
  pipeline->added_tokens = std::move(parts.added_tokens);
  pipeline->post_processing = std::move(parts.post_processing);
  pipeline->decoder = std::move(parts.decoder);
  pipeline->model_max_length = parts.model_max_length;
  pipeline->stored_truncation = parts.stored_truncation;
  pipeline->stored_padding = std::move(parts.stored_padding);
  pipeline->origin = where;
  return pipeline;
}

}  // namespace nopad::text
