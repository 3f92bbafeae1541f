// Bert: BertNormalizer as one step among others.
#pragma once

#include "text/bert_normalizer.h"
#include "text/normalizer.h"

namespace nopad::text::normalizers {

class Bert final : public Normalizer {
 public:
  explicit Bert(const BertNormalizer::Config& config) : normalizer_(config) {}
  void apply(NormalizedText& text) const override;

 private:
  BertNormalizer normalizer_;
};

}  // namespace nopad::text::normalizers
