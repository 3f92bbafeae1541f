#include "io/pickle.h"

#include <gtest/gtest.h>

#include <array>
#include <ostream>

#include "expect_error.h"
#include "io/raw_pickle.h"
#include "nopad/core/error.h"

namespace nopad::io {
namespace {

using namespace std::string_literals;
using test::expect_error;
using test::pickled;
using test::text;
using test::u32;
using test::u64;
using Kind = Pickle::Kind;

constexpr std::array<std::string_view, 2> kGlobals = {"collections.OrderedDict", "a.b"};
const std::string kOrderedDict = test::global("collections", "OrderedDict");

Pickle read(std::string_view bytes) { return {bytes, "P", kGlobals}; }

// A value as Python would print it.
std::string shown(const Pickle& pickle, const Pickle::Value& value) {
  const auto items = [&] {
    std::string out;
    for (const Pickle::Id id : value.items()) out += shown(pickle, pickle[id]) + ",";
    return out;
  };
  switch (value.kind()) {
    case Kind::none: return "None";
    case Kind::boolean: return value.number() != 0 ? "True" : "False";
    case Kind::integer: return std::to_string(value.number());
    case Kind::long_integer: return concat("long of ", value.text().size());
    case Kind::real: return "float";
    case Kind::text: return concat("'", value.text(), "'");
    case Kind::tuple: return "(" + items() + ")";
    case Kind::list: return "[" + items() + "]";
    case Kind::set: return "set(" + items() + ")";
    case Kind::dict: return "{" + items() + "}";
    case Kind::global: return std::string(value.text());
    case Kind::call:
      return shown(pickle, pickle[value.items()[0]]) + shown(pickle, pickle[value.items()[1]]);
    case Kind::persistent: return "<" + shown(pickle, pickle[value.items()[0]]) + ">";
  }
  return {};
}

std::string shown(const std::string& content) {
  const std::string bytes = pickled(content);
  const Pickle pickle = read(bytes);
  EXPECT_EQ(pickle.num_bytes(), bytes.size());
  return shown(pickle, pickle.root());
}

TEST(Pickle, ReadsScalars) {
  EXPECT_EQ(shown("N"), "None");
  EXPECT_EQ(shown("\x88"), "True");
  EXPECT_EQ(shown("\x89"), "False");
  EXPECT_EQ(shown("K\xff"), "255");
  EXPECT_EQ(shown("M\x01\x02"), "513");
  EXPECT_EQ(shown("J\xfe\xff\xff\xff"), "-2");
  EXPECT_EQ(shown("\x8a"s + "\x00"s), "0");
  EXPECT_EQ(shown("\x8a\x01\xff"), "-1");
  EXPECT_EQ(shown("\x8a\x03\x00\x00\x01"s), "65536");
  EXPECT_EQ(shown("\x8a\x09" + std::string(9, '\1')), "long of 9");
  EXPECT_EQ(shown("G" + std::string(8, '\0')), "float");
}

TEST(Pickle, ReadsTextsOfEveryLengthOfCount) {
  EXPECT_EQ(shown(text("näher")), "'näher'");
  EXPECT_EQ(shown("U\x02hi"), "'hi'");
  EXPECT_EQ(shown("T" + u32(2) + "hi"), "'hi'");
  EXPECT_EQ(shown("\x8c\x02hi"), "'hi'");
}

TEST(Pickle, ReadsContainers) {
  EXPECT_EQ(shown(")"), "()");
  EXPECT_EQ(shown("(K\1K\2t"), "(1,2,)");
  EXPECT_EQ(shown("NN\x86"), "(None,None,)");
  EXPECT_EQ(shown("NNN\x87"), "(None,None,None,)");
  EXPECT_EQ(shown("]K\1a(K\2K\3e"), "[1,2,3,]");
  EXPECT_EQ(shown("\x8f(K\2\x90"), "set(2,)");
  EXPECT_EQ(shown("}K\1K\2s(K\3K\4K\5K\6u"), "{1,2,3,4,5,6,}");
}

TEST(Pickle, OrderedDictIsADictAndItsStateIsDropped) {
  EXPECT_EQ(shown(kOrderedDict + ")RK\1K\2s}b"), "{1,2,}");
  EXPECT_EQ(shown(kOrderedDict + ")\x81"), "{}");
  EXPECT_EQ(shown(kOrderedDict + "](]K\1aK\2aK\3K\4\x86" + "e\x85R"), "{1,2,3,4,}");
}

TEST(Pickle, OtherCallsStayDescriptions) {
  EXPECT_EQ(shown("ca\nb\nK\1\x85R}b"), "a.b(1,)");
  EXPECT_EQ(shown("K\7\x85Q"), "<(7,)>");
}

TEST(Pickle, MemoKeepsSharedValues) {
  EXPECT_EQ(shown("]q\5K\1ah\5\x86"), "([1,],[1,],)");
  EXPECT_EQ(shown("]r\5\0\0\1K\1aj\5\0\0\1\x86"s), "([1,],[1,],)");
  EXPECT_EQ(shown("K\1\x94K\2\x94h\0\x87"s), "(1,2,1,)");
}

TEST(Pickle, Protocol4NamesGlobalsFromTheStack) {
  EXPECT_EQ(shown("\x95" + u64(30) + text("a") + text("b") + "\x93"), "a.b");
}

TEST(Pickle, BytesMayFollow) {
  const std::string bytes = pickled("N") + "rest";
  EXPECT_EQ(read(bytes).num_bytes(), bytes.size() - 4);
}

// Deeper than any call stack: nothing recurses, neither when reading nor when it dies.
TEST(Pickle, MillionNestedTuplesAreReadAndDie) {
  const std::string bytes = pickled(")" + std::string(1'000'000, '\x85'));
  const Pickle pickle = read(bytes);
  EXPECT_EQ(pickle.values().size(), 1'000'001u);
  EXPECT_EQ(pickle.root().items().size(), 1u);
}

TEST(Pickle, ListMayHoldItself) {
  const std::string bytes = pickled("]q\0h\0a"s);
  const Pickle pickle = read(bytes);
  EXPECT_EQ(&pickle[pickle.root().items()[0]], &pickle.root());
}

TEST(Pickle, LimitsAreLimitErrors) {
  const auto expect_limit = [](const std::string& bytes, std::string_view message) {
    expect_error<LimitError>([&] { read(bytes); }, message);
  };
  expect_limit(std::string(10'001, 'N'), "P: byte 10000: stack: expected at most 10000 values");
  expect_limit(std::string(10'001, '('), "P: byte 10000: stack: expected at most 10000 marks");
  std::string puts = "N";
  for (uint32_t i = 0; i <= 1'000'000; ++i) puts += "r" + u32(i);
  expect_limit(puts, "P: byte 5000001: memo: expected at most 1000000 values");
  expect_limit(")" + std::string(4'000'000, '\x85'),
               "P: byte 4000000: values: expected at most 4000000");
  std::string opcodes = "N";
  for (int i = 0; i < 10'000'000; ++i) opcodes += "q\1";
  expect_limit(opcodes, "P: byte 19999997: opcodes: expected at most 10000000");
}

// One list of 1000 pairs, copied by many calls: the file stays small, the dicts would not.
TEST(Pickle, CopiesOfASharedListAreLimited) {
  std::string bytes = kOrderedDict + "q\0]("s;
  for (int i = 0; i < 1000; ++i) bytes += "NN\x86";
  bytes += "e\x85q\1R";
  for (int i = 0; i < 4000; ++i) bytes += "h\0h\1R"s + "\x86";
  expect_error<LimitError>([&] { read(bytes); },
                           concat("P: byte ", kOrderedDict.size() + 4 + 3000 + 5 + 1999 * 6 + 4,
                                  ": collections.OrderedDict: expected at most 4000000 values"));
}

struct Case {
  std::string name;
  std::string bytes;
  std::string message;  // after "P: byte "
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::vector<Case> cases() {
  const std::string refused =
      ": refused, a checkpoint may only name what makes up tensors and dicts";
  const std::string not_a_global = "REDUCE: expected a global and a tuple, got ";
  return {
      {"Nothing", "", "0: expected 1 more bytes, got 0"},
      {"NoStop", "\x80\2N", "3: expected 1 more bytes, got 0"},
      {"OsSystem", pickled("cos\nsystem\n" + text("true") + "\x85R"),
       "2: global \"os.system\"" + refused},
      {"OsSystemFromTheStack", pickled(text("os") + text("system") + "\x93"),
       "20: global \"os.system\"" + refused},
      {"BuiltinEval", pickled("cbuiltins\neval\n)R"), "2: global \"builtins.eval\"" + refused},
      {"GlobalWithACarriageReturn", pickled("ca\r\nb\n)R"), "2: global \"a\\r.b\"" + refused},
      {"GlobalWithASpace", pickled("ca\nb \n)R"), "2: global \"a.b \"" + refused},
      {"GlobalOfNothing", pickled("c\n\n"), "2: global \".\"" + refused},
      {"GlobalWithoutAnEnd", "ca\nb", "0: expected a line, got no end of it"},
      {"StackGlobalOfNumbers", pickled(text("a") + "K\1\x93"),
       "10: STACK_GLOBAL: expected strings, got an integer"},
      {"ReduceOfAString", pickled(text("os.system") + ")R"),
       "17: " + not_a_global + "a string and a tuple"},
      {"ReduceOfACall", pickled("ca\nb\n)R)R"), "10: " + not_a_global + "a call and a tuple"},
      {"ReduceWithAList", pickled("ca\nb\n]R"), "8: " + not_a_global + "a global and a list"},
      {"NewObjectOfAList", pickled("])\x81"),
       "4: NEWOBJ: expected a global and a tuple, got a list and a tuple"},
      {"OrderedDictOfNumbers", pickled(kOrderedDict + "]K\1a\x85R"),
       "32: collections.OrderedDict: expected a list of pairs"},
      {"OrderedDictOfTwo", pickled(kOrderedDict + "]]\x86R"),
       "30: collections.OrderedDict: expected a list of pairs"},
      {"MemoGap", pickled("Nq\1h\2"), "5: memo: expected a value at 2, got none"},
      {"MemoOfNothing", pickled("q\1"), "2: stack: expected 1 values, got 0"},
      {"SetItemOnAList", pickled("]NNs"), "5: SETITEM: expected a dict, got a list"},
      {"SetItemsOnATuple", pickled(")(NNu"), "6: SETITEMS: expected a dict, got a tuple"},
      {"SetItemsOfOne", pickled("}(Nu"), "5: SETITEMS: expected keys and values, got 1 in all"},
      {"AppendOnADict", pickled("}Na"), "4: APPEND: expected a list, got a dict"},
      {"AddItemsOnAList", pickled("](N\x90"), "5: ADDITEMS: expected a set, got a list"},
      {"BuildOnANumber", pickled("K\1}b"), "5: BUILD: expected a dict or a call, got an integer"},
      {"StackUnderflow", pickled("N\x86"), "3: stack: expected 2 values, got 1"},
      {"TakenBelowAMark", pickled("NN(\x86"), "5: stack: expected 2 values, got 0"},
      {"NoMark", pickled("Nt"), "3: stack: expected a mark, got none"},
      {"StopOnNothing", pickled(""), "2: STOP: expected one value on the stack, got 0 and 0 marks"},
      {"StopOnTwo", pickled("NN"), "4: STOP: expected one value on the stack, got 2 and 0 marks"},
      {"StopUnderAMark", pickled("N("),
       "4: STOP: expected one value on the stack, got 1 and 1 marks"},
      {"TextBeyondTheEnd", "X" + u32(0xffffffff) + "x", "0: expected 4294967295 more bytes, got 1"},
      {"NumberBeyondTheEnd", "J\1\2", "0: expected 4 more bytes, got 2"},
      {"Protocol6", "\x80\6N.", "0: protocol: expected at most 5, got 6"},
      {"InstOpcode", pickled("(ios\nsystem\n."), "3: expected an opcode of torch.save, got 105"},
      {"ExtensionOpcode", pickled("\x82\1"), "2: expected an opcode of torch.save, got 130"},
      {"PersistentIdAsALine", pickled("P0\n"), "2: expected an opcode of torch.save, got 80"},
      {"Duplicate", pickled("N2"), "3: expected an opcode of torch.save, got 50"},
  };
}

class HostilePickle : public testing::TestWithParam<Case> {};

TEST_P(HostilePickle, IsRefused) {
  expect_error<FormatError>([&] { read(GetParam().bytes); },
                            concat("P: byte ", GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(Files, HostilePickle, testing::ValuesIn(cases()));

}  // namespace
}  // namespace nopad::io
