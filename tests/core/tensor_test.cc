#include "nopad/core/tensor.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "random.h"
#include "tolerance.h"

namespace nopad {
namespace {

constexpr std::array kAllDTypes = {DType::f32, DType::f64, DType::bf16, DType::i8,
                                   DType::u8,  DType::i32, DType::i64,  DType::boolean};

template <class T>
Tensor vector_of(std::vector<T> values) {
  return Tensor::from_values(std::span<const T>(values), {std::ssize(values)});
}

template <class T>
std::vector<T> list(const Tensor& tensor) {
  const auto values = tensor.values<T>();
  return {values.begin(), values.end()};
}

TEST(Tensor, TheDefaultIsAnEmptyF32Vector) {
  const Tensor tensor;
  EXPECT_EQ(tensor.shape(), Shape{0});
  EXPECT_EQ(tensor.dtype(), DType::f32);
  EXPECT_TRUE(tensor.values<float>().empty());
}

TEST(Tensor, ZerosAreZeroInEveryDtypeAndShape) {
  for (const DType dtype : kAllDTypes) {
    const Tensor tensor = Tensor::zeros({3, 5}, dtype);
    EXPECT_EQ(tensor.num_bytes(), 15 * size_of(dtype));
    for (size_t i = 0; i < tensor.num_bytes(); ++i) EXPECT_EQ(tensor.bytes()[i], std::byte{0});
    EXPECT_EQ(Tensor::zeros({0, 5}, dtype).num_elements(), 0);
    EXPECT_EQ(Tensor::zeros({}, dtype).num_elements(), 1);
  }
}

TEST(Tensor, FromValuesCopies) {
  std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const Tensor tensor = Tensor::from_values(std::span<const float>(values), {2, 3});
  values[0] = 100;
  EXPECT_EQ(list<float>(tensor), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(tensor.dim(-1), 3);
}

TEST(Tensor, FromValuesRefusesAnotherNumberOfThem) {
  const std::vector<float> values(5);
  test::expect_error<ShapeError>(
      [&] {
        Tensor::from_values(std::span<const float>(values), {2, 3});
      },
      "Tensor: values: expected 6 for [2, 3], got 5");
}

TEST(Tensor, CopiesShareTheirElements) {
  Tensor a = vector_of<float>({1, 2});
  const Tensor b = a;
  a.mutable_values<float>()[0] = 9;
  EXPECT_EQ(b.values<float>()[0], 9);
}

TEST(Tensor, ReadingAsAnotherTypeIsRefused) {
  Tensor tensor = vector_of<int32_t>({1});
  test::expect_error<DTypeError>([&] { tensor.values<float>(); },
                                 "Tensor: values: expected the stored type i32, got f32");
  EXPECT_THROW(tensor.mutable_values<int64_t>(), DTypeError);
}

TEST(Tensor, MoreBytesThanAnAddressSpaceHasIsALimitError) {
  test::expect_error<LimitError>(
      [] { Tensor::empty({int64_t{1} << 62}, DType::f32); },
      "Tensor: [4611686018427387904] f32: more bytes than an address space has");
  EXPECT_THROW(Tensor::empty({int64_t{1} << 50}, DType::i8), LimitError);
}

TEST(TensorFromStorage, ViewsTheBytesFromTheOffsetOn) {
  Storage storage = Storage::allocate(16);
  const Tensor whole = Tensor::from_storage(storage, 0, {4}, DType::i32);
  Tensor tail = Tensor::from_storage(storage, 8, {2}, DType::i32);
  tail.mutable_values<int32_t>()[1] = 5;
  EXPECT_EQ(whole.values<int32_t>()[3], 5);
  EXPECT_EQ(Tensor::from_storage(storage, 16, {0, 3}, DType::i32).num_elements(), 0);
}

TEST(TensorFromStorage, AViewBeyondTheEndIsRefused) {
  const Storage storage = Storage::allocate(16);
  test::expect_error<ShapeError>(
      [&] { Tensor::from_storage(storage, 8, {3}, DType::i32); },
      "Tensor: storage: expected at least 12 bytes after byte 8, got 16 in all");
  EXPECT_THROW(Tensor::from_storage(storage, 17, {0}, DType::i8), ShapeError);
  EXPECT_THROW(Tensor::from_storage(storage, std::numeric_limits<size_t>::max(), {1}, DType::i8),
               ShapeError);
}

TEST(TensorFromStorage, AByteCountThatWrapsRoundToZeroIsRefused) {
  const Storage storage = Storage::allocate(16);
  EXPECT_THROW(Tensor::from_storage(storage, 0, {int64_t{1} << 62}, DType::f32), LimitError);
  EXPECT_THROW(Tensor::from_storage(storage, 0, {int64_t{1} << 61}, DType::i64), LimitError);
}

TEST(TensorFromStorage, MisalignedElementsAreRefused) {
  const Storage storage = Storage::allocate(16);
  test::expect_error<ShapeError>([&] { Tensor::from_storage(storage, 2, {1}, DType::f32); },
                                 "Tensor: storage: expected elements aligned to 4 bytes");
  EXPECT_NO_THROW(Tensor::from_storage(storage, 2, {1}, DType::bf16));
}

TEST(TensorFromStorage, ABorrowedOneCanBeReadAndNotWritten) {
  const auto owner = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3});
  Tensor tensor =
      Tensor::from_storage(Storage::borrow(owner, owner->data(), 12), 4, {2}, DType::f32);
  EXPECT_EQ(list<float>(tensor), (std::vector<float>{2, 3}));
  test::expect_error<InternalError>([&] { tensor.mutable_values<float>(); },
                                    "Tensor: a write to a read-only (mapped) storage");
}

TEST(TensorReshape, SharesElementsUnderAnotherShape) {
  Tensor flat = vector_of<float>({1, 2, 3, 4, 5, 6});
  const Tensor matrix = flat.reshape({2, 3});
  flat.mutable_values<float>()[4] = 50;
  EXPECT_EQ(matrix.values<float>()[4], 50);
  EXPECT_EQ(matrix.shape(), Shape({2, 3}));
  EXPECT_EQ(flat.shape(), Shape({6}));
}

TEST(TensorReshape, RefusesAnotherNumberOfElements) {
  test::expect_error<ShapeError>(
      [] {
        vector_of<float>({1, 2, 3, 4}).reshape({3});
      },
      "reshape: shape: expected 4 elements as in [4], got [3]");
}

TEST(TensorRows, AreAViewOfTheFirstAxis) {
  Tensor matrix = vector_of<int32_t>({0, 1, 10, 11, 20, 21}).reshape({3, 2});
  Tensor middle = matrix.rows(1, 2);
  EXPECT_EQ(middle.shape(), Shape({1, 2}));
  EXPECT_EQ(list<int32_t>(middle), (std::vector<int32_t>{10, 11}));
  middle.mutable_values<int32_t>()[0] = 7;
  EXPECT_EQ(matrix.values<int32_t>()[2], 7);
  EXPECT_EQ(list<int32_t>(matrix.rows(1, 3).rows(1, 2)), (std::vector<int32_t>{20, 21}));
}

TEST(TensorRows, MayBeNone) {
  const Tensor matrix = Tensor::zeros({3, 2});
  EXPECT_EQ(matrix.rows(3, 3).shape(), Shape({0, 2}));
  EXPECT_EQ(Tensor::zeros({0, 2}).rows(0, 0).num_elements(), 0);
  EXPECT_EQ(Tensor::zeros({4, 0}).rows(1, 3).shape(), Shape({2, 0}));
}

TEST(TensorRows, OutOfRangeIsRefused) {
  const Tensor matrix = Tensor::zeros({3, 2});
  test::expect_error<ShapeError>(
      [&] { matrix.rows(2, 4); },
      "rows: range: expected a part of the first axis of [3, 2], got [2, 4)");
  EXPECT_THROW(matrix.rows(-1, 1), ShapeError);
  EXPECT_THROW(matrix.rows(2, 1), ShapeError);
  EXPECT_THROW(Tensor::zeros({}).rows(0, 1), ShapeError);
}

TEST(TensorTo, SmallIntegersSurviveEveryPairOfDtypes) {
  const Tensor source = vector_of<int32_t>({0, 1, 2, 100});
  for (const DType a : kAllDTypes) {
    for (const DType b : kAllDTypes) {
      if (a == DType::boolean || b == DType::boolean) continue;
      EXPECT_EQ(list<int32_t>(source.to(a).to(b).to(DType::i32)), list<int32_t>(source))
          << to_string(a) << " " << to_string(b);
    }
  }
}

TEST(TensorTo, CopiesEvenToTheSameDtype) {
  Tensor a = vector_of<float>({1, 2});
  const Tensor b = a.to(DType::f32);
  a.mutable_values<float>()[0] = 9;
  EXPECT_EQ(b.values<float>()[0], 1);
}

TEST(TensorTo, BooleanIsNotZero) {
  const Tensor tensor = vector_of<float>({0, -0.0f, 0.5f, -3, NAN});
  EXPECT_EQ(list<bool>(tensor.to(DType::boolean)), (std::vector<bool>{0, 0, 1, 1, 1}));
  EXPECT_EQ(list<float>(vector_of<int64_t>({0, 7}).to(DType::boolean).to(DType::f32)),
            (std::vector<float>{0, 1}));
}

TEST(TensorTo, FloatsAreTruncatedTowardsZero) {
  const Tensor tensor = vector_of<float>({1.9f, -1.9f, 0.5f, -0.5f});
  EXPECT_EQ(list<int32_t>(tensor.to(DType::i32)), (std::vector<int32_t>{1, -1, 0, 0}));
}

TEST(TensorTo, FloatsBeyondAnIntegersRangeSaturateAndNanIsZero) {
  const float inf = std::numeric_limits<float>::infinity();
  const Tensor tensor = vector_of<float>({1e30f, -1e30f, inf, -inf, NAN});
  constexpr int32_t kMax32 = std::numeric_limits<int32_t>::max();
  constexpr int32_t kMin32 = std::numeric_limits<int32_t>::min();
  constexpr int64_t kMax64 = std::numeric_limits<int64_t>::max();
  constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(list<int32_t>(tensor.to(DType::i32)),
            (std::vector<int32_t>{kMax32, kMin32, kMax32, kMin32, 0}));
  EXPECT_EQ(list<int64_t>(tensor.to(DType::f64).to(DType::i64)),
            (std::vector<int64_t>{kMax64, kMin64, kMax64, kMin64, 0}));
  EXPECT_EQ(list<uint8_t>(tensor.to(DType::bf16).to(DType::u8)),
            (std::vector<uint8_t>{255, 0, 255, 0, 0}));
  EXPECT_EQ(list<int8_t>(vector_of<double>({127.9, 128, -128.9, -129}).to(DType::i8)),
            (std::vector<int8_t>{127, 127, -128, -128}));
  EXPECT_EQ(list<int32_t>(vector_of<double>({2147483647.5, -2147483648.5}).to(DType::i32)),
            (std::vector<int32_t>{kMax32, kMin32}));
}

TEST(TensorTo, Bf16RoundsEachElement) {
  test::Random random(3);
  const Tensor tensor = random.tensor({1000}, -100, 100);
  const Tensor rounded = tensor.to(DType::bf16);
  for (size_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(rounded.values<BFloat16>()[i].bits, BFloat16(tensor.values<float>()[i]).bits);
  }
  test::expect_close(rounded, tensor, {0, 1.0 / 256});
}

TEST(TensorTo, AnEmptyOneKeepsItsShape) {
  const Tensor tensor = Tensor().reshape({0, 7}).to(DType::i64);
  EXPECT_EQ(tensor.shape(), Shape({0, 7}));
  EXPECT_EQ(tensor.dtype(), DType::i64);
}

}  // namespace
}  // namespace nopad
