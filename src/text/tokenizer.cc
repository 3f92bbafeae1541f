#include "nopad/text/tokenizer.h"

#include <algorithm>

#include "nopad/core/error.h"
#include "text/pipeline.h"
#include "text/span_trim.h"
#include "text/unicode.h"

namespace nopad::text {
namespace {

// One text's tokens before they are cut and framed.
struct Content {
  std::string_view text;
  std::vector<int32_t> ids;
  TokenPlaces places;
  size_t begin = 0;  // the tokens that stay
  size_t end = 0;

  int64_t size() const noexcept { return static_cast<int64_t>(ids.size()); }
  void keep(int64_t num_tokens, Side cut) noexcept {
    begin = cut == Side::left ? ids.size() - static_cast<size_t>(num_tokens) : 0;
    end = begin + static_cast<size_t>(num_tokens);
  }
  void keep(TokenRange range) noexcept {
    begin = range.begin;
    end = range.end;
  }
  template <class T>
  void append_kept(const std::vector<T>& from, std::vector<T>& to) const {
    to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(begin),
              from.begin() + static_cast<std::ptrdiff_t>(end));
  }
};

void expect_utf8(std::string_view text, const char* operand) {
  const size_t invalid = find_invalid_utf8(text);
  if (invalid == text.size()) return;
  constexpr char kDigits[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(text[invalid]);
  fail<InputError>("encode: ", operand, ": expected UTF-8, got the byte 0x",
                   std::string{kDigits[byte >> 4], kDigits[byte & 15]}, " at offset ", invalid);
}

Content encode_content(const Pipeline& pipeline, std::string_view text, const char* operand,
                       bool match_special_tokens, bool with_spans) {
  expect_utf8(text, operand);
  Content content;
  content.text = text;
  TokenPlaces* places = with_spans ? &content.places : nullptr;
  content.ids.reserve(text.size() / 4 + 4);
  for (const TextPart& part : pipeline.raw_tokens.split(text, match_special_tokens)) {
    if (part.id == TextPart::kNoToken) {
      pipeline.encoder->append(text.substr(part.begin, part.end - part.begin), part.begin,
                               match_special_tokens, content.ids, places);
    } else {
      content.ids.push_back(part.id);
      if (with_spans) {
        places->spans.push_back({static_cast<int64_t>(part.begin), static_cast<int64_t>(part.end)});
        places->end_word();
      }
    }
  }
  return content;
}

// Everything about an encoding but where its tokens go.
struct Encoded {
  Content first;
  Content second;
  bool is_pair = false;
  KeptTokens kept;  // what truncation leaves of them

  void keep(Side cut) noexcept {
    first.keep(kept.first, cut);
    second.keep(kept.second, cut);
  }
  int64_t num_truncated() const noexcept {
    const size_t num_kept = first.end - first.begin + second.end - second.begin;
    return first.size() + second.size() - static_cast<int64_t>(num_kept);
  }
};

Encoded encode_texts(const Pipeline& pipeline, std::string_view first,
                     std::optional<std::string_view> second, const EncodeOptions& options,
                     bool with_spans) {
  const bool is_pair = second.has_value();
  const int64_t num_added =
      options.add_frame ? pipeline.post_processing.frame.num_added(is_pair) : 0;
  if (options.max_length != 0 && options.max_length < num_added) {
    fail<OptionError>("encode: max_length: expected 0 (no limit) or at least the ", num_added,
                      " tokens around the text, got ", options.max_length);
  }
  const bool match = options.match_special_tokens;
  Encoded out;
  out.is_pair = is_pair;
  out.first = encode_content(pipeline, first, is_pair ? "first text" : "text", match, with_spans);
  if (is_pair) out.second = encode_content(pipeline, *second, "second text", match, with_spans);
  out.kept = {out.first.size(), out.second.size()};
  if (options.max_length != 0) {
    out.kept = truncate(out.kept.first, out.kept.second, is_pair, options.max_length, num_added,
                        options.truncation);
  }
  out.keep(options.truncation_side);
  return out;
}

// Calls text(content, part) or token(part) for each part of the frame in turn.
template <class OnText, class OnToken>
void for_each_part(const Pipeline& pipeline, const Encoded& encoded, bool add_frame,
                   OnText&& on_text, OnToken&& on_token) {
  for (const FramePart& part : pipeline.post_processing.frame.parts(encoded.is_pair)) {
    if (part.source != Source::frame) {
      on_text(part.source == Source::first ? encoded.first : encoded.second, part);
    } else if (add_frame) {
      on_token(part);
    }
  }
}

// The spans of the tokens that stay, as the post-processor leaves them.
std::vector<Span> keep_spans(const Pipeline& pipeline, const Content& content) {
  std::vector<Span> spans;
  content.append_kept(content.places.spans, spans);
  for (const SpanTrim trim : pipeline.post_processing.trims) {
    const auto token_of = [&](size_t i) -> std::string_view {
      const int32_t id = content.ids[content.begin + i];
      if (!pipeline.added_ids.contains(id)) return pipeline.encoder->vocab().token(id);
      const Span span =
          content.places.spans[content.begin + i];  // with the blanks that it has taken
      return content.text.substr(static_cast<size_t>(span.begin),
                                 static_cast<size_t>(span.end - span.begin));
    };
    trim_spans(content.text, trim, spans, token_of);
  }
  return spans;
}

Encoding assemble(const Pipeline& pipeline, const Encoded& encoded, const EncodeOptions& options) {
  Encoding out;
  out.num_truncated = encoded.num_truncated();
  for_each_part(
      pipeline, encoded, options.add_frame,
      [&](const Content& content, const FramePart& part) {
        content.append_kept(content.ids, out.ids);
        content.append_kept(content.places.words, out.words);
        const std::vector<Span> spans = keep_spans(pipeline, content);
        out.spans.insert(out.spans.end(), spans.begin(), spans.end());
        out.type_ids.resize(out.ids.size(), part.type_id);
        out.sources.resize(out.ids.size(), part.source);
      },
      [&](const FramePart& part) {
        out.ids.push_back(part.id);
        out.type_ids.push_back(part.type_id);
        out.spans.push_back({});
        out.sources.push_back(Source::frame);
        out.words.push_back(-1);
      });
  return out;
}

// All pairs of windows, in the package's order: the text that stands first in the frame goes on last.
// Its first window meets each of the other text's only after all of its own others did.
std::vector<Encoding> assemble_windows(const Pipeline& pipeline, Encoded encoded,
                                       const EncodeOptions& options) {
  if (options.stride < 0) {
    fail<OptionError>("encode_windows: stride: expected 0 or more, got ", options.stride);
  }
  const auto make = [&](const Content& content, int64_t kept) {
    return make_windows(content.size(), kept, options.stride, options.truncation_side);
  };
  const auto& parts = pipeline.post_processing.frame.parts(encoded.is_pair);
  const auto text = std::find_if(parts.begin(), parts.end(), [](const FramePart& part) {
    return part.source != Source::frame;
  });
  const bool swapped = text->source == Source::second;
  Content& outer = swapped ? encoded.second : encoded.first;
  Content& inner = swapped ? encoded.first : encoded.second;
  const auto outer_windows = make(outer, swapped ? encoded.kept.second : encoded.kept.first);
  const auto inner_windows = make(inner, swapped ? encoded.kept.first : encoded.kept.second);
  std::vector<Encoding> out;
  const auto add = [&](TokenRange outer_range, TokenRange inner_range) {
    outer.keep(outer_range);
    inner.keep(inner_range);
    out.push_back(assemble(pipeline, encoded, options));
  };
  add(outer_windows[0], inner_windows[0]);
  for (size_t i = 1; i <= outer_windows.size(); ++i) {
    const bool is_last = i == outer_windows.size();
    const TokenRange range = outer_windows[is_last ? 0 : i];
    for (size_t j = is_last ? 1 : 0; j < inner_windows.size(); ++j) add(range, inner_windows[j]);
  }
  return out;
}

int64_t append_encoded(const Pipeline& pipeline, const Encoded& encoded,
                       const EncodeOptions& options, std::vector<int32_t>& ids,
                       std::vector<int32_t>& type_ids) {
  for_each_part(
      pipeline, encoded, options.add_frame,
      [&](const Content& content, const FramePart& part) {
        content.append_kept(content.ids, ids);
        type_ids.insert(type_ids.end(), content.end - content.begin, part.type_id);
      },
      [&](const FramePart& part) {
        ids.push_back(part.id);
        type_ids.push_back(part.type_id);
      });
  return encoded.num_truncated();
}

// The token of an id, or none. An added token may lie beyond the vocab.
std::optional<std::string_view> find_token(const Pipeline& pipeline, int32_t id) {
  const Vocab& vocab = pipeline.encoder->vocab();
  if (vocab.contains(id)) return vocab.token(id);
  for (const AddedToken& token : pipeline.added_tokens) {
    if (token.id == id) return token.content;
  }
  return std::nullopt;
}

}  // namespace

Encoding Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  return assemble(*pipeline_, encode_texts(*pipeline_, text, std::nullopt, options, true), options);
}

Encoding Tokenizer::encode_pair(std::string_view first, std::string_view second,
                                const EncodeOptions& options) const {
  return assemble(*pipeline_, encode_texts(*pipeline_, first, second, options, true), options);
}

std::vector<Encoding> Tokenizer::encode_windows(std::string_view text,
                                                const EncodeOptions& options) const {
  return assemble_windows(*pipeline_, encode_texts(*pipeline_, text, std::nullopt, options, true),
                          options);
}

std::vector<Encoding> Tokenizer::encode_pair_windows(std::string_view first,
                                                     std::string_view second,
                                                     const EncodeOptions& options) const {
  return assemble_windows(*pipeline_, encode_texts(*pipeline_, first, second, options, true),
                          options);
}

int64_t Tokenizer::append(std::string_view text, const EncodeOptions& options,
                          std::vector<int32_t>& ids, std::vector<int32_t>& type_ids) const {
  const Encoded encoded = encode_texts(*pipeline_, text, std::nullopt, options, false);
  return append_encoded(*pipeline_, encoded, options, ids, type_ids);
}

int64_t Tokenizer::append_pair(std::string_view first, std::string_view second,
                               const EncodeOptions& options, std::vector<int32_t>& ids,
                               std::vector<int32_t>& type_ids) const {
  const Encoded encoded = encode_texts(*pipeline_, first, second, options, false);
  return append_encoded(*pipeline_, encoded, options, ids, type_ids);
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special_tokens) const {
  std::vector<std::string> tokens;
  for (const int32_t id : ids) {
    const std::string_view token = this->token(id);
    if (skip_special_tokens && pipeline_->skipped_ids.contains(id)) continue;
    const auto normalized = pipeline_->normalized_contents.find(id);
    const bool is_normalized = normalized != pipeline_->normalized_contents.end();
    tokens.emplace_back(is_normalized ? normalized->second : token);
  }
  if (pipeline_->decoder) pipeline_->decoder->apply(tokens);
  std::string text;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0 && !pipeline_->decoder) text += ' ';
    text += tokens[i];
  }
  return text;
}

int64_t Tokenizer::vocab_size() const noexcept {
  int64_t size = pipeline_->encoder->vocab().size();
  for (const AddedToken& token : pipeline_->added_tokens)
    size = std::max(size, int64_t{token.id} + 1);
  return size;
}

std::string_view Tokenizer::token(int32_t id) const {
  const auto token = find_token(*pipeline_, id);
  if (!token) {
    fail<InputError>("Tokenizer: id: expected that of a token, below ", vocab_size(), ", got ", id);
  }
  return *token;
}

std::optional<int32_t> Tokenizer::find_id(std::string_view token) const {
  if (const auto id = pipeline_->encoder->vocab().find(token)) return id;
  for (const AddedToken& added : pipeline_->added_tokens) {
    if (added.content == token) return added.id;
  }
  return std::nullopt;
}

const SpecialIds& Tokenizer::special_ids() const noexcept { return pipeline_->special_ids; }

bool Tokenizer::contains(int32_t id) const noexcept {
  return find_token(*pipeline_, id).has_value();
}

std::string_view Tokenizer::continuing_prefix() const noexcept {
  return pipeline_->encoder->continuing_prefix();
}

int64_t Tokenizer::frame_size() const noexcept {
  return pipeline_->post_processing.frame.num_added(false);
}

std::optional<int64_t> Tokenizer::model_max_length() const noexcept {
  return pipeline_->model_max_length;
}

std::optional<EncodeOptions> Tokenizer::stored_truncation() const {
  return pipeline_->stored_truncation;
}

std::optional<Padding> Tokenizer::stored_padding() const { return pipeline_->stored_padding; }

std::string Tokenizer::description() const {
  return concat(pipeline_->encoder->description(), " (", pipeline_->origin, ")");
}

}  // namespace nopad::text
