// UnicodeForm: the normalizers NFC, NFD, NFKC and NFKD.
#pragma once

#include <cstdint>

#include "text/normalizer.h"

namespace nopad::text::normalizers {

enum class Form : uint8_t { nfc, nfd, nfkc, nfkd };

// Source : `tokenizers` 0.23.3, which has the characters of Unicode 9.0: newer ones stay as they are,
//          and newer marks are not reordered.
// Cost   : n log n in the length of a run of marks, else linear
class UnicodeForm final : public Normalizer {
 public:
  explicit UnicodeForm(Form form) : form_(form) {}
  void apply(NormalizedText& text) const override;

 private:
  Form form_;
};

}  // namespace nopad::text::normalizers
