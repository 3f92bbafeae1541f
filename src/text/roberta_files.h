// RoBERTa's vocab.json and merges.txt, for directories without a tokenizer.json.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "text/bpe.h"
#include "text/pipeline.h"

namespace nopad::text {

// The lines of a merges.txt: two tokens and a blank between them each. Lines that begin with #version
// are left out, wherever they stand.
// Throws FormatError naming `where` and the line: another number of tokens, or not UTF-8.
std::vector<Bpe::Merge> parse_merges_txt(std::string_view text, std::string_view where);

// RoBERTa's parts around a vocab.
// vocab  : vocab.json's content, from tokens to ids
// where  : vocab.json's path
// Throws FormatError naming `where`: the vocab lacks names.classify or names.separate, or they are not
//        given, and what Bpe refuses.
PipelineParts make_roberta_parts(const nlohmann::json& vocab, const std::vector<Bpe::Merge>& merges,
                                 SpecialNames names, bool add_prefix_space, std::string_view where);

}  // namespace nopad::text
