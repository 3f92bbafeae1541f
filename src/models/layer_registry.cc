#include "nopad/models/layer_registry.h"

#include "nopad/core/error.h"
#include "nopad/nn/activation_layer.h"
#include "nopad/nn/batch_norm.h"
#include "nopad/nn/bidirectional.h"
#include "nopad/nn/conv1d.h"
#include "nopad/nn/drop_mask.h"
#include "nopad/nn/dropout.h"
#include "nopad/nn/embedding.h"
#include "nopad/nn/group_norm.h"
#include "nopad/nn/gru.h"
#include "nopad/nn/layer_norm.h"
#include "nopad/nn/linear.h"
#include "nopad/nn/lstm.h"
#include "nopad/nn/masking.h"
#include "nopad/nn/merge.h"
#include "nopad/nn/multi_head_attention.h"
#include "nopad/nn/pooling.h"
#include "nopad/nn/reshape.h"
#include "nopad/nn/rms_norm.h"
#include "nopad/nn/sequential.h"
#include "nopad/nn/simple_rnn.h"
#include "nopad/nn/softmax.h"
#include "nopad/nn/time_distributed.h"
#include "nopad/nn/transformer.h"

namespace nopad::models {
namespace {

template <class... Layers>
LayerRegistry make_registry() {
  LayerRegistry registry;
  (registry.add<Layers>(), ...);
  return registry;
}

}  // namespace

const LayerRegistry& LayerRegistry::standard() {
  using namespace nn;
  static const LayerRegistry registry =
      make_registry<ActivationLayer, Add, Average, AveragePooling1D, BatchNorm, Bidirectional,
                    Concatenate, Conv1D, Dropout, DropMask, Embedding, FirstTokenPooling, Flatten,
                    GlobalAveragePooling1D, GlobalMaxPooling1D, GroupNorm, GRU, LastTokenPooling,
                    LayerNorm, Linear, LSTM, Masking, Maximum, MaxPooling1D, Minimum,
                    MultiHeadAttention, Multiply, Reshape, RmsNorm, Sequential, SimpleRNN, Softmax,
                    Subtract, TimeDistributed, TransformerDecoderLayer, TransformerEncoderLayer>();
  return registry;
}

void LayerRegistry::add(const std::string& kind, const Maker& maker) {
  if (!makers_.try_emplace(kind, maker).second) {
    fail<OptionError>("LayerRegistry: ", kind,
                      ": expected a kind of its own, got one that is known");
  }
}

std::unique_ptr<nn::Layer> LayerRegistry::make(std::string_view kind) const {
  const auto found = makers_.find(kind);
  return found == makers_.end() ? nullptr : found->second();
}

std::vector<std::string> LayerRegistry::kinds() const {
  std::vector<std::string> kinds;
  for (const auto& [kind, maker] : makers_) kinds.push_back(kind);
  return kinds;
}

}  // namespace nopad::models
