#include "text/post_processor_json.h"

#include <utility>
#include <vector>

#include "nopad/core/error.h"
#include "text/vocab.h"

namespace nopad::text {
namespace {

using nlohmann::json;

int32_t parse_id(const Component& part, const json& value) {
  if (!value.is_number_integer() || value < 0 || value >= kMaxTokens) {
    fail<FormatError>(part.where, ": expected ids from 0 to ", kMaxTokens - 1, ", got ",
                      io::describe(value));
  }
  return value.get<int32_t>();
}

int32_t parse_type_id(const Component& part) {
  return static_cast<int32_t>(part.require_count("type_id", 255));
}

// {"SpecialToken": {"id": "[CLS]", "type_id": 0}}, whose ids stand in "special_tokens".
void append_special_token(const Component& part, const Component& table,
                          std::vector<FramePart>& out) {
  const auto name = part.require(io::find_string, "id");
  const auto found = table.value.find(name);
  if (found == table.value.end()) {
    fail<FormatError>(table.where, ": expected ", io::quote(name),
                      ", which the template uses, got none");
  }
  const Component entry{*found, table.where};
  entry.expect_object();
  const Component ids = entry.child("ids");
  ids.expect_array();
  for (const json& id : ids.value) {
    out.push_back({Source::frame, parse_id(ids, id), parse_type_id(part)});
  }
}

std::vector<FramePart> parse_template(const Component& part, const Component& table, bool is_pair) {
  constexpr size_t kMaxParts = 64;
  part.expect_array();
  std::vector<FramePart> out;
  int64_t num_first = 0, num_second = 0;
  for (const json& value : part.value) {
    const Component step{value, part.where};
    step.expect_keys({"SpecialToken", "Sequence"});
    if (value.contains("SpecialToken")) {
      const Component token = step.child("SpecialToken");
      token.expect_object();
      append_special_token(token, table, out);
    } else {
      const Component sequence = step.child("Sequence");
      sequence.expect_object();
      const bool is_first = sequence.require_choice("id", {"A", "B"}) == 0;
      out.push_back({is_first ? Source::first : Source::second, 0, parse_type_id(sequence)});
      ++(is_first ? num_first : num_second);
    }
    if (out.size() > kMaxParts) break;
  }
  if (num_first != 1 || num_second != (is_pair ? 1 : 0) || out.size() > kMaxParts) {
    fail<FormatError>(part.where, ": expected ", is_pair ? "A and B once each" : "A once and no B",
                      " and at most ", kMaxParts, " parts, got A ", num_first, " and B ",
                      num_second, " times in ", out.size());
  }
  return out;
}

Frame parse_template_processing(const Component& part) {
  part.expect_keys({"type", "single", "pair", "special_tokens"});
  const Component table = part.child("special_tokens");
  table.expect_object();
  return {parse_template(part.child("single"), table, false),
          parse_template(part.child("pair"), table, true)};
}

// "sep": ["[SEP]", 102]
int32_t parse_token_and_id(const Component& part, const char* key) {
  const Component pair = part.child(key);
  pair.expect_array();
  if (pair.value.size() != 2) {
    fail<FormatError>(pair.where, ": expected a token and its id, got ", pair.value.size(),
                      " values");
  }
  return parse_id(pair, pair.value[1]);
}

// Adds what a step says of spans, and returns the frame that it makes, if any.
std::optional<Frame> parse_step(const Component& part, std::vector<SpanTrim>& trims) {
  const std::string type = part.type();
  const auto flag = [&](const char* key) {
    return io::find_bool(part.value, key, part.where).value_or(true);
  };
  const auto add_trim = [&] {
    if (flag("trim_offsets")) trims.push_back({flag("add_prefix_space")});
  };
  if (type == "TemplateProcessing") return parse_template_processing(part);
  if (type == "BertProcessing") {
    part.expect_keys({"type", "sep", "cls"});
    return make_bert_frame(parse_token_and_id(part, "cls"), parse_token_and_id(part, "sep"));
  }
  if (type == "RobertaProcessing") {
    part.expect_keys({"type", "sep", "cls", "trim_offsets", "add_prefix_space"});
    add_trim();
    return make_roberta_frame(parse_token_and_id(part, "cls"), parse_token_and_id(part, "sep"));
  }
  if (type != "ByteLevel") part.fail_type("a post-processor");
  part.expect_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  add_trim();
  return std::nullopt;
}

}  // namespace

PostProcessing parse_post_processor(const Component& part) {
  PostProcessing out;
  if (part.is_null()) return out;
  bool has_frame = false;
  for (const Component& step : flatten_sequence(part, "processors")) {
    std::optional<Frame> frame = parse_step(step, out.trims);
    if (!frame) continue;
    if (has_frame) {
      fail<FormatError>(part.where,
                        ": expected one step that puts tokens around a text, got another one: ",
                        io::quote(step.type()));
    }
    out.frame = *std::move(frame);
    has_frame = true;
  }
  return out;
}

}  // namespace nopad::text
