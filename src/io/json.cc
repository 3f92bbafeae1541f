#include "io/json.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "nopad/core/error.h"
#include "nopad/io/file.h"

namespace nopad::io {
namespace {

using nlohmann::json;

// Builds the value from the parser's events, with the checks that the parser lacks. The parser
// keeps its own stack of open brackets in memory, not in calls; ours bounds it.
class CheckedBuilder : public nlohmann::json_sax<json> {
 public:
  explicit CheckedBuilder(std::string_view where) : where_(where) {}

  json take() { return std::move(root_); }
  size_t error_position() const { return error_position_; }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(int64_t value) override { return add(value); }
  bool number_unsigned(uint64_t value) override { return add(value); }
  bool number_float(double value, const std::string&) override { return add(value); }
  bool string(std::string& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // no such thing in JSON text
  bool start_object(size_t) override { return open(json::object()); }
  bool start_array(size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    const auto [place, is_new] =
        open_.back()->get_ref<json::object_t&>().try_emplace(name, nullptr);
    if (!is_new) fail<FormatError>(where_, ": key ", quote(name), ": expected once, got twice");
    member_ = &place->second;
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    error_position_ = position;
    return false;
  }

 private:
  // Where the next value goes. Addresses hold: an object is a tree, and an array grows only while
  // none of its elements is open.
  json& place() {
    if (open_.empty()) return root_;
    if (open_.back()->is_object()) return *member_;
    return open_.back()->get_ref<json::array_t&>().emplace_back();
  }
  bool add(json value) {
    place() = std::move(value);
    return true;
  }
  bool open(json container) {
    constexpr size_t kMaxDepth = 64;
    if (open_.size() == kMaxDepth) {
      fail<FormatError>(where_, ": nesting: expected at most ", kMaxDepth, " levels");
    }
    json& value = place();
    value = std::move(container);
    open_.push_back(&value);
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view where_;
  json root_;
  std::vector<json*> open_;
  json* member_ = nullptr;
  size_t error_position_ = 0;
};

[[noreturn]] void fail_at(std::string_view text, size_t position, std::string_view where) {
  const std::string_view before = text.substr(0, position > 0 ? position - 1 : 0);
  const auto line = 1 + std::ranges::count(before, '\n');
  const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  fail<FormatError>(where, ": line ", line, ", column ", before.size() - line_begin + 1,
                    ": expected valid JSON in UTF-8");
}

std::string_view type_of(const json& value) {
  switch (value.type()) {
    case json::value_t::object: return "an object";
    case json::value_t::array: return "an array";
    case json::value_t::string: return "a string";
    default: return "null";
  }
}

template <class Value>
std::optional<Value> find(const json& object, std::string_view key, std::string_view where,
                          std::string_view expected, bool (*fits)(const json&)) {
  const json* const value = find_value(object, key, where);
  if (value == nullptr) return std::nullopt;
  if (!fits(*value)) {
    fail<FormatError>(where, ": ", key, ": expected ", expected, ", got ", describe(*value));
  }
  return value->get<Value>();
}

bool fits_int64(const json& value) {
  return value.is_number_integer() &&
         !(value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX});
}

}  // namespace

json parse_json(std::string_view text, std::string_view where) {
  // The parser would skip a byte order mark, and take a NUL for the end.
  if (text.starts_with("\xEF\xBB\xBF")) fail_at(text, 1, where);
  if (const size_t nul = text.find('\0'); nul != text.npos) fail_at(text, nul + 1, where);
  CheckedBuilder builder(where);
  if (!json::sax_parse(text.begin(), text.end(), &builder)) {
    fail_at(text, std::min(builder.error_position(), text.size() + 1), where);
  }
  return builder.take();
}

json read_json(const std::filesystem::path& path, uint64_t max_bytes) {
  return parse_json(read_file(path, max_bytes), path.string());
}

const json* find_value(const json& object, std::string_view key, std::string_view where) {
  if (!object.is_object()) {
    fail<FormatError>(where, ": expected an object, got ", describe(object));
  }
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::optional<int64_t> find_int(const json& object, std::string_view key, std::string_view where) {
  return find<int64_t>(object, key, where, "an integer", fits_int64);
}

std::optional<double> find_number(const json& object, std::string_view key,
                                  std::string_view where) {
  return find<double>(object, key, where, "a number", [](const json& v) { return v.is_number(); });
}

std::optional<bool> find_bool(const json& object, std::string_view key, std::string_view where) {
  return find<bool>(object, key, where, "true or false",
                    [](const json& v) { return v.is_boolean(); });
}

std::optional<std::string> find_string(const json& object, std::string_view key,
                                       std::string_view where) {
  return find<std::string>(object, key, where, "a string",
                           [](const json& v) { return v.is_string(); });
}

std::string describe(const json& value) {
  if (value.is_number() || value.is_boolean()) return value.dump();
  return std::string(type_of(value));
}

std::string quote(std::string_view text) {
  constexpr size_t kMaxBytes = 80;
  const bool cut = text.size() > kMaxBytes;
  const std::string shown =
      json(text.substr(0, kMaxBytes)).dump(-1, ' ', true, json::error_handler_t::replace);
  return cut ? shown + "..." : shown;
}

}  // namespace nopad::io
