#include "nopad/models/saved_model.h"

#include <map>
#include <string>
#include <vector>

#include "io/json.h"
#include "models/model_json.h"
#include "nopad/io/file.h"
#include "nopad/io/safetensors.h"
#include "nopad/models/weight_report.h"

namespace nopad::models {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxConfigBytes = uint64_t{16} << 20;

// Two files can't change in one step, so each weights file says whose it is, and while a save lasts
// the old weights stay under a second name:
//   old weights, old config -> new weights, old config (the second name's go with it) -> new, new
constexpr const char* kConfigFile = "config.json";
constexpr const char* kWeightsFile = "model.safetensors";
constexpr const char* kOldWeightsFile = "model.safetensors.old";
constexpr const char* kOwnerKey = "nopad_config";

// What is written down of a config to recognise it by: FNV-1a of its text.
std::string fingerprint(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return std::to_string(hash);
}

bool belong_together(const io::SafetensorsFile& weights, std::string_view config) {
  const auto owner = weights.metadata().find(kOwnerKey);
  return owner != weights.metadata().end() && owner->second == fingerprint(config);
}

// The weights that were saved with this config.
io::SafetensorsFile open_weights(const fs::path& directory, std::string_view config) {
  io::SafetensorsFile weights(directory / kWeightsFile);
  if (belong_together(weights, config)) return weights;
  if (fs::exists(directory / kOldWeightsFile)) {
    io::SafetensorsFile old(directory / kOldWeightsFile);
    if (belong_together(old, config)) return old;
  }
  fail<FormatError>((directory / kWeightsFile).string(), ": expected the weights that ",
                    kConfigFile, " was saved with, got those of another model");
}

std::string read_config(const fs::path& directory) {
  return io::read_file(directory / kConfigFile, kMaxConfigBytes);
}

// Gives the weights of the model that is there a second name, until the new config is, too.
void keep_old_weights(const fs::path& directory) {
  if (!fs::exists(directory / kConfigFile) || !fs::exists(directory / kWeightsFile)) return;
  const std::string config = read_config(directory);
  // After a save that was killed they have it already, and what has the first name is not theirs.
  if (!belong_together(io::SafetensorsFile(directory / kWeightsFile), config)) return;
  fs::remove(directory / kOldWeightsFile);
  fs::create_hard_link(directory / kWeightsFile, directory / kOldWeightsFile);
}

std::string to_text(const nlohmann::ordered_json& description) {
  try {
    return description.dump(1) + "\n";
  } catch (const nlohmann::json::type_error&) {
    fail<InputError>("save_model: expected names and settings in UTF-8, got other bytes");
  }
}

void write_files(const fs::path& directory, const std::string& config,
                 const std::map<std::string, Tensor>& weights) {
  fs::create_directories(directory);
  io::OutputFile config_file(directory / kConfigFile);  // keeps other writers out until the end
  config_file.write(config);
  keep_old_weights(directory);
  io::write_safetensors(directory / kWeightsFile, weights,
                        {{"format", "pt"}, {kOwnerKey, fingerprint(config)}});
  config_file.commit();
  fs::remove(directory / kOldWeightsFile);
}

void expect_all_known(const WeightSource& source, std::span<const ExpectedWeight> expected) {
  expect_loadable(source, expected);
  const WeightReport report = compare_weights(source, expected);
  if (report.unexpected.empty()) return;
  fail<WeightError>(source.description(), ": unexpected: ", report.unexpected.front(),
                    report.unexpected.size() > 1 ? ", ..." : "");
}

void load_weights(const nn::Layer& model, const io::SafetensorsFile& source) {
  const std::vector<nn::NamedParameter> parameters = model.parameters();
  std::vector<ExpectedWeight> expected;
  for (const auto& [name, parameter] : parameters) expected.push_back({name, parameter->shape()});
  expect_all_known(source, expected);
  for (const auto& [name, parameter] : parameters) {
    const bool is_wide = parameter->dtype() == DType::f64;
    parameter.assign(is_wide ? source.load_stored(name) : source.load(name));
  }
}

}  // namespace

void save_model(const nn::Layer& model, const fs::path& directory) {
  const std::string config = to_text(write_model(model));
  std::map<std::string, Tensor> weights;
  for (const auto& [name, parameter] : model.parameters()) weights[name] = *parameter;
  try {
    write_files(directory, config, weights);
  } catch (const fs::filesystem_error& error) {
    fail<FileError>(directory.string(), ": can't be written: ", error.code().message());
  }
}

std::shared_ptr<const nn::Layer> load_model(const fs::path& directory,
                                            const LayerRegistry& registry) {
  const std::string path = (directory / kConfigFile).string();
  while (true) {
    const std::string config = read_config(directory);
    auto model = read_model(io::parse_json(config, path), path, registry);
    try {
      load_weights(*model, open_weights(directory, config));
      return model;
    } catch (const Error&) {
      // A save may have come between the two files. Then there is another config by now.
      if (read_config(directory) == config) throw;
    }
  }
}

}  // namespace nopad::models
