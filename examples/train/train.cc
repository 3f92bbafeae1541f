// Trains a model on lists of unequal length, saves it, loads it, and asks it about other lists.
#include <cstdio>
#include <random>
#include <vector>

#include "nopad/autograd/backward.h"
#include "nopad/autograd/record.h"
#include "nopad/models/saved_model.h"
#include "nopad/nn/embedding.h"
#include "nopad/nn/linear.h"
#include "nopad/nn/lstm.h"
#include "nopad/nn/sequential.h"
#include "nopad/ops/loss.h"
#include "nopad/ops/operators.h"
#include "nopad/ops/reduce.h"
#include "nopad/ragged/convert.h"

using namespace nopad;

int main(int argc, char** argv) {
  // Which lists of digits begin with an odd one? They are padded with zeros, which are no tokens:
  // the Embedding makes a mask of them, and the LSTM ends it.
  std::mt19937 random(7);
  std::vector<std::vector<int64_t>> lists(256);
  std::vector<int64_t> is_odd;
  for (std::vector<int64_t>& list : lists) {
    list.resize(1 + random() % 8);
    for (int64_t& digit : list) digit = 1 + random() % 9;
    is_odd.push_back(list[0] % 2);
  }
  const Tensor ids = pad_sequences(lists), targets = Tensor::from_values<int64_t>(is_odd, {256});

  const nn::Sequential model{nn::Embedding({.vocab = 10, .dim = 8, .mask_zero = true}),
                             nn::LSTM({.units = 16}), nn::Dense({.units = 2})};
  for (int step = 0; step < 200; ++step) {
    const Tensor loss = ops::cross_entropy(model(ids).dense(), targets).mean();
    if (step % 199 == 0) std::printf("step %d: loss %.3f\n", step, loss.values<float>()[0]);
    const autograd::Gradients gradients = autograd::backward(loss);
    for (const auto& [name, weight] : model.parameters()) {
      const autograd::NoGradScope update;
      weight.assign(*weight - gradients.of(*weight) * 0.5);
    }
  }

  const char* directory = argc > 1 ? argv[1] : "odd";
  models::save_model(model, directory);
  const auto loaded = models::load_model_as<nn::Sequential>(directory);
  const Tensor others = pad_sequences({{3, 8}, {4}, {5, 1, 2, 6, 4, 4}});
  const Tensor answers = ops::argmax(loaded(others).dense(), -1);
  for (const int64_t answer : answers.values<int64_t>()) std::puts(answer == 1 ? "odd" : "even");
}
