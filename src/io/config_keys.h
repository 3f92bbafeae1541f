// ConfigKeys: the keys of a config.json, read with the types and ranges that they must have.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "nopad/core/activation.h"
#include "nopad/core/error.h"
#include "nopad/io/model_config.h"

namespace nopad::io {

struct Range {
  int64_t low;
  int64_t high;
};

template <class Value>
struct Named {
  std::string_view name;
  Value value;
};

// "a, b or c".
template <class Entries, class Projection>
std::string list_of(const Entries& entries, Projection name) {
  std::string list;
  for (const auto& entry : entries) {
    if (!list.empty()) list += &entry == &*std::prev(std::end(entries)) ? " or " : ", ";
    list += std::invoke(name, entry);
  }
  return list;
}

// One object of a file, whose values replace the defaults that a reader comes with. A key that is
// missing or null leaves the default, which is checked as well. All throw FormatError:
// "config.json: hidden_size: expected 1 to 65536, got 0".
class ConfigKeys {
 public:
  // A view: the config, or the JSON, must outlive it.
  explicit ConfigKeys(const ModelConfig& config);
  ConfigKeys(const nlohmann::json& object, std::string_view where)
      : object_(&object), where_(where) {}

  // What messages begin with: the file, and the keys that lead to this object.
  const std::string& where() const noexcept { return where_; }
  bool contains(std::string_view key) const;  // and it is not null
  bool is_null(std::string_view key) const;   // it is there, and null

  void read(std::string_view key, Range range, int64_t& value) const;
  // Above `above`, and at most `most`.
  void read(std::string_view key, double above, double most, double& value) const;
  void read(std::string_view key, bool& value) const;
  // As transformers names them.
  void read(std::string_view key, Activation& value) const;
  template <class Value>
  void read(std::string_view key, std::span<const Named<Value>> names, Value& value) const {
    const std::optional<std::string> text = find_text(key);
    if (!text) return;
    const auto found = std::ranges::find(names, *text, &Named<Value>::name);
    if (found == names.end()) fail_name(key, list_of(names, &Named<Value>::name), *text);
    value = found->value;
  }
  std::optional<std::string> find_text(std::string_view key) const;
  // A list of strings; none when the key is missing.
  std::optional<std::vector<std::string>> find_texts(std::string_view key) const;
  // An object inside this one.
  std::optional<ConfigKeys> find_object(std::string_view key) const;

  // For keys that change what a model computes in ways that only one value of theirs is known.
  void expect_flag(std::string_view key, bool expected) const;
  void expect_value(std::string_view key, std::string_view expected) const;
  // Missing, null, false, 0 or empty.
  void expect_none(std::string_view key) const;

 private:
  [[noreturn]] void fail_name(std::string_view key, std::string_view expected,
                              std::string_view got) const;

  const nlohmann::json* object_;
  std::string where_;
};

}  // namespace nopad::io
