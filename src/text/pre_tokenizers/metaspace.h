// Metaspace: blanks become a visible character, with which each word begins.
#pragma once

#include <string>

#include "text/pre_tokenizer.h"

namespace nopad::text {

enum class PrependScheme { never, first, always };

class Metaspace final : public PreTokenizer {
 public:
  struct Config {
    char32_t replacement = U'\u2581';
    // Before which pieces a blank is put that have none: none, the one at the beginning of the text,
    // or all.
    PrependScheme prepend_scheme = PrependScheme::always;
    bool split = true;
  };
  explicit Metaspace(const Config& config);

  void apply(PreTokenizedText& text) const override;
  bool needs_sources() const noexcept override {
    return config_.prepend_scheme == PrependScheme::first;
  }

 private:
  Config config_;
  std::string replacement_;
};

}  // namespace nopad::text
