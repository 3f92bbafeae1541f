#include "nopad/models/encoder_config.h"

#include <gtest/gtest.h>

#include <ostream>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad::models {
namespace {

using test::expect_error;

// Of a config.json with this model type and these keys besides.
EncoderConfig config_of(std::string_view model_type, std::string_view keys = "") {
  return encoder_config(io::ModelConfig::parse(
      concat(R"({"model_type": ")", model_type, "\"", keys.empty() ? "" : ", ", keys, "}"),
      "config.json"));
}

std::vector<int64_t> weights_of(const EncoderConfig& config) {
  std::vector<int64_t> out;
  for (const EncoderConfig::Layer& layer : config.layers) out.push_back(layer.weights);
  return out;
}

TEST(EncoderConfig, BertDefaultsAreThoseOfTransformers) {
  const EncoderConfig c = config_of("bert");
  EXPECT_EQ(c.model_type, "bert");
  EXPECT_EQ(c.vocab_size, 30522);
  EXPECT_EQ(c.embedding_size, 768);
  EXPECT_EQ(c.hidden_size, 768);
  EXPECT_EQ(c.num_heads, 12);
  EXPECT_EQ(c.head_size, 64);
  EXPECT_EQ(c.intermediate_size, 3072);
  EXPECT_EQ(c.activation, Activation::gelu);
  EXPECT_EQ(c.max_tokens(), 512);
  EXPECT_EQ(c.num_token_types, 2);
  EXPECT_EQ(c.layer_norm_eps, 1e-12);
  EXPECT_EQ(c.pad_token_id, 0);
  EXPECT_EQ(c.positions, Positions::absolute);
  EXPECT_EQ(c.layers.size(), 12u);
  EXPECT_EQ(c.num_layer_weights(), 12);
  EXPECT_FALSE(c.is_gated || c.norm_first || c.projects_embeddings);
}

TEST(EncoderConfig, RobertasPlacesCountFromBehindThePadding) {
  const EncoderConfig roberta = config_of("roberta", R"("max_position_embeddings": 514)");
  EXPECT_EQ(roberta.vocab_size, 50265);
  EXPECT_EQ(roberta.pad_token_id, 1);
  EXPECT_EQ(roberta.position_offset, 2);
  EXPECT_EQ(roberta.max_tokens(), 512);
  EXPECT_EQ(config_of("xlm-roberta").vocab_size, 30522);
  EXPECT_EQ(config_of("camembert", R"("pad_token_id": 0)").position_offset, 1);
}

TEST(EncoderConfig, DistancesNeedNoPlacesBehindThePadding) {
  const EncoderConfig c =
      config_of("roberta", R"("position_embedding_type": "relative_key_query")");
  EXPECT_EQ(c.positions, Positions::relative_key_query);
  EXPECT_EQ(c.max_tokens(), 512);
}

TEST(EncoderConfig, AlbertSharesWeightsInGroups) {
  const EncoderConfig defaults = config_of("albert");
  EXPECT_EQ(defaults.embedding_size, 128);
  EXPECT_EQ(defaults.hidden_size, 4096);
  EXPECT_EQ(defaults.activation, Activation::gelu_tanh);
  EXPECT_TRUE(defaults.projects_embeddings);
  EXPECT_EQ(weights_of(defaults), std::vector<int64_t>(12, 0));
  using Weights = std::vector<int64_t>;
  EXPECT_EQ(weights_of(config_of("albert", R"("num_hidden_layers": 5, "num_hidden_groups": 2)")),
            (Weights{0, 0, 0, 1, 1}));
  EXPECT_EQ(weights_of(config_of("albert", R"("num_hidden_layers": 3, "num_hidden_groups": 2,
                                              "inner_group_num": 2)")),
            (Weights{0, 1, 0, 1, 2, 3}));
  // 9 / (18 / 14) is just below 7 in double precision.
  EXPECT_EQ(weights_of(config_of("albert", R"("num_hidden_layers": 18,
                                              "num_hidden_groups": 14)"))[9],
            6);
}

TEST(EncoderConfig, DistilbertHasNamesOfItsOwnForSizes) {
  const EncoderConfig c =
      config_of("distilbert",
                R"("dim": 36, "n_heads": 3, "n_layers": 2, "hidden_dim": 37, "activation": "relu",
         "sinusoidal_pos_embds": true, "layer_norm_eps": 0.5)");
  EXPECT_EQ(c.hidden_size, 36);
  EXPECT_EQ(c.num_heads, 3);
  EXPECT_EQ(c.layers.size(), 2u);
  EXPECT_EQ(c.intermediate_size, 37);
  EXPECT_EQ(c.activation, Activation::relu);
  EXPECT_EQ(c.num_token_types, 0);
  EXPECT_EQ(c.layer_norm_eps, 1e-12);
}

TEST(EncoderConfig, MpnetAddsBucketsToPlaces) {
  const EncoderConfig c =
      config_of("mpnet", R"("max_position_embeddings": 514, "pad_token_id": 0)");
  EXPECT_EQ(c.positions, Positions::bucketed);
  EXPECT_EQ(c.max_tokens(), 512);  // the offset is 2 whatever the padding
  EXPECT_EQ(c.num_token_types, 0);
  EXPECT_EQ(c.vocab_size, 30527);
  EXPECT_EQ(c.num_buckets, 32);
}

TEST(EncoderConfig, ElectraProjectsWhereSizesDiffer) {
  const EncoderConfig c = config_of("electra");
  EXPECT_EQ(c.embedding_size, 128);
  EXPECT_EQ(c.hidden_size, 256);
  EXPECT_EQ(c.num_heads, 4);
  EXPECT_TRUE(c.projects_embeddings);
  EXPECT_FALSE(config_of("electra", R"("embedding_size": 256)").projects_embeddings);
}

std::vector<double> thetas_of(const EncoderConfig& config) {
  std::vector<double> out;
  for (const EncoderConfig::Layer& layer : config.layers) out.push_back(layer.rotary->theta);
  return out;
}

std::vector<int64_t> windows_of(const EncoderConfig& config) {
  std::vector<int64_t> out;
  for (const EncoderConfig::Layer& layer : config.layers) out.push_back(layer.window.value_or(-1));
  return out;
}

TEST(EncoderConfig, ModernbertReadsTheSpellingsOfTransformers4And5) {
  const EncoderConfig defaults = config_of("modernbert", R"("num_hidden_layers": 4)");
  EXPECT_EQ(windows_of(defaults), (std::vector<int64_t>{-1, 64, 64, -1}));
  EXPECT_EQ(thetas_of(defaults), (std::vector<double>{160000, 10000, 10000, 160000}));
  EXPECT_TRUE(defaults.is_gated && defaults.norm_first);
  EXPECT_FALSE(defaults.norm_bias || defaults.attention_bias || defaults.up_bias ||
               defaults.down_bias);
  EXPECT_FALSE(defaults.layers[0].has_attention_norm);
  EXPECT_TRUE(defaults.layers[1].has_attention_norm);
  const EncoderConfig four =
      config_of("modernbert", R"("num_hidden_layers": 3, "global_attn_every_n_layers": 2,
                       "global_rope_theta": 70.0, "local_rope_theta": null, "local_attention": 9)");
  EXPECT_EQ(windows_of(four), (std::vector<int64_t>{-1, 4, -1}));
  EXPECT_EQ(thetas_of(four), (std::vector<double>{70, 70, 70}));
  const EncoderConfig five =
      config_of("modernbert",
                R"("num_hidden_layers": 2, "layer_types": ["sliding_attention", "full_attention"],
                       "rope_parameters": {"full_attention": {"rope_theta": 50, "rope_type": "default"},
                                           "sliding_attention": {"rope_type": "linear", "factor": 2}})");
  EXPECT_EQ(windows_of(five), (std::vector<int64_t>{64, -1}));
  EXPECT_EQ(thetas_of(five), (std::vector<double>{10000, 50}));
  EXPECT_EQ(five.layers[0].rotary->scaling, RotaryScaling::linear);
  EXPECT_EQ(five.layers[0].rotary->factor, 2);
}

TEST(EncoderConfig, NomicBertReadsBothOfItsSpellings) {
  const EncoderConfig current = config_of("nomic_bert", R"("num_hidden_layers": 1)");
  EXPECT_EQ(current.activation, Activation::silu);
  EXPECT_EQ(current.max_tokens(), 2048);
  EXPECT_EQ(thetas_of(current), std::vector<double>{1000});
  const EncoderConfig original =
      config_of("nomic_bert",
                R"("n_embd": 24, "n_head": 3, "n_layer": 1, "n_inner": null, "n_positions": 8192,
         "rotary_emb_base": 70, "rotary_emb_fraction": 1.0, "activation_function": "geglu",
         "qkv_proj_bias": false, "mlp_fc1_bias": false, "mlp_fc2_bias": true, "vocab_size": 61,
         "pad_vocab_size_multiple": 64, "type_vocab_size": 2, "layer_norm_epsilon": 1e-3)");
  EXPECT_EQ(original.hidden_size, 24);
  EXPECT_EQ(original.intermediate_size, 96);
  EXPECT_EQ(original.vocab_size, 64);
  EXPECT_EQ(original.max_tokens(), 8192);
  EXPECT_EQ(original.activation, Activation::gelu);
  EXPECT_EQ(original.layer_norm_eps, 1e-3);
  EXPECT_EQ(thetas_of(original), std::vector<double>{70});
  EXPECT_FALSE(original.attention_bias || original.up_bias);
  EXPECT_TRUE(original.down_bias && original.is_gated);
}

// Longer texts would turn all texts of their batch by other angles.
TEST(EncoderConfig, ScaledNomicBertEndsWhereItsTrainingDid) {
  const EncoderConfig c = config_of(
      "nomic_bert", R"("n_embd": 24, "n_head": 3, "n_positions": 8192, "rotary_emb_fraction": 1,
                       "activation_function": "swiglu", "rotary_scaling_factor": 2)");
  EXPECT_EQ(c.max_tokens(), 2048);
}

TEST(EncoderConfig, GteReadsBothOfItsSpellings) {
  const EncoderConfig five = config_of(
      "gte",
      R"("num_hidden_layers": 1, "rope_parameters": {"rope_theta": 70, "rope_type": "default"})");
  EXPECT_EQ(thetas_of(five), std::vector<double>{70});
  EXPECT_EQ(thetas_of(config_of("gte", R"("num_hidden_layers": 1)")), std::vector<double>{160000});
  EXPECT_EQ(five.num_token_types, 1);
  EXPECT_TRUE(five.attention_bias && five.down_bias && five.is_gated);
  EXPECT_FALSE(five.up_bias);
  const EncoderConfig original =
      config_of("new", R"("num_hidden_layers": 1, "type_vocab_size": 0, "rope_theta": 500000,
                "rope_scaling": {"factor": 2.0, "type": "ntk"}, "pack_qkv": true,
                "layer_norm_type": "layer_norm", "position_embedding_type": "rope")");
  EXPECT_EQ(original.num_token_types, 0);
  EXPECT_EQ(original.layers[0].rotary,
            (RotaryConfig{.theta = 500000, .scaling = RotaryScaling::ntk, .factor = 2}));
}

TEST(EncoderConfig, KeysThatChangeNothingAreIgnored) {
  const EncoderConfig c = config_of("bert", R"("hidden_size": 24, "chunk_size_feed_forward": 7,
    "auto_map": {"AutoModel": "evil.py--Model"}, "_attn_implementation_internal": "evil/kernel",
    "custom_pipelines": {"x": {"impl": "evil.Pipeline"}}, "use_cache": true,
    "hidden_dropout_prob": 0.5, "pruned_heads": {}, "is_decoder": false)");
  EXPECT_EQ(c.hidden_size, 24);
}

TEST(EncoderConfig, UnknownFamiliesAreToldTheKnownOnes) {
  expect_error<FormatError>(
      [] { config_of("deberta-v2"); },
      "config.json: model_type: expected albert, bert, roberta, xlm-roberta, camembert, "
      "distilbert, "
      "electra, gte, new, modernbert, mpnet or nomic_bert, got \"deberta-v2\"");
}

struct Case {
  std::string name;
  std::string model_type;
  std::string keys;
  std::string message;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class HostileEncoderConfig : public testing::TestWithParam<Case> {};

TEST_P(HostileEncoderConfig, IsRefusedWithItsReason) {
  expect_error<FormatError>([] { config_of(GetParam().model_type, GetParam().keys); },
                            "config.json: " + GetParam().message);
}

// The least that the original code's config of NomicBERT holds.
std::string nomic(const std::string& keys) {
  return R"("n_embd": 24, "n_head": 3, "activation_function": "swiglu", "rotary_emb_fraction": 1, )" +
         keys;
}

const std::vector<Case> kCases = {
    {"TextAsNumber", "bert", R"("hidden_size": "768")",
     "hidden_size: expected an integer, got a string"},
    {"FloatAsInteger", "bert", R"("hidden_size": 768.0)",
     "hidden_size: expected an integer, got 768.0"},
    {"ListAsInteger", "bert", R"("vocab_size": [1])",
     "vocab_size: expected an integer, got an array"},
    {"Negative", "bert", R"("vocab_size": -1)", "vocab_size: expected 1 to 4000000, got -1"},
    {"ZeroEps", "bert", R"("layer_norm_eps": 0)",
     "layer_norm_eps: expected above 0 and at most 1, got 0"},
    {"NegativeEps", "bert", R"("layer_norm_eps": -1e-5)",
     "layer_norm_eps: expected above 0 and at most 1, got -1e-05"},
    {"BillionLayers", "bert", R"("num_hidden_layers": 1000000000)",
     "num_hidden_layers: expected 0 to 1024, got 1000000000"},
    {"HugeHidden", "bert", R"("hidden_size": 65537)",
     "hidden_size: expected 1 to 65536, got 65537"},
    {"HugeVocab", "bert", R"("vocab_size": 4000001)",
     "vocab_size: expected 1 to 4000000, got 4000001"},
    {"HugeInner", "bert", R"("intermediate_size": 262145)",
     "intermediate_size: expected 1 to 262144, got 262145"},
    {"HugePositions", "bert", R"("max_position_embeddings": 1000001)",
     "max_position_embeddings: expected 1 to 1000000, got 1000001"},
    {"HeadsDoNotDivideHidden", "bert", R"("hidden_size": 10, "num_attention_heads": 3)",
     "num_attention_heads: expected a divisor of hidden_size (10), got 3"},
    {"NoHeads", "bert", R"("num_attention_heads": 0)",
     "num_attention_heads: expected 1 to 65536, got 0"},
    {"NoTokenTypes", "bert", R"("type_vocab_size": 0)",
     "type_vocab_size: expected 1 to 4000000, got 0"},
    {"PadIdBeyondTheVocabulary", "bert", R"("vocab_size": 10, "pad_token_id": 10)",
     "pad_token_id: expected 0 to 9, got 10"},
    {"UnknownPositions", "bert", R"("position_embedding_type": "rotary")",
     "position_embedding_type: expected absolute, relative_key or relative_key_query, got "
     "\"rotary\""},
    {"Decoder", "bert", R"("is_decoder": true)", "is_decoder: expected false, got true"},
    {"CrossAttention", "bert", R"("add_cross_attention": true)",
     "add_cross_attention: expected false, got true"},
    {"PrunedHeads", "bert", R"("pruned_heads": {"0": [1]})",
     "pruned_heads: expected none, got an object"},
    {"NoPlaceBehindThePadding", "roberta", R"("max_position_embeddings": 2)",
     "max_position_embeddings: expected 3 to 1000000, got 2"},
    {"NoGroups", "albert", R"("num_hidden_groups": 0)",
     "num_hidden_groups: expected 1 to 1024, got 0"},
    {"TooManyInnerLayers", "albert", R"("num_hidden_layers": 1024, "inner_group_num": 2)",
     "inner_group_num: expected at most 1024 layers in all, got 1024 layers and 1 groups of 2"},
    {"HugeEmbedding", "albert", R"("embedding_size": 65537)",
     "embedding_size: expected 1 to 65536, got 65537"},
    {"NoEmbedding", "electra", R"("embedding_size": 0)",
     "embedding_size: expected 1 to 65536, got 0"},
    {"HeadsDoNotDivideDim", "distilbert", R"("dim": 10, "n_heads": 3)",
     "n_heads: expected a divisor of dim (10), got 3"},
    {"FewBuckets", "mpnet", R"("relative_attention_num_buckets": 8)",
     "relative_attention_num_buckets: expected 32 to 65536, got 8"},
    {"OddHeads", "modernbert", R"("hidden_size": 9, "num_attention_heads": 3)",
     "heads: expected an even size for rotary positions, got 3"},
    {"AnglesBeyondMemory", "modernbert",
     R"("hidden_size": 65536, "num_attention_heads": 1, "max_position_embeddings": 1000000)",
     "positions: expected at most 1024 rotary ones for heads of 65536, got 1000000"},
    {"LayerTypesForOtherLayers", "modernbert", R"("layer_types": ["full_attention"])",
     "layer_types: expected one for each of 22 layers, got 1"},
    {"UnknownLayerType", "modernbert", R"("num_hidden_layers": 1, "layer_types": ["chunked"])",
     "layer_types: expected full_attention or sliding_attention at 0, got \"chunked\""},
    {"NoWindow", "modernbert", R"("local_attention": 0)",
     "local_attention: expected 1 to 1000000, got 0"},
    {"NegativeTheta", "modernbert", R"("global_rope_theta": -1)",
     "global_rope_theta: expected above 0 and at most 1e+12, got -1"},
    {"Yarn", "modernbert",
     R"("rope_parameters": {"full_attention": {"rope_type": "yarn", "factor": 2}})",
     "rope_parameters: full_attention: rope_type: expected default, dynamic, linear or ntk, got "
     "\"yarn\""},
    {"RopeParametersAsList", "gte", R"("rope_parameters": [])",
     "rope_parameters: expected an object, got an array"},
    {"ScalingWithoutFactor", "gte", R"("rope_scaling": {"type": "linear"})",
     "rope_scaling: factor: expected above 0 and at most 1e+06, got 0"},
    {"PartialRotary", "gte", R"("rope_parameters": {"partial_rotary_factor": 0.5})",
     "rope_parameters: partial_rotary_factor: expected 1, got 0.5"},
    {"AbsoluteGte", "new", R"("position_embedding_type": "absolute")",
     "position_embedding_type: expected rope, got \"absolute\""},
    {"RmsNorm", "new", R"("layer_norm_type": "rms_norm")",
     "layer_norm_type: expected layer_norm, got \"rms_norm\""},
    {"LognScale", "new", R"("logn_attention_scale": true)",
     "logn_attention_scale: expected false, got true"},
    {"HugeHeads", "nomic_bert", R"("head_dim": 65536)", "head_dim: expected 1 to 5461, got 65536"},
    {"NoGate", "nomic_bert", R"("n_embd": 24, "n_head": 3, "rotary_emb_fraction": 1)",
     "activation_function: expected a gate, got nothing"},
    {"PlainActivation", "nomic_bert",
     R"("n_embd": 24, "n_head": 3, "activation_function": "gelu", "rotary_emb_fraction": 1)",
     "activation_function: expected swiglu, geglu or glu, got \"gelu\""},
    {"PreNorm", "nomic_bert", nomic(R"("prenorm": true)"), "prenorm: expected false, got true"},
    {"Interleaved", "nomic_bert", nomic(R"("rotary_emb_interleaved": true)"),
     "rotary_emb_interleaved: expected false, got true"},
    {"Experts", "nomic_bert", nomic(R"("moe_every_n_layers": 2)"),
     "moe_every_n_layers: expected none, got 2"},
    {"WithoutRotary", "nomic_bert", R"("n_embd": 24, "n_head": 3, "activation_function": "glu")",
     "rotary_emb_fraction: expected 1, got 0"},
};

INSTANTIATE_TEST_SUITE_P(Keys, HostileEncoderConfig, testing::ValuesIn(kCases),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace nopad::models
