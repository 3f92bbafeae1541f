// JSON from files that nobody vouches for: size, depth and types are checked, messages name the
// file.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace nopad::io {

// `where` in all messages is the file's path.
// Throws FormatError: not JSON, not UTF-8, a number beyond double, a key twice in an object, deeper
// than 64 levels (checked while parsing, without recursion).
nlohmann::json parse_json(std::string_view text, std::string_view where);
// Throws also FileError, LimitError: see read_file.
nlohmann::json read_json(const std::filesystem::path& path, uint64_t max_bytes);

// The value of a key, or null when it is missing or null.
// Throws FormatError: `object` is not an object.
const nlohmann::json* find_value(const nlohmann::json& object, std::string_view key,
                                 std::string_view where);
// The value of a key, or none when it is missing or null.
// Throws FormatError: "config.json: hidden_size: expected an integer, got a string".
std::optional<int64_t> find_int(const nlohmann::json& object, std::string_view key,
                                std::string_view where);
std::optional<double> find_number(const nlohmann::json& object, std::string_view key,
                                  std::string_view where);
std::optional<bool> find_bool(const nlohmann::json& object, std::string_view key,
                              std::string_view where);
std::optional<std::string> find_string(const nlohmann::json& object, std::string_view key,
                                       std::string_view where);

// What a message calls a value that was not expected: "a string", "an array", "-1", "0.5", "true".
std::string describe(const nlohmann::json& value);
// Text from a file, as a message shows it: in quotes, escaped to ASCII, cut after 80 bytes.
std::string quote(std::string_view text);

}  // namespace nopad::io
