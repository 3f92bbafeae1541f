// Component: one object of tokenizer.json, and how messages call it.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/json.h"

namespace nopad::text {

// A part of the file; `where` is "DIR/tokenizer.json: model". It must not outlive the file.
struct Component {
  const nlohmann::json& value;
  std::string where;

  // The value of a key; null if there is none. The component must be an object.
  Component child(const char* key) const;
  bool is_null() const noexcept { return value.is_null(); }
  // Throw FormatError.
  void expect_object() const;
  void expect_array() const;
  void expect_keys(std::initializer_list<std::string_view> known) const;
  // The value of "type".
  std::string type() const;
  // "expected one of ..., got ..."
  [[noreturn]] void fail_type(std::string_view expected) const;

  // The value of a key, which must be there: require(io::find_int, "pad_id").
  template <class T>
  T require(std::optional<T> (*find)(const nlohmann::json&, std::string_view, std::string_view),
            const char* key) const {
    auto found = find(value, key, where);
    if (!found) fail_missing(key);
    return *std::move(found);
  }
  // The value of a key that holds one character.
  char32_t require_char(const char* key) const;
  // The value of a key, from 0 to `max`.
  int64_t require_count(const char* key, int64_t max) const;
  // The place of a key's value among `names`.
  size_t require_choice(const char* key, std::initializer_list<std::string_view> names) const;

 private:
  [[noreturn]] void fail_missing(const char* key) const;
};

// The steps of a component: itself, or those of a "Sequence" in the list `key`, at any depth, in order.
std::vector<Component> flatten_sequence(const Component& part, const char* key);

}  // namespace nopad::text
