#include "apps/nopad/model_heads.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "nopad/core/error.h"
#include "nopad/models/masked_lm_head.h"
#include "nopad/models/next_sentence_head.h"
#include "nopad/models/question_answering_head.h"
#include "nopad/models/sequence_classifier.h"
#include "nopad/models/token_classifier.h"
#include "runtime/expect_head.h"

namespace nopad::apps {
namespace {

struct KnownHead {
  HeadName name;
  std::string_view other_ending;  // of architectures that have it among others
  std::vector<std::string_view> commands;
  std::vector<models::ExpectedWeight> (*expected_weights)(const io::ModelConfig& config,
                                                          const WeightSource& weights);
};

const std::array<KnownHead, 5>& known_heads() {
  using Config = io::ModelConfig;
  static const std::array<KnownHead, 5> kHeads = {
      {{{"masked words", "ForMaskedLM"},
        "ForPreTraining",
        {"fill-mask", "embed --sparse"},
        models::MaskedLmHead::expected_weights},
       {{"next sentence", "ForNextSentencePrediction"},
        "ForPreTraining",
        {"classify --pairs"},
        [](const Config& config, const WeightSource&) {
          return models::NextSentenceHead::expected_weights(config);
        }},
       {{"sequence classification", "ForSequenceClassification"},
        {},
        {"classify"},
        models::SequenceClassifier::expected_weights},
       {{"token classification", "ForTokenClassification"},
        {},
        {"tag"},
        models::TokenClassifier::expected_weights},
       {{"question answering", "ForQuestionAnswering"},
        {},
        {"answer"},
        [](const Config& config, const WeightSource&) {
          return models::QuestionAnsweringHead::expected_weights(config);
        }}}};
  return kHeads;
}

bool is_named(const KnownHead& head, const io::ModelConfig& config) {
  return std::ranges::any_of(config.architectures(), [&](const std::string& architecture) {
    return architecture.ends_with(head.name.ending) ||
           (!head.other_ending.empty() && architecture.ends_with(head.other_ending));
  });
}

// Heads may share some of their weights, so all of them have to be there.
bool is_there(const KnownHead& head, const io::ModelConfig& config,
              const models::EncoderConfig& encoder, const WeightSource& weights,
              std::span<const models::ExpectedWeight> expected) {
  return has_head(config, encoder, weights, head.name, expected) &&
         models::compare_weights(weights, expected).is_loadable();
}

// None for a family without such a head.
std::vector<models::ExpectedWeight> try_expected_weights(const KnownHead& head,
                                                         const io::ModelConfig& config,
                                                         const WeightSource& weights) {
  try {
    return head.expected_weights(config, weights);
  } catch (const FormatError&) {
    return {};
  }
}

}  // namespace

std::vector<ModelHead> find_heads(const io::ModelConfig& config,
                                  const models::EncoderConfig& encoder,
                                  const WeightSource& weights) {
  std::vector<ModelHead> out;
  for (const KnownHead& head : known_heads()) {
    auto expected = try_expected_weights(head, config, weights);
    if (expected.empty()) continue;
    if (!is_named(head, config) && !is_there(head, config, encoder, weights, expected)) continue;
    out.push_back({head.name.task, head.commands, std::move(expected)});
    if (head.commands[0] == "classify" && config.labels().size() == 1) {
      out.back().commands.push_back("rerank");
    }
  }
  return out;
}

}  // namespace nopad::apps
