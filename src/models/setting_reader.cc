#include "models/setting_reader.h"

#include <algorithm>
#include <limits>

#include "io/json.h"
#include "nopad/core/error.h"

namespace nopad::models {
namespace {

using nlohmann::json;

// More than any network has, and few enough to be tried out in a moment.
constexpr int64_t kMaxDepth = 64;
constexpr int64_t kMaxCalls = 10'000;

bool is_int64(const json& value) {
  return value.is_number_integer() &&
         !(value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX});
}

}  // namespace

std::shared_ptr<const nn::Layer> LayerReferences::at(const json& place, std::string_view key) {
  if (!is_int64(place) || place.get<int64_t>() < 0 || place.get<int64_t>() >= std::ssize(before_)) {
    fail<FormatError>(where_, ": ", key, ": expected the place of one of the ", before_.size(),
                      " layers before this one, got ", io::describe(place));
  }
  const ReadLayer& read = before_[place.get<size_t>()];
  depth_ = std::max(depth_, 1 + read.depth);
  num_calls_ += read.num_calls;
  if (depth_ > kMaxDepth) {
    fail<LimitError>(where_, ": ", key, ": expected at most ", kMaxDepth,
                     " layers inside one another");
  }
  if (num_calls_ > kMaxCalls) {
    fail<LimitError>(where_, ": ", key, ": expected at most ", kMaxCalls, " calls of layers");
  }
  return read.layer;
}

const json& SettingReader::take(std::string_view name) {
  names_.emplace(name);
  const auto found = config_.find(name);
  if (found == config_.end()) {
    fail<FormatError>(where_, ": ", name, ": expected this setting, got none");
  }
  return *found;
}

const json& SettingReader::take_list(std::string_view name) {
  const json& value = take(name);
  if (!value.is_array()) fail_type(name, "a list");
  return value;
}

void SettingReader::fail_type(std::string_view name, std::string_view expected) const {
  const json& value = *config_.find(name);
  fail<FormatError>(
      where_, ": ", name, ": expected ", expected, ", got ",
      value.is_string() ? io::quote(value.get_ref<const std::string&>()) : io::describe(value));
}

void SettingReader::field(std::string_view name, bool& value) {
  const json& given = take(name);
  if (!given.is_boolean()) fail_type(name, "true or false");
  value = given.get<bool>();
}

void SettingReader::field(std::string_view name, int64_t& value) {
  const json& given = take(name);
  if (!is_int64(given)) fail_type(name, "an integer");
  value = given.get<int64_t>();
}

void SettingReader::field(std::string_view name, double& value) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const json& given = take(name);
  if (given.is_number()) {
    value = given.get<double>();
  } else if (given == "inf" || given == "-inf") {
    value = given == "inf" ? kInfinity : -kInfinity;
  } else if (given == "nan") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    fail_type(name, "a number");
  }
}

void SettingReader::field(std::string_view name, std::string& value) {
  const json& given = take(name);
  if (!given.is_string()) fail_type(name, "a string");
  value = given.get<std::string>();
}

void SettingReader::field(std::string_view name, std::vector<int64_t>& value) {
  value.clear();
  for (const json& element : take_list(name)) {
    if (!is_int64(element)) fail_type(name, "a list of integers");
    value.push_back(element.get<int64_t>());
  }
}

void SettingReader::field(std::string_view name, std::shared_ptr<const nn::Layer>& value) {
  const json& place = take(name);
  value = place.is_null() ? nullptr : references_.at(place, name);
}

void SettingReader::field(std::string_view name,
                          std::vector<std::shared_ptr<const nn::Layer>>& value) {
  value.clear();
  for (const json& place : take_list(name)) value.push_back(references_.at(place, name));
}

void SettingReader::choice(std::string_view name, int& index,
                           std::span<const std::string_view> words) {
  const json& given = take(name);
  const auto word = std::ranges::find_if(words, [&](std::string_view one) { return given == one; });
  if (word == words.end()) {
    std::string all;
    for (const std::string_view one : words) all += concat(all.empty() ? "" : ", ", one);
    fail_type(name, concat("one of ", all));
  }
  index = static_cast<int>(word - words.begin());
}

void SettingReader::expect_all_read() const {
  for (const auto& [name, value] : config_.items()) {
    if (names_.contains(name)) continue;
    fail<FormatError>(where_, ": expected no setting of the name ", io::quote(name), ", got one");
  }
}

}  // namespace nopad::models
