// expect_head: that a model directory has the head that it is to be run with.
#pragma once

#include <span>
#include <string_view>

#include "nopad/models/weight_report.h"
#include "runtime/text_model.h"

namespace nopad {

// A head as people and as config.json's "architectures" call it.
struct HeadName {
  std::string_view task;    // "token classification"
  std::string_view ending;  // "ForTokenClassification"
};

// expected : what the head's load() looks for
// return   : false if none of these weights is there but the encoder's own, or config.json says that
//            weights of the same names are another head's
bool has_head(const io::ModelConfig& config, const models::EncoderConfig& encoder,
              const WeightSource& weights, const HeadName& name,
              std::span<const models::ExpectedWeight> expected);

// Throws FormatError: "DIR: expected a head for token classification, got BertForMaskedLM", if
//        has_head() says so. Some weights missing is left to load(), which names them.
void expect_head(const TextModel& model, const HeadName& name,
                 std::span<const models::ExpectedWeight> expected);

}  // namespace nopad
