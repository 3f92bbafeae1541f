// Malformed files of torch.save, with what is said about each. "F" stands for the file's path.
#include <gtest/gtest.h>

#include <fstream>
#include <ostream>

#include "expect_error.h"
#include "io/raw_pickle.h"
#include "io/scratch_directory.h"
#include "nopad/core/error.h"
#include "nopad/io/torch_file.h"
#include "random.h"

namespace nopad::io {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using test::expect_error;
using test::integer;
using test::integers;
using test::pickled;
using test::raw_zip;
using test::ScratchDirectory;
using test::state_dict;
using test::storage;
using test::tensor;
using test::text;
using test::torch_archive;

constexpr int64_t kTwoTo62 = int64_t{1} << 62;

struct Case {
  std::string name;
  std::string bytes;
  std::string message;  // after the path
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

// An archive of {"x": value} and a storage of 16 bytes.
std::string archive_of(const std::string& value) {
  return torch_archive(state_dict(value), std::string(16, '\0'));
}

std::string rebuild(const std::string& function, const std::string& arguments) {
  return test::global("torch._utils", function) + "(" + arguments + "tR";
}

std::vector<Case> archives() {
  const std::string pickle = ": data.pkl";
  const std::string x = pickle + ": tensor \"x\": ";
  const std::string four = storage("0", 4);
  const std::string good = tensor(four, 0, {4}, {1});
  const std::string id =
      pickle + ": persistent id: expected (\"storage\", class, key, device, size)";
  const std::string outside =
      x + "expected to lie in the 4 elements of its storage, got the last one at ";
  return {
      {"NoPickle", raw_zip({{.name = "m/data/0"}}), ": expected a data.pkl in a folder, got none"},
      {"PickleOutsideAFolder", raw_zip({{.name = "data.pkl", .content = state_dict(good)}}),
       ": expected a data.pkl in a folder, got none"},
      {"TwoPickles", raw_zip({{.name = "m/data.pkl"}, {.name = "n/data.pkl"}}),
       ": expected one data.pkl in a folder, got two"},
      {"TorchScript", raw_zip({{.name = "m/data.pkl"}, {.name = "m/constants.pkl"}}),
       ": expected a state dict, got a TorchScript archive"},
      {"BigEndian", raw_zip({{.name = "m/data.pkl"}, {.name = "m/byteorder", .content = "big"}}),
       ": byteorder: expected little, got \"big\""},
      {"OsSystem", archive_of("cposix\nsystem\n" + text("id") + "\x85R"),
       pickle + ": byte 9: global \"posix.system\": refused, a checkpoint may only name what makes "
                "up tensors and dicts"},
      {"WholeModule", torch_archive(pickled("c__main__\nModel\n)\x81"), ""),
       pickle + ": byte 2: global \"__main__.Model\": refused, a checkpoint may only name what "
                "makes up tensors and dicts"},
      {"SparseTensor", archive_of("ctorch._utils\n_rebuild_sparse_tensor\n)R"),
       pickle + ": byte 9: global \"torch._utils._rebuild_sparse_tensor\": refused, a checkpoint "
                "may only name what makes up tensors and dicts"},
      {"RootIsAList", torch_archive(pickled("]"), ""),
       pickle + ": expected a dict of tensors, got a list"},
      {"RootIsATensor", torch_archive(pickled(good), std::string(16, '\0')),
       pickle + ": expected a dict of tensors, got a call"},
      {"NoTensors", torch_archive(state_dict("K\1"), ""),
       pickle + ": expected tensors by name, or a dict of them under state_dict, model_state_dict "
                "or model, got neither"},
      {"TwoStateDicts",
       torch_archive(pickled("}(" + text("state_dict") + "}" + text("a") + good + "s" +
                             text("model") + "}" + text("b") + good + "su"),
                     std::string(16, '\0')),
       pickle +
           ": expected one dict of tensors, got several: state_dict, model_state_dict or model"},
      {"NumberAsAName", torch_archive(pickled("}K\1" + good + "s"), std::string(16, '\0')),
       pickle + ": name of a tensor: expected a string, got an integer"},
      {"NameTwice",
       torch_archive(pickled("}(" + text("x") + good + text("x") + good + "u"),
                     std::string(16, '\0')),
       x + "expected one of that name, got two"},
      {"StorageSmallerThanItsSize", archive_of(tensor(storage("0", 5), 0, {4}, {1})),
       ": storage \"0\": expected 20 bytes, got 16"},
      {"StorageLargerThanItsSize", archive_of(tensor(storage("0", 3), 0, {3}, {1})),
       ": storage \"0\": expected 12 bytes, got 16"},
      {"StorageOfAnotherType", archive_of(tensor(storage("0", 4, "DoubleStorage"), 0, {4}, {1})),
       ": storage \"0\": expected 32 bytes, got 16"},
      {"StorageIsMissing", archive_of(tensor(storage("1", 4), 0, {4}, {1})),
       ": storage \"1\": expected 16 bytes, got none"},
      {"StoragePathEscapes", archive_of(tensor(storage("../data.pkl", 4), 0, {4}, {1})),
       ": storage \"../data.pkl\": expected 16 bytes, got none"},
      {"StorageSizeWraps", archive_of(tensor(storage("0", kTwoTo62 + 4), 0, {4}, {1})),
       pickle +
           ": storage \"0\": expected fewer than 2^63 bytes, got 4611686018427387908 elements"},
      {"StorageSizeIsNegative", archive_of(tensor(storage("0", -4), 0, {4}, {1})),
       pickle + ": storage \"0\": number of elements: expected an integer of 0 or more, got -4"},
      {"StorageOfADtype", archive_of(tensor(storage("0", 4, "float32"), 0, {4}, {1})),
       pickle + ": storage \"0\": expected a class of storages, got torch.float32"},
      {"StorageInTwoTypes",
       archive_of(tensor(four, 0, {4}, {1}) + "s" + text("y") +
                  tensor(storage("0", 4, "IntStorage"), 0, {4}, {1})),
       pickle + ": storage \"0\": expected one class and size, got torch.FloatStorage of 4 and "
                "torch.IntStorage of 4"},
      {"PersistentIdIsAString", archive_of(text("0") + "Q"), id},
      {"PersistentIdIsShort", archive_of("(" + text("storage") + "tQ"), id},
      {"PersistentIdOfAModule",
       archive_of("(" + text("module") + test::global("torch", "FloatStorage") + text("0") +
                  text("cpu") + integer(4) + "tQ"),
       id},
      {"PersistentIdWithAView",
       archive_of("(" + text("storage") + test::global("torch", "FloatStorage") + text("0") +
                  text("cpu") + integer(4) + integers({0, 1}) + "tQ"),
       id},
      {"NoStorage", archive_of(tensor("N", 0, {4}, {1})),
       x + "storage: expected a persistent id, got None"},
      {"NegativeOffset", archive_of(tensor(four, -1, {4}, {1})),
       x + "storage offset: expected an integer of 0 or more, got -1"},
      {"OffsetBeyondTheStorage", archive_of(tensor(four, 4, {1}, {1})), outside + "4"},
      {"OffsetAndSizeBeyondTheStorage", archive_of(tensor(four, 1, {4}, {1})), outside + "4"},
      {"StrideBeyondTheStorage", archive_of(tensor(four, 0, {2, 2}, {3, 1})), outside + "4"},
      {"StrideOverflows", archive_of(tensor(four, 0, {5, 2}, {kTwoTo62, 1})),
       outside + "2^64 or beyond"},
      {"StridesOverflowTogether", archive_of(tensor(four, 0, {3, 3, 1}, {kTwoTo62, kTwoTo62, 1})),
       outside + "2^64 or beyond"},
      {"OffsetAndStrideOverflow", archive_of(tensor(four, INT64_MAX, {2, 2}, {INT64_MAX, 2})),
       outside + "2^64 or beyond"},
      {"NegativeStride", archive_of(tensor(four, 3, {4}, {-1})),
       x + "stride: expected an integer of 0 or more, got -1"},
      {"NegativeSize", archive_of(tensor(four, 0, {-4}, {1})),
       x + "size: expected an integer of 0 or more, got -4"},
      {"SizeOverflows", archive_of(tensor(four, 0, {kTwoTo62, 4}, {0, 0})),
       x + "size: expected a product below 2^63"},
      {"SizeRepeatsOneElement", archive_of(tensor(four, 0, {1 << 20, 1 << 20}, {0, 0})),
       ": tensor \"x\": expected at most the file's 518 bytes, got [1048576, 1048576] F32"},
      {"FewerStrides", archive_of(tensor(four, 0, {2, 2}, {1})),
       x + "stride: expected 2 numbers, got 1"},
      {"SizeIsANumber", archive_of(rebuild("_rebuild_tensor", four + "K\0K\4)"s)),
       x + "size: expected a tuple, got an integer"},
      {"TooFewArguments", archive_of(rebuild("_rebuild_tensor_v2", four)),
       x + "torch._utils._rebuild_tensor_v2: expected 6 arguments, got 1"},
      {"TooManyArguments", archive_of(rebuild("_rebuild_tensor", four + "K\0))N"s)),
       x + "torch._utils._rebuild_tensor: expected 4 arguments, got 5"},
      {"ParameterOfNothing", archive_of(rebuild("_rebuild_parameter", "")),
       x + "parameter: expected a tensor"},
      {"ParameterOfANumber", archive_of(rebuild("_rebuild_parameter", "K\1")),
       x + "parameter: expected a tensor, got an integer"},
      {"ParameterOfAParameter",
       archive_of(rebuild("_rebuild_parameter", rebuild("_rebuild_parameter", good))),
       x + "parameter: expected a tensor, got a call"},
      {"TypeThatIsNone", archive_of(rebuild("_rebuild_tensor_v3", four + "K\0))\x89}N"s)),
       x + "dtype: expected one of torch's, got None"},
      {"UntypedStorageOfNoType",
       archive_of(rebuild("_rebuild_tensor",
                          "(" + text("storage") + test::global("torch.storage", "UntypedStorage") +
                              text("0") + text("cpu") + integer(16) + "tQK\0))"s)),
       x + "storage: expected one of a type, got torch.storage.UntypedStorage"},
  };
}

// The pickles of the older form, and what follows them.
struct Legacy {
  std::string magic = pickled("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19");
  std::string version = pickled("M\xe9\x03");
  std::string system = pickled("}" + text("little_endian") + "\x88s");
  std::string object = state_dict(tensor(storage("7", 2), 0, {2}, {1}));
  std::string keys = pickled("]" + text("7") + "a");
  std::string storages = test::u64(2) + std::string(8, '\0');

  std::string bytes() const { return magic + version + system + object + keys + storages; }
};

std::vector<Case> legacy_files() {
  const std::string lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
  const std::string short_storage = ": storage \"7\": expected 8 bytes and their number, got ";
  return {
      {"Empty", "", ": expected a file of torch.save, got neither a zip archive nor a pickle"},
      {"Text", "hello", ": expected a file of torch.save, got neither a zip archive nor a pickle"},
      {"LfsPointer", lfs,
       ": expected a file of torch.save, got a Git LFS pointer; fetch the file that it stands for"},
      {"PlainPickle", pickled("}"), ": magic number: expected 0x1950a86a20f9469cfc6c, got a dict"},
      {"OtherMagic", pickled("\x8a\x0a" + std::string(10, '\1')),
       ": magic number: expected 0x1950a86a20f9469cfc6c, got another"},
      {"OsSystemAsMagic", pickled("cos\nsystem\n" + text("id") + "\x85R"),
       ": magic number: byte 2: global \"os.system\": refused, a checkpoint may only name what "
       "makes up tensors and dicts"},
      {"OtherVersion", Legacy{.version = pickled("K\1")}.bytes(),
       ": version: expected 1001, got 1"},
      {"VersionIsAText", Legacy{.version = pickled(text("1001"))}.bytes(),
       ": version: expected 1001, got a string"},
      {"BigEndian", Legacy{.system = pickled("}" + text("little_endian") + "\x89s")}.bytes(),
       ": system: expected little_endian, got another"},
      {"NoByteOrder", Legacy{.system = pickled("}")}.bytes(),
       ": system: expected little_endian, got another"},
      {"OsSystem", Legacy{.object = pickled("cos\nsystem\n" + text("id") + "\x85R")}.bytes(),
       ": object: byte 2: global \"os.system\": refused, a checkpoint may only name what makes up "
       "tensors and dicts"},
      {"KeysAreATuple", Legacy{.keys = pickled(")")}.bytes(),
       ": storage keys: expected a list, got a tuple"},
      {"KeyOfNoStorage", Legacy{.keys = pickled("]" + text("8") + "a")}.bytes(),
       ": storage keys: expected the keys of the object's storages"},
      {"KeyIsANumber", Legacy{.keys = pickled("]K\7a")}.bytes(),
       ": storage keys: expected the keys of the object's storages"},
      {"KeyIsMissing", Legacy{.keys = pickled("]"), .storages = ""}.bytes(),
       ": storage \"7\": expected 8 bytes, got none"},
      {"KeyTwice",
       Legacy{.keys = pickled("](" + text("7") + text("7") + "e"),
              .storages = Legacy().storages + Legacy().storages}
           .bytes(),
       ": storage \"7\": expected one, got two"},
      {"OtherCount", Legacy{.storages = test::u64(3) + std::string(8, '\0')}.bytes(),
       ": storage \"7\": expected 2 elements, got 3"},
      {"CountOnly", Legacy{.storages = test::u64(2)}.bytes(), short_storage + "8 bytes"},
      {"HalfACount", Legacy{.storages = "\2"}.bytes(), short_storage + "1 bytes"},
      {"HugeStorage",
       Legacy{.object = state_dict(tensor(storage("7", INT64_MAX / 4), 0, {2}, {1})),
              .storages = test::u64(INT64_MAX / 4)}
           .bytes(),
       ": storage \"7\": expected 9223372036854775804 bytes and their number, got 8 bytes"},
      {"TrailingBytes", Legacy{.storages = Legacy().storages + "x"}.bytes(),
       concat(": storages: expected to end at byte ", Legacy().bytes().size(),
              ", got 1 more bytes")},
  };
}

class HostileTorchFile : public testing::TestWithParam<Case> {};

TEST_P(HostileTorchFile, IsRefused) {
  const ScratchDirectory dir;
  const fs::path path = dir.write("pytorch_model.bin", GetParam().bytes);
  expect_error<FormatError>([&] { TorchFile{path}; }, path.string() + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(Archives, HostileTorchFile, testing::ValuesIn(archives()));
INSTANTIATE_TEST_SUITE_P(LegacyFiles, HostileTorchFile, testing::ValuesIn(legacy_files()));

TEST(TorchFile, TheCasesAboveDifferFromAGoodFile) {
  const ScratchDirectory dir;
  EXPECT_TRUE(TorchFile(dir.write("l", Legacy().bytes())).contains("x"));
  EXPECT_TRUE(
      TorchFile(dir.write("a", archive_of(tensor(storage("0", 4), 0, {4}, {1})))).contains("x"));
}

TEST(TorchFile, LimitsAreLimitErrors) {
  const ScratchDirectory dir;
  const auto expect_limit = [&](const std::string& pickle, std::string_view message) {
    const fs::path path = dir.write("m.bin", torch_archive(pickle, std::string(16, '\0')));
    expect_error<LimitError>([&] { TorchFile{path}; },
                             concat(path.string(), ": data.pkl: ", message));
  };
  const std::string four = storage("0", 4);
  expect_limit(state_dict(tensor(four, 0, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1})),
               "tensor \"x\": size: expected at most 8 dimensions, got 9");
  const std::string name(1025, 'n');
  expect_limit(pickled("}" + text(name) + tensor(four, 0, {1}, {1}) + "s"),
               concat("tensor \"", name.substr(0, 80),
                      "\"...: name: expected at most 1024 bytes, got 1025"));
  std::string many = "}" + text("0") + tensor(four, 0, {1}, {1}) + "q\1s";
  for (int i = 1; i <= 100'000; ++i) many += text(std::to_string(i)) + "h\1s";
  expect_limit(pickled(many), "tensors: expected at most 100000");
}

// All that is loaded comes from the file, whatever became of its bytes.
size_t load_all(const fs::path& path) {
  const TorchFile file(path);
  size_t num_bytes = 0;
  for (const std::string& name : file.names()) {
    try {
      num_bytes += file.load(name).num_bytes();
    } catch (const WeightError&) {  // not a float
    }
  }
  return num_bytes;
}

class DamagedTorchFile : public testing::TestWithParam<std::string> {
 protected:
  std::string content() const {
    return test::content_of(fs::path(NOPAD_TEST_DATA) / "io" / GetParam());
  }
};

TEST_P(DamagedTorchFile, CutAnywhereIsAnError) {
  const ScratchDirectory dir;
  const std::string whole = content();
  const fs::path path = dir.write("cut", whole);
  ASSERT_GT(load_all(path), 0u);
  for (size_t size = whole.size(); size-- > 0;) {
    fs::resize_file(path, size);
    ASSERT_THROW(load_all(path), FormatError) << size;
  }
}

// A flip gives an error, changes a value, or renames or reshapes a tensor within its storage.
TEST_P(DamagedTorchFile, AnyFlippedBitIsAnErrorOrTensorsOfTheFile) {
  const ScratchDirectory dir;
  const std::string whole = content();
  const fs::path path = dir.write("flipped", whole);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  test::Random random(5);
  int num_errors = 0;
  for (int flip = 0; flip < 1000; ++flip) {
    const auto at = random.integer(0, static_cast<int64_t>(whole.size()) - 1);
    const char old = whole[static_cast<size_t>(at)];
    file.seekp(at).put(static_cast<char>(old ^ (1 << random.integer(0, 7)))).flush();
    try {
      ASSERT_LT(load_all(path), 100 * whole.size()) << "byte " << at;
    } catch (const Error&) {
      ++num_errors;
    }
    file.seekp(at).put(old).flush();
  }
  EXPECT_GT(num_errors, 250);
}

INSTANTIATE_TEST_SUITE_P(Forms, DamagedTorchFile,
                         testing::Values("torch-archive.bin", "torch-legacy.bin",
                                         "torch-wrapped.bin", "torch-protocol-4.bin"));

}  // namespace
}  // namespace nopad::io
