#include "nopad/core/dtype.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>

#include "expect_error.h"

namespace nopad {
namespace {

constexpr std::array kAll = {DType::f32, DType::f64, DType::bf16, DType::i8,
                             DType::u8,  DType::i32, DType::i64,  DType::boolean};

TEST(DType, NamesAreThoseThatUsersType) {
  std::string names;
  for (const DType dtype : kAll) names += std::string(to_string(dtype)) + " ";
  EXPECT_EQ(names, "f32 f64 bf16 i8 u8 i32 i64 bool ");
}

TEST(DType, DispatchGivesTheTypeThatIsStored) {
  for (const DType dtype : kAll) {
    const auto [size, back] = dispatch(dtype, [](auto element) {
      using T = decltype(element);
      return std::pair(sizeof(T), dtype_of<T>);
    });
    EXPECT_EQ(size, size_of(dtype)) << to_string(dtype);
    EXPECT_EQ(back, dtype) << to_string(dtype);
  }
}

TEST(DType, DispatchReturnsReferencesAsReferences) {
  int counter = 0;
  int& same = dispatch(DType::i8, [&](auto) -> int& { return counter; });
  EXPECT_EQ(&same, &counter);
}

TEST(DType, DispatchRefusesAValueThatIsNoDtype) {
  test::expect_error<InternalError>([] { dispatch(static_cast<DType>(99), [](auto) {}); },
                                    "dispatch: dtype: got the unknown value 99");
}

}  // namespace
}  // namespace nopad
