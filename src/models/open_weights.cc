#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "models/families/family.h"
#include "nopad/core/error.h"
#include "nopad/io/checkpoint.h"
#include "nopad/models/encoder.h"

namespace nopad::models {
namespace {

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// The names that a stored one stands for, each for an equal block of its rows.
std::vector<std::string> respell(const std::string& stored, const Family& family) {
  std::vector<std::string> names = {stored};
  for (const Respelling& rule : family.respellings) {
    std::vector<std::string> next;
    for (const std::string& name : names) {
      if (name.find(rule.stored) == name.npos) {
        next.push_back(name);
        continue;
      }
      for (const auto to : rule.names) next.push_back(replace_all(name, rule.stored, to));
    }
    names = std::move(next);
  }
  return names;
}

// A checkpoint under the names of transformers' class, where it was stored under others.
class RespelledSource final : public WeightSource {
 public:
  RespelledSource(std::shared_ptr<const WeightSource> source, const Family& family)
      : source_(std::move(source)) {
    for (const std::string& stored : source_->names()) {
      const std::vector<std::string> names = respell(stored, family);
      expect_blocks(stored, std::ssize(names));
      for (int64_t i = 0; i < std::ssize(names); ++i) {
        const std::string& name = names[static_cast<size_t>(i)];
        const auto [place, is_new] = parts_.try_emplace(name, Part{stored, i, std::ssize(names)});
        if (!is_new) {
          fail<WeightError>(description(), ": ", name, ": expected one tensor, got ",
                            place->second.stored, " and ", stored);
        }
      }
    }
  }

  bool contains(std::string_view name) const override { return parts_.contains(name); }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, part] : parts_) out.push_back(name);
    return out;
  }
  Shape shape(std::string_view name) const override {
    const Part& part = find(name);
    const Shape whole = source_->shape(part.stored);
    if (part.count == 1) return whole;
    std::vector<int64_t> dims(whole.dims().begin(), whole.dims().end());
    dims[0] /= part.count;
    return Shape(std::span<const int64_t>(dims));
  }
  std::string stored_dtype(std::string_view name) const override {
    return source_->stored_dtype(find(name).stored);
  }
  Tensor load(std::string_view name) const override {
    const Part& part = find(name);
    Tensor whole = source_->load(part.stored);
    if (part.count == 1) return whole;
    const int64_t rows = whole.dim(0) / part.count;
    return whole.rows(part.index * rows, (part.index + 1) * rows);
  }
  std::string description() const override { return source_->description(); }

 private:
  // Block `index` of `count` equal ones.
  struct Part {
    std::string stored;
    int64_t index;
    int64_t count;
  };

  void expect_blocks(const std::string& stored, int64_t count) const {
    if (count == 1) return;
    const Shape shape = source_->shape(stored);
    if (shape.rank() == 0 || shape[0] % count != 0) {
      fail<WeightError>(description(), ": ", stored, ": expected rows in ", count,
                        " equal blocks, got ", shape);
    }
  }

  const Part& find(std::string_view name) const {
    const auto found = parts_.find(name);
    if (found == parts_.end()) {
      fail<WeightError>(description(), ": ", name, ": expected a tensor of that name, got none");
    }
    return found->second;
  }

  std::shared_ptr<const WeightSource> source_;
  std::map<std::string, Part, std::less<>> parts_;
};

}  // namespace

std::shared_ptr<const WeightSource> open_weights(const std::filesystem::path& directory,
                                                 const EncoderConfig& config) {
  std::shared_ptr<const WeightSource> source = io::open_checkpoint(directory);
  const Family* const family = find_family(config.model_type);
  if (family == nullptr) {
    fail<OptionError>("open_weights: model_type: expected ", known_model_types(), ", got ",
                      config.model_type);
  }
  for (const auto prefix : family->prefixes) {
    source = io::without_prefix(std::move(source), prefix);
  }
  if (family->respellings.empty()) return source;
  return std::make_shared<RespelledSource>(std::move(source), *family);
}

}  // namespace nopad::models
