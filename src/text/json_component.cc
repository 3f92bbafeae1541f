#include "text/json_component.h"

#include <algorithm>

#include "nopad/core/error.h"
#include "text/unicode.h"

namespace nopad::text {

using nlohmann::json;

Component Component::child(const char* key) const {
  const auto found = value.find(key);
  static const json kNull;
  return {found == value.end() ? kNull : *found, concat(where, ": ", key)};
}

void Component::expect_object() const {
  if (!value.is_object()) {
    fail<FormatError>(where, ": expected an object, got ", io::describe(value));
  }
}

void Component::expect_array() const {
  if (!value.is_array()) fail<FormatError>(where, ": expected a list, got ", io::describe(value));
}

void Component::expect_keys(std::initializer_list<std::string_view> known) const {
  expect_object();
  for (const auto& [key, unused] : value.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      fail<FormatError>(where, ": expected only known keys, got ", io::quote(key));
    }
  }
}

std::string Component::type() const {
  expect_object();
  return require(io::find_string, "type");
}

void Component::fail_type(std::string_view expected) const {
  fail<FormatError>(where, ": type: expected ", expected, ", got ", io::quote(type()));
}

void Component::fail_missing(const char* key) const {
  fail<FormatError>(where, ": ", key, ": expected a value, got none");
}

char32_t Component::require_char(const char* key) const {
  const std::string text = require(io::find_string, key);
  if (!text.empty()) {
    const auto [c, num_bytes] = decode_utf8(text, 0);
    if (num_bytes == text.size()) return c;
  }
  fail<FormatError>(where, ": ", key, ": expected one character, got ", io::quote(text));
}

int64_t Component::require_count(const char* key, int64_t max) const {
  const int64_t count = require(io::find_int, key);
  if (count < 0 || count > max) {
    fail<FormatError>(where, ": ", key, ": expected 0 to ", max, ", got ", count);
  }
  return count;
}

size_t Component::require_choice(const char* key,
                                 std::initializer_list<std::string_view> names) const {
  const std::string name = require(io::find_string, key);
  const auto* found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  std::string expected;
  for (const std::string_view known : names) {
    if (!expected.empty()) expected += ", ";
    expected += known;
  }
  fail<FormatError>(where, ": ", key, ": expected one of ", expected, ", got ", io::quote(name));
}

std::vector<Component> flatten_sequence(const Component& part, const char* key) {
  std::vector<Component> steps;
  std::vector<Component> waiting{part};
  while (!waiting.empty()) {
    const Component next = waiting.back();
    waiting.pop_back();
    if (next.type() != "Sequence") {
      steps.push_back(next);
      continue;
    }
    next.expect_keys({"type", key});
    const Component list = next.child(key);
    list.expect_array();
    for (size_t i = list.value.size(); i > 0; --i) {
      waiting.push_back({list.value[i - 1], concat(list.where, "[", i - 1, "]")});
    }
  }
  return steps;
}

}  // namespace nopad::text
