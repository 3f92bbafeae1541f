#include "nopad/io/checkpoint.h"

#include <functional>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "io/confined_path.h"
#include "io/json.h"
#include "nopad/core/error.h"
#include "nopad/io/safetensors.h"
#include "nopad/io/torch_file.h"

namespace nopad::io {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMaxIndexBytes = uint64_t{16} << 20;
constexpr size_t kMaxShards = 1000;

[[noreturn]] void fail_missing(const WeightSource& source, std::string_view name) {
  fail<WeightError>(source.description(), ": ", name, ": expected a tensor of that name, got none");
}

template <class Value>
std::vector<std::string> keys_of(const std::map<std::string, Value, std::less<>>& map) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

// Another source under other names.
class RenamedSource : public WeightSource {
 public:
  // rename : the stored name -> the name that it is asked for by
  RenamedSource(std::shared_ptr<const WeightSource> source,
                const std::function<std::string(std::string_view)>& rename)
      : source_(std::move(source)) {
    for (std::string& stored : source_->names()) {
      const auto [place, is_new] = stored_.try_emplace(rename(stored), stored);
      if (!is_new) {
        fail<WeightError>(description(), ": ", place->first, ": expected one tensor, got ",
                          place->second, " and ", stored);
      }
    }
  }

  bool contains(std::string_view name) const override { return stored_.contains(name); }
  std::vector<std::string> names() const override { return keys_of(stored_); }
  Shape shape(std::string_view name) const override { return source_->shape(stored(name)); }
  std::string stored_dtype(std::string_view name) const override {
    return source_->stored_dtype(stored(name));
  }
  Tensor load(std::string_view name) const override { return source_->load(stored(name)); }
  std::string description() const override { return source_->description(); }

 private:
  const std::string& stored(std::string_view name) const {
    const auto found = stored_.find(name);
    if (found == stored_.end()) fail_missing(*source_, name);
    return found->second;
  }

  std::shared_ptr<const WeightSource> source_;
  std::map<std::string, std::string, std::less<>> stored_;
};

std::unique_ptr<const WeightSource> open_file(const fs::path& path) {
  if (path.extension() == ".bin") return std::make_unique<TorchFile>(path);
  return std::make_unique<SafetensorsFile>(path);
}

// The files of an index, each tensor in exactly the one that the index says.
class ShardedSource : public WeightSource {
 public:
  // extension : that all files of the index have
  ShardedSource(const fs::path& index, std::string_view extension)
      : index_(index), extension_(extension) {
    const json root = read_json(index, kMaxIndexBytes);
    const json* const weight_map = find_value(root, "weight_map", description());
    if (weight_map == nullptr || !weight_map->is_object()) {
      fail<FormatError>(description(), ": weight_map: expected an object, got ",
                        weight_map == nullptr ? "nothing" : describe(*weight_map));
    }
    for (const auto& [name, file] : weight_map->items()) shard_of_[name] = &open_shard(name, file);
    for (const auto& [file, shard] : shards_) expect_listed(*shard);
  }

  bool contains(std::string_view name) const override { return shard_of_.contains(name); }
  std::vector<std::string> names() const override { return keys_of(shard_of_); }
  Shape shape(std::string_view name) const override { return shard(name).shape(name); }
  std::string stored_dtype(std::string_view name) const override {
    return shard(name).stored_dtype(name);
  }
  Tensor load(std::string_view name) const override { return shard(name).load(name); }
  std::string description() const override { return index_.string(); }

 private:
  const WeightSource& open_shard(const std::string& name, const json& file) {
    const std::string where = concat(description(), ": weight_map: ", quote(name));
    if (!file.is_string()) {
      fail<FormatError>(where, ": expected a file's name, got ", describe(file));
    }
    const auto& file_name = file.get_ref<const std::string&>();
    auto found = shards_.find(file_name);
    if (found == shards_.end()) {
      if (shards_.size() == kMaxShards) {
        fail<LimitError>(description(), ": weight_map: expected at most ", kMaxShards, " files");
      }
      if (!file_name.ends_with(extension_) || file_name.find('/') != file_name.npos) {
        fail<FormatError>(where, ": expected the name of a ", extension_, " file, got ",
                          quote(file_name));
      }
      const fs::path path = confined_path(index_.parent_path(), file_name, where);
      found = shards_.try_emplace(file_name, open_file(path)).first;
    }
    if (!found->second->contains(name)) {
      fail<FormatError>(where, ": expected a tensor in ", quote(file_name), ", got none");
    }
    return *found->second;
  }

  void expect_listed(const WeightSource& shard) const {
    for (const std::string& name : shard.names()) {
      const auto listed = shard_of_.find(name);
      if (listed == shard_of_.end() || listed->second != &shard) {
        fail<FormatError>(shard.description(), ": tensor ", quote(name),
                          ": expected what the index lists for this file");
      }
    }
  }

  const WeightSource& shard(std::string_view name) const {
    const auto found = shard_of_.find(name);
    if (found == shard_of_.end()) fail_missing(*this, name);
    return *found->second;
  }

  fs::path index_;
  std::string_view extension_;
  std::map<std::string, std::unique_ptr<const WeightSource>, std::less<>> shards_;
  std::map<std::string, const WeightSource*, std::less<>> shard_of_;
};

// The weights of other frameworks, which stand in many directories beside torch's.
std::string_view find_foreign_weights(const fs::path& directory) {
  std::error_code ignored;
  for (const std::string_view name : {"tf_model.h5", "flax_model.msgpack"}) {
    if (fs::exists(directory / name, ignored)) return name;
  }
  return {};
}

[[noreturn]] void fail_without_weights(const fs::path& directory) {
  const std::string_view foreign = find_foreign_weights(directory);
  fail<FileError>(directory.string(),
                  ": weights: expected model.safetensors, model.safetensors.index.json, "
                  "pytorch_model.bin or pytorch_model.bin.index.json, got ",
                  foreign.empty() ? "none of them"
                                  : concat("only ", foreign,
                                           ", which is not read; save the model as safetensors "
                                           "(save_pretrained of transformers does)"));
}

std::shared_ptr<const WeightSource> open_stored(const fs::path& directory) {
  std::error_code ignored;
  if (!fs::is_directory(directory, ignored)) {
    fail<FileError>(directory.string(), ": expected a model directory, got ",
                    fs::exists(directory, ignored) ? "a file" : "nothing of that name");
  }
  for (const auto& [stem, extension] :
       {std::pair<std::string_view, std::string_view>{"model", ".safetensors"},
        {"pytorch_model", ".bin"}}) {
    const fs::path whole = directory / concat(stem, extension);
    if (fs::exists(whole, ignored)) return open_file(whole);
    const fs::path index = directory / concat(stem, extension, ".index.json");
    if (fs::exists(index, ignored)) return std::make_shared<ShardedSource>(index, extension);
  }
  fail_without_weights(directory);
}

std::string current_name(std::string_view stored) {
  for (const auto& [old, current] :
       {std::pair<std::string_view, std::string_view>{"gamma", "weight"}, {"beta", "bias"}}) {
    if (stored.ends_with(concat("LayerNorm.", old))) {
      return concat(stored.substr(0, stored.size() - old.size()), current);
    }
  }
  return std::string(stored);
}

}  // namespace

std::shared_ptr<const WeightSource> open_checkpoint(const fs::path& directory) {
  return std::make_shared<RenamedSource>(open_stored(directory), current_name);
}

std::shared_ptr<const WeightSource> without_prefix(std::shared_ptr<const WeightSource> source,
                                                   std::string_view prefix) {
  return std::make_shared<RenamedSource>(std::move(source), [prefix](std::string_view stored) {
    return std::string(stored.starts_with(prefix) ? stored.substr(prefix.size()) : stored);
  });
}

}  // namespace nopad::io
