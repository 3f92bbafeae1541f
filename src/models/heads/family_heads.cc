#include "models/heads/family_heads.h"

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "io/config_keys.h"
#include "io/json.h"
#include "models/families/family.h"
#include "nopad/core/error.h"
#include "nopad/models/encoder_config.h"

namespace nopad::models {
namespace {

// Layers by the names of transformers' classes; an empty name means that there is none.
struct FamilyHeads {
  std::string_view model_type;

  struct MaskedLm {
    std::string_view dense, norm, decoder;
    std::string_view other_norm = {};           // what it may be called as well
    std::string_view bias = {};                 // where it is not the decoder's own
    std::optional<Activation> activation = {};  // none: the encoder's
  } masked_lm;
  std::string_view next_sentence = {};
  struct Classifier {
    std::string_view dense;  // the encoder's pooler where it has no name of its own
    Activation activation;
    std::string_view output;
  } classifier;
  std::string_view answer = "qa_outputs";
  bool needs_biases = true;
};

constexpr std::string_view kTokenClassifier = "classifier";

// The same in ModernBERT before each of its output layers.
constexpr std::string_view kModernBert = "modernbert";
constexpr std::string_view kModernBertDense = "head.dense", kModernBertNorm = "head.norm";

constexpr FamilyHeads::MaskedLm kRobertaLm = {.dense = "lm_head.dense",
                                              .norm = "lm_head.layer_norm",
                                              .decoder = "lm_head.decoder",
                                              .bias = "lm_head.bias",
                                              .activation = Activation::gelu};
constexpr FamilyHeads::Classifier kPoolerClassifier = {{}, Activation::tanh, "classifier"};
constexpr FamilyHeads::Classifier kRobertaClassifier = {"classifier.dense", Activation::tanh,
                                                        "classifier.out_proj"};

constexpr std::array kFamilies = {
    FamilyHeads{.model_type = "bert",
                .masked_lm = {.dense = "cls.predictions.transform.dense",
                              .norm = "cls.predictions.transform.LayerNorm",
                              .decoder = "cls.predictions.decoder",
                              .bias = "cls.predictions.bias"},
                .next_sentence = "cls.seq_relationship",
                .classifier = kPoolerClassifier},
    FamilyHeads{.model_type = "roberta", .masked_lm = kRobertaLm, .classifier = kRobertaClassifier},
    FamilyHeads{
        .model_type = "xlm-roberta", .masked_lm = kRobertaLm, .classifier = kRobertaClassifier},
    FamilyHeads{
        .model_type = "camembert", .masked_lm = kRobertaLm, .classifier = kRobertaClassifier},
    FamilyHeads{.model_type = "mpnet", .masked_lm = kRobertaLm, .classifier = kRobertaClassifier},
    FamilyHeads{.model_type = "albert",
                .masked_lm = {.dense = "predictions.dense",
                              .norm = "predictions.LayerNorm",
                              .decoder = "predictions.decoder",
                              .bias = "predictions.bias"},
                .next_sentence = "sop_classifier.classifier",
                .classifier = kPoolerClassifier},
    FamilyHeads{.model_type = "distilbert",
                .masked_lm = {.dense = "vocab_transform",
                              .norm = "vocab_layer_norm",
                              .decoder = "vocab_projector"},
                .classifier = {"pre_classifier", Activation::relu, "classifier"}},
    FamilyHeads{.model_type = "electra",
                .masked_lm = {.dense = "generator_predictions.dense",
                              .norm = "generator_predictions.LayerNorm",
                              .decoder = "generator_lm_head",
                              .activation = Activation::gelu},
                .classifier = {"classifier.dense", Activation::gelu, "classifier.out_proj"}},
    FamilyHeads{
        .model_type = kModernBert,
        .masked_lm = {.dense = kModernBertDense, .norm = kModernBertNorm, .decoder = "decoder"},
        .classifier = {kModernBertDense, Activation::none, "classifier"},
        .answer = "classifier",
        .needs_biases = false},
    FamilyHeads{.model_type = "nomic_bert",
                .masked_lm = {.dense = "cls.predictions.transform.dense",
                              .norm = "cls.predictions.transform.layer_norm",
                              .decoder = "cls.predictions.decoder",
                              .bias = "cls.predictions.bias"},
                .classifier = kPoolerClassifier,
                .answer = {},
                .needs_biases = false},
    FamilyHeads{.model_type = "gte",
                .masked_lm = {.dense = "lm_head.dense",
                              .norm = "lm_head.norm",
                              .decoder = "lm_head.decoder",
                              .other_norm = "lm_head.layer_norm",
                              .activation = Activation::gelu},
                .classifier = kPoolerClassifier,
                .answer = {}},
    // The code that came with GTE.
    FamilyHeads{.model_type = "new",
                .masked_lm = {.dense = "lm_head.dense",
                              .norm = "lm_head.norm",
                              .decoder = "lm_head.decoder"},
                .classifier = kPoolerClassifier}};

const FamilyHeads& family_of(const io::ModelConfig& config) {
  for (const FamilyHeads& family : kFamilies) {
    if (family.model_type == config.model_type()) return family;
  }
  fail<FormatError>(io::ConfigKeys(config).where(), ": model_type: expected ",
                    io::list_of(kFamilies, &FamilyHeads::model_type), ", got ",
                    io::quote(config.model_type()));
}

void expect_head(std::string_view layer, std::string_view head, const io::ModelConfig& config) {
  if (!layer.empty()) return;
  fail<FormatError>(io::ConfigKeys(config).where(), ": model_type: expected a family with a ", head,
                    ", got ", io::quote(config.model_type()));
}

EncoderNames encoder_names(const EncoderConfig& config) {
  return find_family(config.model_type)->names(config);
}

// As many classes as the output layer has, if it is there to tell.
int64_t count_classes(const io::ModelConfig& config, const WeightSource& source,
                      const std::string& output_weight) {
  if (source.contains(output_weight)) {
    const Shape shape = source.shape(output_weight);
    if (shape.rank() == 2 && shape.num_elements() > 0) return shape[0];
  }
  return std::ssize(config.labels());
}

HeadSpec output_spec(const EncoderConfig& encoder, const FamilyHeads& family,
                     std::string_view output, int64_t num_outputs) {
  return {.num_inputs = encoder.hidden_size,
          .output_weight = concat(output, ".weight"),
          .output_bias = concat(output, ".bias"),
          .num_outputs = num_outputs,
          .needs_biases = family.needs_biases};
}

HeadSpec::Transform modern_bert_transform(const io::ModelConfig& config,
                                          const EncoderConfig& encoder) {
  Activation activation = Activation::gelu;
  io::ConfigKeys(config).read("classifier_activation", activation);
  return {.dense = std::string(kModernBertDense),
          .norm = std::string(kModernBertNorm),
          .size = encoder.hidden_size,
          .activation = activation,
          .norm_eps = static_cast<float>(encoder.layer_norm_eps)};
}

// A head over each token.
HeadSpec token_spec(const io::ModelConfig& config, std::string_view output, int64_t num_outputs) {
  const EncoderConfig encoder = encoder_config(config);
  HeadSpec spec = output_spec(encoder, family_of(config), output, num_outputs);
  if (config.model_type() == kModernBert) spec.transform = modern_bert_transform(config, encoder);
  return spec;
}

// The decoder is not stored where it is the table of words. Its bias is stored under its own name,
// under the head's, or under both.
void choose_decoder(HeadSpec& spec, const FamilyHeads& family, const io::ModelConfig& config,
                    const EncoderNames& encoder, const WeightSource& source) {
  bool is_tied = true;
  io::ConfigKeys(config).read("tie_word_embeddings", is_tied);
  if (is_tied && !source.contains(spec.output_weight)) {
    spec.output_weight = nn::join(encoder.word_embeddings, "weight");
  }
  // Of two, transformers adds the decoder's; the head's is the same unless the two are not tied.
  const std::string own(family.masked_lm.bias);
  if (own.empty()) return;
  if (!source.contains(spec.output_bias)) {
    spec.output_bias = own;
  } else if (source.contains(own)) {
    spec.copied_bias = own;
  }
}

}  // namespace

HeadSpec masked_lm_spec(const io::ModelConfig& config, const WeightSource& source) {
  const FamilyHeads& family = family_of(config);
  const EncoderConfig encoder = encoder_config(config);
  const auto& lm = family.masked_lm;
  HeadSpec spec = output_spec(encoder, family, lm.decoder, encoder.vocab_size);
  choose_decoder(spec, family, config, encoder_names(encoder), source);
  if (family.model_type == kModernBert) {
    spec.transform = modern_bert_transform(config, encoder);
    return spec;
  }
  spec.transform = {
      .dense = std::string(lm.dense),
      .norm =
          std::string(source.contains(concat(lm.other_norm, ".weight")) ? lm.other_norm : lm.norm),
      .size = encoder.embedding_size,
      .activation = lm.activation.value_or(encoder.activation),
      .norm_eps = static_cast<float>(encoder.layer_norm_eps)};
  return spec;
}

bool has_next_sentence_head(const io::ModelConfig& config) {
  return !family_of(config).next_sentence.empty();
}

HeadSpec next_sentence_spec(const io::ModelConfig& config) {
  const FamilyHeads& family = family_of(config);
  expect_head(family.next_sentence, "next-sentence head", config);
  return output_spec(encoder_config(config), family, family.next_sentence, 2);
}

HeadSpec sequence_classifier_spec(const io::ModelConfig& config, const WeightSource& source) {
  const FamilyHeads& family = family_of(config);
  const EncoderConfig encoder = encoder_config(config);
  const auto& [dense, activation, output] = family.classifier;
  HeadSpec spec = output_spec(encoder, family, output, 0);
  spec.num_outputs = count_classes(config, source, spec.output_weight);
  if (family.model_type == kModernBert) {
    spec.transform = modern_bert_transform(config, encoder);
  } else {
    spec.transform = {.dense = dense.empty() ? encoder_names(encoder).pooler : std::string(dense),
                      .size = encoder.hidden_size,
                      .activation = activation};
  }
  return spec;
}

HeadSpec token_classifier_spec(const io::ModelConfig& config, const WeightSource& source) {
  const int64_t classes = count_classes(config, source, concat(kTokenClassifier, ".weight"));
  return token_spec(config, kTokenClassifier, classes);
}

HeadSpec question_answering_spec(const io::ModelConfig& config) {
  const FamilyHeads& family = family_of(config);
  expect_head(family.answer, "question answering head", config);
  return token_spec(config, family.answer, 2);
}

Pooling classifier_pooling(const io::ModelConfig& config) {
  constexpr std::array<io::Named<Pooling>, 2> kPoolings = {
      {{"cls", Pooling::cls}, {"mean", Pooling::mean}}};
  Pooling pooling = Pooling::cls;
  if (config.model_type() == kModernBert) {
    io::ConfigKeys(config).read("classifier_pooling",
                                std::span<const io::Named<Pooling>>(kPoolings), pooling);
  }
  return pooling;
}

std::vector<std::string> head_labels(const io::ModelConfig& config, const HeadSpec& spec) {
  if (std::ssize(config.labels()) == spec.num_outputs) return config.labels();
  const io::ConfigKeys keys(config);
  for (const std::string_view key : {"id2label", "num_labels"}) {
    if (!keys.contains(key)) continue;
    fail<FormatError>(keys.where(), ": ", key, ": expected as many labels as ", spec.output_weight,
                      " has rows (", spec.num_outputs, "), got ", config.labels().size());
  }
  std::vector<std::string> labels;
  for (int64_t i = 0; i < spec.num_outputs; ++i) labels.push_back(concat("LABEL_", i));
  return labels;
}

}  // namespace nopad::models
