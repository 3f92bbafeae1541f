#include "text/pipeline.h"

#include <algorithm>
#include <array>
#include <utility>

#include "io/json.h"
#include "nopad/core/error.h"
#include "text/bert_encoder.h"

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

void add_named_tokens(BertParts& parts) {
  const auto& names = parts.names;
  for (const auto& name : {names.unknown, names.separate, names.pad, names.classify, names.mask}) {
    const auto id = parts.vocab.find(name);
    const auto same = [&](const AddedToken& token) { return token.content == name; };
    if (!id || std::any_of(parts.added_tokens.begin(), parts.added_tokens.end(), same)) continue;
    AddedToken token;
    token.content = name;
    token.id = *id;
    token.special = true;
    parts.added_tokens.push_back(std::move(token));
  }
}

class IdFinder {
 public:
  IdFinder(const BertParts& parts, std::string_view where) : parts_(parts), where_(where) {}

  std::optional<int32_t> find(std::string_view name) const {
    for (const AddedToken& token : parts_.added_tokens) {
      if (token.content == name) return token.id;
    }
    return parts_.vocab.find(name);
  }
  int32_t require(std::string_view role, std::string_view name) const {
    const auto id = find(name);
    if (!id)
      fail<FormatError>(where_, ": ", role, ": expected ", io::quote(name),
                        " in the vocab, got none");
    return *id;
  }
  bool has_token(int32_t id) const {
    const auto same = [&](const AddedToken& token) { return token.id == id; };
    return parts_.vocab.contains(id) ||
           std::any_of(parts_.added_tokens.begin(), parts_.added_tokens.end(), same);
  }

 private:
  const BertParts& parts_;
  std::string_view where_;
};

SpecialIds find_special_ids(const IdFinder& ids, const SpecialNames& names) {
  SpecialIds out;
  out.unknown = ids.require("unk_token", names.unknown);
  out.classify = ids.require("cls_token", names.classify);
  out.separate = ids.require("sep_token", names.separate);
  out.pad = ids.find(names.pad);
  out.mask = ids.find(names.mask);
  return out;
}

void expect_frame(const Frame& frame, const IdFinder& ids, const SpecialIds& special_ids,
                  std::string_view where) {
  for (const bool is_pair : {false, true}) {
    const auto& parts = frame.parts(is_pair);
    const auto uses = [&](int32_t id) {
      return std::any_of(parts.begin(), parts.end(), [&](const FramePart& part) {
        return part.source == Source::frame && part.id == id;
      });
    };
    for (const FramePart& part : parts) {
      if (part.source == Source::frame && !ids.has_token(part.id)) {
        fail<FormatError>(where, ": post_processor: expected ids of the vocab, got ", part.id);
      }
    }
    if (!uses(special_ids.classify) || !uses(special_ids.separate)) {
      fail<FormatError>(
          where, ": post_processor: expected the tokens that cls_token and sep_token name (ids ",
          special_ids.classify, " and ", special_ids.separate, "), got other ones");
    }
  }
}

}  // namespace

std::shared_ptr<const Pipeline> build_bert(BertParts parts, std::string_view where) {
  add_named_tokens(parts);
  expect_added_ids(parts.vocab, parts.added_tokens, where);
  const IdFinder ids(parts, where);
  auto pipeline = std::make_shared<Pipeline>();
  pipeline->special_ids = find_special_ids(ids, parts.names);
  const auto& special_ids = pipeline->special_ids;
  pipeline->frame =
      parts.frame.value_or(make_bert_frame(special_ids.classify, special_ids.separate));
  expect_frame(pipeline->frame, ids, special_ids, where);

  std::vector<AddedToken> normalized_tokens;
  for (const AddedToken& token : parts.added_tokens) {
    if (token.special) pipeline->skipped_ids.insert(token.id);
    if (token.normalized) {
      normalized_tokens.push_back(token);
    } else {
      pipeline->raw_tokens.add(token.content, token);
    }
  }
  pipeline->raw_tokens.finish();
  pipeline->encoder = std::make_unique<BertEncoder>(
      BertNormalizer(parts.normalizer), WordPiece(std::move(parts.vocab), parts.model, where),
      normalized_tokens, where);
  pipeline->added_tokens = std::move(parts.added_tokens);
  pipeline->decoder = parts.decoder;
  pipeline->model_max_length = parts.model_max_length;
  pipeline->origin = where;
  return pipeline;
}

}  // namespace nopad::text
