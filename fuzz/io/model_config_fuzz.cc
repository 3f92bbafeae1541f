// Any bytes as the JSON files of a model directory: an error, or a description within the limits.
// The input is the files' texts, in the order of kFiles, with a zero byte between them.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "nopad/core/error.h"
#include "nopad/io/checkpoint.h"
#include "nopad/io/sentence_transformers.h"

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFiles[] = {"config.json",
                                       "modules.json",
                                       "1_Pooling/config.json",
                                       "2_Dense/config.json",
                                       "sentence_bert_config.json",
                                       "tokenizer_config.json",
                                       "config_sentence_transformers.json",
                                       "model.safetensors.index.json"};

class Directory {
 public:
  Directory() {
    std::string name = (fs::exists("/dev/shm") ? "/dev/shm" : "/tmp") + std::string("/fuzz-XXXXXX");
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
    for (const auto folder : {"1_Pooling", "2_Dense"}) fs::create_directory(path_ / folder);
  }
  ~Directory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  const fs::path& path() const { return path_; }

  void fill(std::string_view input) const {
    bool is_there = true;
    for (const std::string_view file : kFiles) {
      const size_t end = input.find('\0');
      const std::string_view text = input.substr(0, end);
      std::error_code ignored;
      if (is_there) {
        std::ofstream(path_ / file, std::ios::binary) << text;
      } else {
        fs::remove(path_ / file, ignored);
      }
      is_there = end != input.npos;
      input.remove_prefix(is_there ? end + 1 : input.size());
    }
  }

 private:
  fs::path path_;
};

void expect(bool holds) {
  if (!holds) std::abort();
}

void describe(const fs::path& path) {
  const auto model = nopad::io::describe_directory(path);
  expect(!model.max_seq_length || *model.max_seq_length >= 1);
  expect(model.config.labels().size() <= (size_t{1} << 20));
  constexpr int64_t kPositions = 512;
  expect(nopad::io::max_sequence_length(model.max_seq_length, model.model_max_length, kPositions) <=
         kPositions);
}

template <class F>
void expect_result_or_error(F&& f) {
  try {
    f();
  } catch (const nopad::Error&) {  // what a malformed file gives; anything else is a bug
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Directory directory;
  directory.fill({reinterpret_cast<const char*>(data), size});
  expect_result_or_error([] { describe(directory.path()); });
  expect_result_or_error([] { nopad::io::open_checkpoint(directory.path()); });
  return 0;
}
