// Tokenizer: text to the token ids that a model was trained on, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nopad::text {

struct Padding;
struct Pipeline;

// The bytes [begin, end) of a text.
struct Span {
  int64_t begin = 0;
  int64_t end = 0;

  friend bool operator==(const Span&, const Span&) = default;
};

// The bytes of a span that lies in the text.
inline std::string_view slice(std::string_view text, const Span& span) {
  return text.substr(static_cast<size_t>(span.begin), static_cast<size_t>(span.end - span.begin));
}

// Where a token comes from: one of the texts, or the model's frame around them ("[CLS]", "[SEP]").
enum class Source : int8_t { frame, first, second };

// All vectors have one element per token.
struct Encoding {
  std::vector<int32_t> ids;
  std::vector<int32_t> type_ids;
  std::vector<Span> spans;  // in the text that the source names; {0, 0} for the frame
  std::vector<Source> sources;
  // Which word of its text, as the pre-tokenizer splits it, or which added token: rising numbers. -1
  // for the frame.
  std::vector<int32_t> words;
  int64_t num_truncated = 0;  // tokens that were cut off

  size_t size() const noexcept { return ids.size(); }
};

// What happens to a text that is longer than max_length.
// `none`          : it is an error
// `longest_first` : a single text is cut; of a pair the longer text, until both are equal
// `only_first`, `only_second` : that text is cut
enum class Truncation { none, longest_first, only_first, only_second };

enum class Side { left, right };

struct EncodeOptions {
  int64_t max_length = 0;  // tokens with the frame; 0: no limit
  Truncation truncation = Truncation::longest_first;
  Side truncation_side = Side::right;  // where tokens are cut off
  int64_t stride = 0;                  // tokens that a window shares with the one before it
  bool add_frame = true;               // "[CLS] text [SEP]"
  // Whether "[SEP]" written in a text is the special token. Switch it off for text from strangers:
  // it is then a bracket, a word and a bracket.
  bool match_special_tokens = true;
};

// Ids of the tokens that have a role. A vocabulary may lack any of them.
struct SpecialIds {
  std::optional<int32_t> unknown;   // "[UNK]", "<unk>"
  std::optional<int32_t> classify;  // "[CLS]", "<s>"
  std::optional<int32_t> separate;  // "[SEP]", "</s>"
  std::optional<int32_t> pad;
  std::optional<int32_t> mask;
};

// Immutable: copies share their content, and any number of threads may use one.
// Source : the `tokenizers` package 0.23.3; ids, type ids, spans and decoded texts are equal to its, for
//          every kind of component that its files may name.
class Tokenizer {
 public:
  // The tokenizer of a model directory, by the first of these files that it has:
  //   tokenizer.json            : what it says
  //   vocab.json and merges.txt : RoBERTa's
  //   vocab.txt                 : BERT's, or MPNet's
  //   spiece.model, sentencepiece.bpe.model, sentencepiece.model : ALBERT's, XLM-R's, CamemBERT's
  // each with the settings of tokenizer_config.json as transformers 4 and 5 apply them: with BERT's
  // class or none named there, do_lower_case, strip_accents and tokenize_chinese_chars, or their
  // defaults, replace those of tokenizer.json, with RoBERTa's add_prefix_space does.
  // special_tokens_map.json names what tokenizer_config.json does not, and added_tokens.json adds to
  // vocabularies that are not a tokenizer.json.
  // Throws FileError: none of the files; FormatError: a malformed one, or a component that is not
  //        known; LimitError: a file that is too large.
  static Tokenizer load(const std::filesystem::path& directory);

  // text    : UTF-8
  // Edge    : an empty text, or one of white space only, gives the frame alone
  // Throws  : InputError, not UTF-8 (with the byte's offset); LimitError, too long with
  //           Truncation::none, or so long that only_first or only_second would leave nothing of
  //           its text; OptionError, max_length negative or less than the frame, only_second
  //           without a second text
  // Cost    : linear in the length of the text
  Encoding encode(std::string_view text, const EncodeOptions& options = {}) const;
  Encoding encode_pair(std::string_view first, std::string_view second,
                       const EncodeOptions& options = {}) const;

  // A long text in several encodings of max_length tokens at most, of which each begins with `stride`
  // tokens of the one before (with truncation_side left, ends with them, and they go backwards). Of a
  // pair the text that truncation would cut is; if it would cut both, each window meets each.
  // return  : one encoding or more, all with the frame and its types (the package gives the types of a
  //           template to the first only); num_truncated counts the tokens that are in others
  // Throws  : as encode; OptionError, stride negative; LimitError, stride not less than the tokens of
  //           a text that fit
  std::vector<Encoding> encode_windows(std::string_view text, const EncodeOptions& options) const;
  std::vector<Encoding> encode_pair_windows(std::string_view first, std::string_view second,
                                            const EncodeOptions& options) const;

  // As encode, but without spans, and at the end of vectors that the caller keeps: for throughput.
  // return : the number of tokens that were cut off
  // Throws : as encode; the vectors are then as they were
  int64_t append(std::string_view text, const EncodeOptions& options, std::vector<int32_t>& ids,
                 std::vector<int32_t>& type_ids) const;
  int64_t append_pair(std::string_view first, std::string_view second, const EncodeOptions& options,
                      std::vector<int32_t>& ids, std::vector<int32_t>& type_ids) const;

  // The text of tokens, e.g. "hello, world!", as far as the tokens hold it: WordPiece's have lost case,
  // accents and some blanks.
  // Throws InputError: an id without a token.
  std::string decode(std::span<const int32_t> ids, bool skip_special_tokens = true) const;

  // The highest id + 1: the rows that the embedding table must have.
  int64_t vocab_size() const noexcept;
  // Whether an id has a token: below vocab_size() there may be gaps.
  bool contains(int32_t id) const noexcept;
  // Throws InputError: an id without a token.
  std::string_view token(int32_t id) const;
  std::optional<int32_t> find_id(std::string_view token) const;
  const SpecialIds& special_ids() const noexcept;
  // What a token begins with that continues a word, e.g. "##"; empty: none does.
  std::string_view continuing_prefix() const noexcept;
  // The tokens that `add_frame` adds around one text.
  int64_t frame_size() const noexcept;
  // tokenizer_config.json's limit; none if it is missing or beyond any model (transformers writes
  // 1e30).
  std::optional<int64_t> model_max_length() const noexcept;
  // What tokenizer.json stores of truncation and padding. Nothing applies it unasked: pass it to encode
  // and pad.
  std::optional<EncodeOptions> stored_truncation() const;
  std::optional<Padding> stored_padding() const;
  // One line for people, e.g. "WordPiece, 30522 tokens, lower case, accents stripped
  // (tokenizer.json)".
  std::string description() const;

  // For the loaders of this module; a Pipeline can't be made outside it.
  explicit Tokenizer(std::shared_ptr<const Pipeline> pipeline) : pipeline_(std::move(pipeline)) {}

 private:
  std::shared_ptr<const Pipeline> pipeline_;
};

}  // namespace nopad::text
