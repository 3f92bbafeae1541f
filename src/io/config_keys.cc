#include "io/config_keys.h"

#include <array>

#include "io/json.h"

namespace nopad::io {
namespace {

using nlohmann::json;

// As transformers names them, several names for one function.
constexpr std::array<Named<Activation>, 21> kActivations = {
    {{"gelu", Activation::gelu},
     {"gelu_python", Activation::gelu},
     {"gelu_new", Activation::gelu_tanh},
     {"gelu_fast", Activation::gelu_tanh},
     {"gelu_pytorch_tanh", Activation::gelu_tanh},
     {"gelu_python_tanh", Activation::gelu_tanh},
     {"gelu_accurate", Activation::gelu_tanh},
     {"quick_gelu", Activation::quick_gelu},
     {"relu", Activation::relu},
     {"silu", Activation::silu},
     {"swish", Activation::silu},
     {"tanh", Activation::tanh},
     {"sigmoid", Activation::sigmoid},
     {"gelu_10", Activation::gelu_10},
     {"mish", Activation::mish},
     {"relu2", Activation::relu2},
     {"relu6", Activation::relu6},
     {"hardswish", Activation::hardswish},
     {"leaky_relu", Activation::leaky_relu},
     {"laplace", Activation::laplace},
     {"linear", Activation::none}}};

// Nothing that asks for anything.
bool is_nothing(const json& value) {
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_number()) return value.get<double>() == 0;
  return value.empty();
}

}  // namespace

bool ConfigKeys::contains(std::string_view key) const {
  return find_value(*object_, key, where_) != nullptr;
}

bool ConfigKeys::is_null(std::string_view key) const {
  const auto found = object_->find(key);
  return found != object_->end() && found->is_null();
}

void ConfigKeys::read(std::string_view key, Range range, int64_t& value) const {
  value = find_int(*object_, key, where_).value_or(value);
  if (value < range.low || value > range.high) {
    fail<FormatError>(where_, ": ", key, ": expected ", range.low, " to ", range.high, ", got ",
                      value);
  }
}

void ConfigKeys::read(std::string_view key, double above, double most, double& value) const {
  value = find_number(*object_, key, where_).value_or(value);
  if (!(value > above && value <= most)) {
    fail<FormatError>(where_, ": ", key, ": expected above ", above, " and at most ", most,
                      ", got ", value);
  }
}

void ConfigKeys::read(std::string_view key, bool& value) const {
  value = find_bool(*object_, key, where_).value_or(value);
}

void ConfigKeys::read(std::string_view key, Activation& value) const {
  read(key, std::span<const Named<Activation>>(kActivations), value);
}

std::optional<std::string> ConfigKeys::find_text(std::string_view key) const {
  return find_string(*object_, key, where_);
}

std::optional<std::vector<std::string>> ConfigKeys::find_texts(std::string_view key) const {
  const json* const list = find_value(*object_, key, where_);
  if (list == nullptr) return std::nullopt;
  const bool fits = list->is_array() &&
                    std::ranges::all_of(*list, [](const json& name) { return name.is_string(); });
  if (!fits) fail<FormatError>(where_, ": ", key, ": expected a list of strings");
  return list->get<std::vector<std::string>>();
}

std::optional<ConfigKeys> ConfigKeys::find_object(std::string_view key) const {
  const json* const value = find_value(*object_, key, where_);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) {
    fail<FormatError>(where_, ": ", key, ": expected an object, got ", describe(*value));
  }
  return ConfigKeys(*value, concat(where_, ": ", key));
}

void ConfigKeys::expect_flag(std::string_view key, bool expected) const {
  const bool value = find_bool(*object_, key, where_).value_or(expected);
  if (value != expected) {
    fail<FormatError>(where_, ": ", key, ": expected ", expected ? "true" : "false", ", got ",
                      value ? "true" : "false");
  }
}

void ConfigKeys::expect_value(std::string_view key, std::string_view expected) const {
  const std::string value = find_text(key).value_or(std::string(expected));
  if (value != expected) fail_name(key, expected, value);
}

void ConfigKeys::expect_none(std::string_view key) const {
  const json* const value = find_value(*object_, key, where_);
  if (value != nullptr && !is_nothing(*value)) {
    fail<FormatError>(where_, ": ", key, ": expected none, got ", describe(*value));
  }
}

void ConfigKeys::fail_name(std::string_view key, std::string_view expected,
                           std::string_view got) const {
  fail<FormatError>(where_, ": ", key, ": expected ", expected, ", got ", quote(got));
}

}  // namespace nopad::io
