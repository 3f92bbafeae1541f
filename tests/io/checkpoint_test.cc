#include "nopad/io/checkpoint.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "io/scratch_directory.h"
#include "nopad/core/error.h"
#include "nopad/io/safetensors.h"
#include "tolerance.h"

namespace nopad::io {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::expect_same_bits;
using test::ScratchDirectory;

Tensor filled(float value, const Shape& shape = {2}) {
  Tensor tensor = Tensor::empty(shape);
  for (float& element : tensor.mutable_values<float>()) element = value;
  return tensor;
}

using Names = std::vector<std::string>;

TEST(OpenCheckpoint, ReadsOneFile) {
  const ScratchDirectory dir;
  write_safetensors(dir / "model.safetensors", {{"a", filled(1)}, {"b", filled(2, {3, 1})}});
  const auto source = open_checkpoint(dir.path());
  EXPECT_EQ(source->names(), (Names{"a", "b"}));
  EXPECT_EQ(source->shape("b"), (Shape{3, 1}));
  EXPECT_EQ(source->description(), (dir / "model.safetensors").string());
  expect_same_bits(load_weight(*source, "a", {2}), filled(1));
}

TEST(OpenCheckpoint, OldLayerNormNamesAreMapped) {
  const ScratchDirectory dir;
  write_safetensors(dir / "model.safetensors", {{"bert.x.LayerNorm.gamma", filled(1)},
                                                {"bert.x.LayerNorm.beta", filled(2)},
                                                {"gamma.weight", filled(3)},
                                                {"my.gamma", filled(4)}});
  const auto source = open_checkpoint(dir.path());
  EXPECT_EQ(source->names(), (Names{"bert.x.LayerNorm.bias", "bert.x.LayerNorm.weight",
                                    "gamma.weight", "my.gamma"}));
  expect_same_bits(source->load("bert.x.LayerNorm.weight"), filled(1));
  EXPECT_FALSE(source->contains("bert.x.LayerNorm.gamma"));
}

TEST(OpenCheckpoint, OldAndNewNameTogetherAreRefused) {
  const ScratchDirectory dir;
  write_safetensors(dir / "model.safetensors",
                    {{"LayerNorm.gamma", filled(1)}, {"LayerNorm.weight", filled(2)}});
  expect_error<WeightError>([&] { open_checkpoint(dir.path()); },
                            (dir / "model.safetensors").string() +
                                ": LayerNorm.weight: expected one tensor, got LayerNorm.gamma and "
                                "LayerNorm.weight");
}

TEST(OpenCheckpoint, MissingTensorIsNamedWithItsFile) {
  const ScratchDirectory dir;
  write_safetensors(dir / "model.safetensors", {{"a", filled(1)}});
  const auto source = without_prefix(open_checkpoint(dir.path()), "bert.");
  expect_error<WeightError>([&] { source->load("pooler.dense.weight"); },
                            (dir / "model.safetensors").string() +
                                ": pooler.dense.weight: expected a tensor of that name, got none");
}

TEST(OpenCheckpoint, NoWeightsAreAClearError) {
  const ScratchDirectory dir;
  const std::string where = dir.path().string();
  expect_error<FileError>([&] { open_checkpoint(dir / "no"); },
                          where + "/no: expected a model directory, got nothing of that name");
  const std::string expected = where +
                               ": weights: expected model.safetensors, "
                               "model.safetensors.index.json, pytorch_model.bin or "
                               "pytorch_model.bin.index.json, got ";
  expect_error<FileError>([&] { open_checkpoint(dir.path()); }, expected + "none of them");
  const fs::path keras = dir.write("tf_model.h5", "x");
  expect_error<FileError>([&] { open_checkpoint(dir.path()); },
                          expected +
                              "only tf_model.h5, which is not read; save the model as safetensors "
                              "(save_pretrained of transformers does)");
  fs::rename(keras, dir / "flax_model.msgpack");
  expect_error<FileError>([&] { open_checkpoint(dir.path()); },
                          expected +
                              "only flax_model.msgpack, which is not read; save the model as "
                              "safetensors (save_pretrained of transformers does)");
  const fs::path file = dir.write("file", "x");
  expect_error<FileError>([&] { open_checkpoint(file); },
                          file.string() + ": expected a model directory, got a file");
}

TEST(OpenCheckpoint, DeviceAsWeightsIsRefused) {
  const ScratchDirectory dir;
  fs::create_symlink("/dev/zero", dir / "model.safetensors");
  expect_error<FileError>(
      [&] { open_checkpoint(dir.path()); },
      (dir / "model.safetensors").string() + ": expected a regular file, got a device");
}

constexpr std::string_view kIndex = "model.safetensors.index.json";

// Two shards, a and b in the first, c in the second.
void write_shards(const ScratchDirectory& dir) {
  write_safetensors(dir / "1.safetensors", {{"a", filled(1)}, {"b", filled(2)}});
  write_safetensors(dir / "2.safetensors", {{"c", filled(3)}});
}

std::string index_of(std::string_view weight_map) {
  return concat(R"({"metadata":{"total_size":24},"weight_map":{)", weight_map, "}}");
}

void expect_refused(const ScratchDirectory& dir, std::string_view weight_map,
                    std::string_view message) {
  const fs::path index = dir.write(kIndex, index_of(weight_map));
  expect_error<FormatError>([&] { open_checkpoint(dir.path()); },
                            concat(index.string(), ": weight_map: ", message));
}

TEST(ShardedCheckpoint, ReadsEachTensorFromItsShard) {
  const ScratchDirectory dir;
  write_shards(dir);
  dir.write(kIndex, index_of(R"("a":"1.safetensors","b":"1.safetensors","c":"2.safetensors")"));
  const auto source = open_checkpoint(dir.path());
  EXPECT_EQ(source->names(), (Names{"a", "b", "c"}));
  expect_same_bits(source->load("c"), filled(3));
  EXPECT_EQ(source->shape("b"), Shape{2});
  EXPECT_EQ(source->description(), (dir / kIndex).string());
  EXPECT_THROW(source->load("d"), WeightError);
}

TEST(ShardedCheckpoint, ReadsWhatTransformersWrites) {
  const fs::path models = fs::path(NOPAD_TEST_DATA) / "models";
  const auto sharded = open_checkpoint(models / "bert-odd-sharded");
  EXPECT_EQ(sharded->names().size(), 39u);
  EXPECT_EQ(sharded->load("embeddings.LayerNorm.weight").rank(), 1);
  const auto old = open_checkpoint(models / "bert-odd-v4-gamma-beta");
  EXPECT_TRUE(without_prefix(old, "bert.")->contains("embeddings.LayerNorm.weight"));
}

const fs::path kTorchData = fs::path(NOPAD_TEST_DATA) / "io";

TEST(OpenCheckpoint, ReadsWhatTorchWrites) {
  for (const std::string form : {"archive", "legacy"}) {
    const ScratchDirectory dir;
    fs::copy_file(kTorchData / concat("torch-", form, ".bin"), dir / "pytorch_model.bin");
    const auto source = open_checkpoint(dir.path());
    const SafetensorsFile expected(kTorchData / concat("torch-", form, ".safetensors"));
    expect_same_bits(source->load("transposed"), expected.load("transposed"));
    EXPECT_EQ(source->stored_dtype("bf16"), "BF16");
    EXPECT_EQ(source->description(), (dir / "pytorch_model.bin").string());
  }
}

TEST(OpenCheckpoint, PrefersSafetensorsToTorchsFiles) {
  const ScratchDirectory dir;
  dir.write("pytorch_model.bin", "no checkpoint");
  dir.write("pytorch_model.bin.index.json", "no index");
  write_safetensors(dir / "1.safetensors", {{"a", filled(1)}});
  dir.write(kIndex, index_of(R"("a":"1.safetensors")"));
  EXPECT_EQ(open_checkpoint(dir.path())->description(), (dir / kIndex).string());
  write_safetensors(dir / "model.safetensors", {{"b", filled(2)}});
  EXPECT_EQ(open_checkpoint(dir.path())->names(), Names{"b"});
  fs::remove(dir / "model.safetensors");
  fs::remove(dir / kIndex);
  EXPECT_THROW(open_checkpoint(dir.path()), FormatError);
  fs::remove(dir / "pytorch_model.bin");
  expect_error<FormatError>([&] { open_checkpoint(dir.path()); },
                            (dir / "pytorch_model.bin.index.json").string() +
                                ": line 1, column 2: expected valid JSON in UTF-8");
}

TEST(ShardedCheckpoint, ReadsTorchsShards) {
  const auto source = open_checkpoint(kTorchData / "torch-sharded");
  const SafetensorsFile expected(kTorchData / "torch-sharded.safetensors");
  EXPECT_EQ(source->names(), (Names{"base", "f16", "i64", "tied.a", "tied.b"}));
  for (const std::string& name : expected.names()) {
    expect_same_bits(source->load(name), expected.load(name));
    EXPECT_EQ(source->stored_dtype(name), name == "f16" ? "F16" : "F32");
  }
}

TEST(ShardedCheckpoint, IndexOfOneKindNamesFilesOfThatKind) {
  const ScratchDirectory dir;
  write_shards(dir);
  const fs::path index =
      dir.write("pytorch_model.bin.index.json", index_of(R"("a":"1.safetensors")"));
  expect_error<FormatError>(
      [&] { open_checkpoint(dir.path()); },
      concat(index.string(), ": weight_map: \"a\": expected the name of a .bin file, got ",
             "\"1.safetensors\""));
}

TEST(ShardedCheckpoint, HostileFileNamesAreRefused) {
  const ScratchDirectory dir;
  write_shards(dir);
  for (const std::string name :
       {"../1.safetensors", "/etc/x.safetensors", "sub/1.safetensors", "..", "", "1.bin"}) {
    expect_refused(dir, concat(R"("a":")", name, "\""),
                   concat("\"a\": expected the name of a .safetensors file, got \"", name, "\""));
  }
  expect_refused(dir, R"("a":"x\\1.safetensors")",
                 R"("a": expected a path within the directory, got "x\\1.safetensors")");
  expect_refused(dir, R"("a":"x\u0000.safetensors")",
                 R"("a": expected a path within the directory, got "x\u0000.safetensors")");
  expect_refused(dir, R"("a":1)", "\"a\": expected a file's name, got 1");
}

TEST(ShardedCheckpoint, LinkOutOfTheDirectoryIsRefused) {
  const ScratchDirectory outside;
  write_shards(outside);
  const ScratchDirectory dir;
  fs::create_symlink(outside / "2.safetensors", dir / "link.safetensors");
  expect_refused(dir, R"("c":"link.safetensors")",
                 R"("c": expected a path within the directory, got a link out of it: )"
                 R"("link.safetensors")");
}

TEST(ShardedCheckpoint, LinkIntoACachesBlobsIsFollowed) {
  const ScratchDirectory cache;
  fs::create_directories(cache / "blobs");
  fs::create_directories(cache / "snapshots/1a2b");
  write_safetensors(cache / "blobs/77", {{"c", filled(3)}});
  fs::create_symlink("../../blobs/77", cache / "snapshots/1a2b/1.safetensors");
  cache.write("snapshots/1a2b/model.safetensors.index.json", index_of(R"("c":"1.safetensors")"));
  expect_same_bits(open_checkpoint(cache / "snapshots/1a2b")->load("c"), filled(3));
}

TEST(ShardedCheckpoint, IndexAndShardsMustAgree) {
  const ScratchDirectory dir;
  write_shards(dir);
  expect_refused(dir, R"("a":"1.safetensors","b":"1.safetensors","d":"2.safetensors")",
                 R"("d": expected a tensor in "2.safetensors", got none)");
  expect_refused(dir, R"("a":"1.safetensors","b":"2.safetensors")",
                 R"("b": expected a tensor in "2.safetensors", got none)");
  dir.write(kIndex, index_of(R"("a":"1.safetensors")"));
  expect_error<FormatError>([&] { open_checkpoint(dir.path()); },
                            (dir / "1.safetensors").string() +
                                ": tensor \"b\": expected what the index lists for this file");
}

TEST(ShardedCheckpoint, TensorInTwoShardsIsRefused) {
  const ScratchDirectory dir;
  write_safetensors(dir / "1.safetensors", {{"a", filled(1)}});
  write_safetensors(dir / "2.safetensors", {{"a", filled(1)}, {"b", filled(2)}});
  dir.write(kIndex, index_of(R"("a":"1.safetensors","b":"2.safetensors")"));
  expect_error<FormatError>([&] { open_checkpoint(dir.path()); },
                            (dir / "2.safetensors").string() +
                                ": tensor \"a\": expected what the index lists for this file");
}

TEST(ShardedCheckpoint, MissingShardIsNamed) {
  const ScratchDirectory dir;
  dir.write(kIndex, index_of(R"("a":"1.safetensors")"));
  expect_error<FileError>(
      [&] { open_checkpoint(dir.path()); },
      (dir / "1.safetensors").string() + ": can't be opened: No such file or directory");
}

TEST(ShardedCheckpoint, MalformedIndexIsRefused) {
  const ScratchDirectory dir;
  const auto index = dir.write(kIndex, "{}");
  expect_error<FormatError>([&] { open_checkpoint(dir.path()); },
                            index.string() + ": weight_map: expected an object, got nothing");
  dir.write(kIndex, R"({"weight_map":[]})");
  expect_error<FormatError>([&] { open_checkpoint(dir.path()); },
                            index.string() + ": weight_map: expected an object, got an array");
}

TEST(WithoutPrefix, NamesWithAndWithoutIt) {
  const ScratchDirectory dir;
  write_safetensors(dir / "model.safetensors",
                    {{"bert.embeddings.weight", filled(1)}, {"classifier.weight", filled(2)}});
  const auto source = without_prefix(open_checkpoint(dir.path()), "bert.");
  EXPECT_EQ(source->names(), (Names{"classifier.weight", "embeddings.weight"}));
  expect_same_bits(source->load("embeddings.weight"), filled(1));
  EXPECT_EQ(source->shape("classifier.weight"), Shape{2});
}

TEST(WithoutPrefix, BothNamesTogetherAreRefused) {
  const ScratchDirectory dir;
  write_safetensors(dir / "model.safetensors", {{"bert.x", filled(1)}, {"x", filled(2)}});
  EXPECT_THROW(without_prefix(open_checkpoint(dir.path()), "bert."), WeightError);
}

}  // namespace
}  // namespace nopad::io
