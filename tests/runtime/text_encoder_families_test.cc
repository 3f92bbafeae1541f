// TextEncoder on a directory of each family, tokenizer and kind of head, against what transformers
// and sentence-transformers recorded.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "nopad/runtime/text_encoder.h"
#include "runtime/recorded_pipeline.h"
#include "tolerance.h"

namespace nopad {
namespace {

constexpr const char* kDirectories[] = {
    "albert-embed",
    "albert-fill-mask",
    "bert-embed",
    "bert-fill-mask",
    "distilbert-fill-mask",
    "electra-embed",
    "gte-embed",
    "modernbert-fill-mask",
    "mpnet-embed",
    "nomic-bert-embed",
    "roberta-embed",
    "roberta-fill-mask",
    "roberta-sentence-cls",
    "roberta-sentence-lasttoken",
    "roberta-sentence-max",
    "roberta-sentence-mean-sqrt-len",
    "xlm-roberta-embed",
    "roberta-sentence-weightedmean",
};

// Plain directories are told how to pool; sentence-transformers' say it themselves.
SentenceOptions sentence_options(const std::string& name, const nlohmann::json& record) {
  if (name.find("-sentence-") != std::string::npos) return {};
  std::string pooling = record.at("options").at("pooling");
  if (pooling == "mean_sqrt_len_tokens") pooling = "mean_sqrt_len";
  return {.pooling = pooling_from_string(pooling)};
}

class RecordedVectors : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Directories, RecordedVectors, testing::ValuesIn(kDirectories),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(RecordedVectors, EqualTheirReference) {
  const auto records = test::load_pipeline(GetParam(), "embed");
  ASSERT_FALSE(records.empty());
  for (const auto& record : records) {
    const TextEncoder encoder =
        TextEncoder::load(test::pipeline_directory(GetParam()), {.dtype = ComputeType::f32},
                          sentence_options(GetParam(), record));
    const auto texts = record.at("inputs").get<std::vector<std::string>>();
    const Tensor rows = encoder.embed(texts);
    for (size_t i = 0; i < texts.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      const Tensor own = rows.rows(row, row + 1);
      test::expect_close(own.values<float>(), record.at("outputs").at(i).get<std::vector<float>>(),
                         test::kF32Model);
      test::expect_same_bits(encoder.embed(std::span(texts).subspan(i, 1)), own);
    }
  }
}

TEST(RecordedDirectories, EveryRecordedDirectoryIsAmongThem) {
  std::set<std::string> recorded;
  for (const auto& entry : std::filesystem::directory_iterator(test::pipeline_directory(""))) {
    if (!entry.is_directory()) continue;
    const std::string name = entry.path().filename().string();
    if (!test::load_pipeline(name, "embed").empty()) recorded.insert(name);
  }
  EXPECT_EQ(recorded, std::set<std::string>(std::begin(kDirectories), std::end(kDirectories)));
}

}  // namespace
}  // namespace nopad
