#include "io/pickle.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <unordered_map>
#include <utility>

#include "io/json.h"
#include "io/pickle_opcode.h"
#include "nopad/core/error.h"

namespace nopad::io {
namespace {

constexpr size_t kMaxStack = 10'000;
constexpr size_t kMaxMemo = 1'000'000;
constexpr size_t kMaxValues = 4'000'000;
constexpr size_t kMaxOpcodes = 10'000'000;

constexpr std::string_view kOrderedDict = "collections.OrderedDict";

}  // namespace

class PickleReader {
 public:
  using Id = Pickle::Id;
  using Ids = std::vector<Id>;
  using Kind = Pickle::Kind;
  using Value = Pickle::Value;
  using Opcode = PickleOpcode;

  PickleReader(std::string_view bytes, std::string_view where,
               std::span<const std::string_view> globals)
      : bytes_(bytes), where_(where), globals_(globals) {}

  // The value under STOP.
  Id read() {
    for (size_t i = 0; i < kMaxOpcodes; ++i) {
      opcode_begin_ = at_;
      const auto opcode = static_cast<Opcode>(take_number<uint8_t>());
      if (opcode == Opcode::stop) return read_root();
      run(opcode);
    }
    fail<LimitError>(here(), ": opcodes: expected at most ", kMaxOpcodes);
  }

  size_t num_bytes() const noexcept { return at_; }
  std::vector<Value> take_values() { return std::move(values_); }

 private:
  std::string here() const { return concat(where_, ": byte ", opcode_begin_); }

  std::string_view take(uint64_t num_bytes) {
    if (num_bytes > bytes_.size() - at_) {
      fail<FormatError>(here(), ": expected ", num_bytes, " more bytes, got ", bytes_.size() - at_);
    }
    const std::string_view taken = bytes_.substr(at_, num_bytes);
    at_ += num_bytes;
    return taken;
  }

  template <class T>
  T take_number() {
    T number;
    std::memcpy(&number, take(sizeof(T)).data(), sizeof(T));
    return number;
  }

  std::string_view take_line() {
    const size_t end = bytes_.find('\n', at_);
    if (end == bytes_.npos) fail<FormatError>(here(), ": expected a line, got no end of it");
    const std::string_view line = take(end - at_);
    ++at_;
    return line;
  }

  template <class Content>
  Id add(Kind kind, Content content) {
    if (values_.size() == kMaxValues) {
      fail<LimitError>(here(), ": values: expected at most ", kMaxValues);
    }
    Value& value = values_.emplace_back();
    value.kind_ = kind;
    value.content_ = std::move(content);
    return static_cast<Id>(values_.size() - 1);
  }

  void push(Id id) {
    if (stack_.size() == kMaxStack) {
      fail<LimitError>(here(), ": stack: expected at most ", kMaxStack, " values");
    }
    stack_.push_back(id);
  }
  template <class Content>
  void push_new(Kind kind, Content content) {
    push(add(kind, std::move(content)));
  }

  void push_mark() {
    if (marks_.size() == kMaxStack) {
      fail<LimitError>(here(), ": stack: expected at most ", kMaxStack, " marks");
    }
    marks_.push_back(stack_.size());
  }

  // The values above the last mark can't be taken by who does not take the mark.
  void expect_on_stack(size_t count) const {
    const size_t available = stack_.size() - (marks_.empty() ? 0 : marks_.back());
    if (available < count) {
      fail<FormatError>(here(), ": stack: expected ", count, " values, got ", available);
    }
  }

  Id pop() {
    expect_on_stack(1);
    const Id id = stack_.back();
    stack_.pop_back();
    return id;
  }

  Ids pop_last(size_t count) {
    expect_on_stack(count);
    Ids ids(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return ids;
  }

  Ids pop_to_mark() {
    if (marks_.empty()) fail<FormatError>(here(), ": stack: expected a mark, got none");
    Ids ids = pop_last(stack_.size() - marks_.back());
    marks_.pop_back();
    return ids;
  }

  Value& top(std::string_view opcode, Kind kind) {
    expect_on_stack(1);
    Value& value = values_[stack_.back()];
    if (!value.is(kind)) {
      fail<FormatError>(here(), ": ", opcode, ": expected ", kind, ", got ", value.kind());
    }
    return value;
  }

  void append(std::string_view opcode, Kind kind, const Ids& ids) {
    Ids& items = std::get<Ids>(top(opcode, kind).content_);
    if (kind == Kind::dict && ids.size() % 2 != 0) {
      fail<FormatError>(here(), ": ", opcode, ": expected keys and values, got ", ids.size(),
                        " in all");
    }
    items.insert(items.end(), ids.begin(), ids.end());
  }

  void put(uint32_t key) {
    expect_on_stack(1);
    if (memo_.size() == kMaxMemo && !memo_.contains(key)) {
      fail<LimitError>(here(), ": memo: expected at most ", kMaxMemo, " values");
    }
    memo_[key] = stack_.back();
  }

  void get(uint32_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) {
      fail<FormatError>(here(), ": memo: expected a value at ", key, ", got none");
    }
    push(found->second);
  }

  void push_global(std::string_view module, std::string_view name) {
    const std::string global = concat(module, ".", name);
    const auto found = std::ranges::find(globals_, global);
    if (found == globals_.end()) {
      fail<FormatError>(here(), ": global ", quote(global),
                        ": refused, a checkpoint may only name what makes up tensors and dicts");
    }
    push_new(Kind::global, *found);
  }

  void push_stack_global() {
    const Ids ids = pop_last(2);
    for (const Id id : ids) {
      if (!values_[id].is(Kind::text)) {
        fail<FormatError>(here(), ": STACK_GLOBAL: expected strings, got ", values_[id].kind());
      }
    }
    push_global(values_[ids[0]].text(), values_[ids[1]].text());
  }

  void push_long() {
    const std::string_view digits = take(take_number<uint8_t>());
    if (digits.size() > sizeof(int64_t)) return push_new(Kind::long_integer, digits);
    const bool is_negative = !digits.empty() && (digits.back() & 0x80) != 0;
    int64_t number = is_negative ? -1 : 0;
    std::ranges::copy(std::as_bytes(std::span(digits)),
                      std::as_writable_bytes(std::span(&number, 1)).begin());
    push_new(Kind::integer, number);
  }

  void push_real() {
    const auto big_endian = take_number<uint64_t>();
    push_new(Kind::real, std::bit_cast<double>(__builtin_bswap64(big_endian)));
  }

  // REDUCE and NEWOBJ: a callable and its arguments become the result, or a description of it.
  void call(std::string_view opcode) {
    const Ids ids = pop_last(2);
    const Value& callee = values_[ids[0]];
    const Value& arguments = values_[ids[1]];
    if (!callee.is(Kind::global) || !arguments.is(Kind::tuple)) {
      fail<FormatError>(here(), ": ", opcode, ": expected a global and a tuple, got ",
                        callee.kind(), " and ", arguments.kind());
    }
    if (callee.text() != kOrderedDict) return push_new(Kind::call, ids);
    push_new(Kind::dict, ordered_items(arguments.items()));
  }

  // The arguments of OrderedDict: none, or (Python 2) a list of pairs. A list that the memo holds
  // could be copied by every call, so the copies are counted.
  Ids ordered_items(const Ids& arguments) {
    Ids items;
    if (arguments.empty()) return items;
    const Value& pairs = values_[arguments[0]];
    bool fits = arguments.size() == 1 && pairs.is(Kind::list);
    for (size_t i = 0; fits && i < pairs.items().size(); ++i) {
      const Value& pair = values_[pairs.items()[i]];
      fits = (pair.is(Kind::list) || pair.is(Kind::tuple)) && pair.items().size() == 2;
      if (fits) items.insert(items.end(), pair.items().begin(), pair.items().end());
    }
    if (!fits) fail<FormatError>(here(), ": ", kOrderedDict, ": expected a list of pairs");
    num_copied_ += items.size();
    if (num_copied_ > kMaxValues) {
      fail<LimitError>(here(), ": ", kOrderedDict, ": expected at most ", kMaxValues, " values");
    }
    return items;
  }

  void build() {
    pop();
    expect_on_stack(1);
    const Kind kind = values_[stack_.back()].kind();
    if (kind != Kind::dict && kind != Kind::call) {
      fail<FormatError>(here(), ": BUILD: expected a dict or a call, got ", kind);
    }
  }

  Id read_root() const {
    if (stack_.size() != 1 || !marks_.empty()) {
      fail<FormatError>(here(), ": STOP: expected one value on the stack, got ", stack_.size(),
                        " and ", marks_.size(), " marks");
    }
    return stack_.back();
  }

  void run(Opcode opcode) {
    switch (opcode) {
      case Opcode::proto: return run_protocol();
      case Opcode::frame: return static_cast<void>(take_number<uint64_t>());
      case Opcode::mark: return push_mark();
      case Opcode::none: return push_new(Kind::none, std::monostate{});
      case Opcode::newtrue: return push_new(Kind::boolean, int64_t{1});
      case Opcode::newfalse: return push_new(Kind::boolean, int64_t{0});
      case Opcode::binint: return push_new(Kind::integer, int64_t{take_number<int32_t>()});
      case Opcode::binint1: return push_new(Kind::integer, int64_t{take_number<uint8_t>()});
      case Opcode::binint2: return push_new(Kind::integer, int64_t{take_number<uint16_t>()});
      case Opcode::long1: return push_long();
      case Opcode::binfloat: return push_real();
      case Opcode::binunicode:
      case Opcode::binstring: return push_new(Kind::text, take(take_number<uint32_t>()));
      case Opcode::short_binunicode:
      case Opcode::short_binstring: return push_new(Kind::text, take(take_number<uint8_t>()));
      case Opcode::empty_dict: return push_new(Kind::dict, Ids{});
      case Opcode::empty_list: return push_new(Kind::list, Ids{});
      case Opcode::empty_set: return push_new(Kind::set, Ids{});
      case Opcode::empty_tuple: return push_new(Kind::tuple, Ids{});
      default: return run_on_stack(opcode);
    }
  }

  // Those that take values from the stack or the memo.
  void run_on_stack(Opcode opcode) {
    switch (opcode) {
      case Opcode::tuple: return push_new(Kind::tuple, pop_to_mark());
      case Opcode::tuple1: return push_new(Kind::tuple, pop_last(1));
      case Opcode::tuple2: return push_new(Kind::tuple, pop_last(2));
      case Opcode::tuple3: return push_new(Kind::tuple, pop_last(3));
      case Opcode::append: return append("APPEND", Kind::list, pop_last(1));
      case Opcode::appends: return append("APPENDS", Kind::list, pop_to_mark());
      case Opcode::additems: return append("ADDITEMS", Kind::set, pop_to_mark());
      case Opcode::setitem: return append("SETITEM", Kind::dict, pop_last(2));
      case Opcode::setitems: return append("SETITEMS", Kind::dict, pop_to_mark());
      case Opcode::binget: return get(take_number<uint8_t>());
      case Opcode::long_binget: return get(take_number<uint32_t>());
      case Opcode::binput: return put(take_number<uint8_t>());
      case Opcode::long_binput: return put(take_number<uint32_t>());
      case Opcode::memoize: return put(static_cast<uint32_t>(memo_.size()));
      case Opcode::global: return push_named_global();
      case Opcode::stack_global: return push_stack_global();
      case Opcode::reduce: return call("REDUCE");
      case Opcode::newobj: return call("NEWOBJ");
      case Opcode::build: return build();
      case Opcode::binpersid: return push_new(Kind::persistent, Ids{pop()});
      default:
        fail<FormatError>(here(), ": expected an opcode of torch.save, got ",
                          static_cast<int>(opcode));
    }
  }

  void run_protocol() {
    constexpr int kMaxProtocol = 5;
    const int protocol = take_number<uint8_t>();
    if (protocol > kMaxProtocol) {
      fail<FormatError>(here(), ": protocol: expected at most ", kMaxProtocol, ", got ", protocol);
    }
  }

  void push_named_global() {
    const std::string_view module = take_line();
    push_global(module, take_line());
  }

  std::string_view bytes_;
  std::string_view where_;
  std::span<const std::string_view> globals_;
  size_t at_ = 0;
  size_t opcode_begin_ = 0;
  std::vector<Value> values_;
  size_t num_copied_ = 0;
  Ids stack_;
  std::vector<size_t> marks_;  // how many values lie under each
  std::unordered_map<uint32_t, Id> memo_;
};

Pickle::Pickle(std::string_view bytes, std::string_view where,
               std::span<const std::string_view> globals) {
  PickleReader reader(bytes, where, globals);
  root_ = reader.read();
  num_bytes_ = reader.num_bytes();
  values_ = reader.take_values();
}

std::string_view to_string(Pickle::Kind kind) noexcept {
  using Kind = Pickle::Kind;
  switch (kind) {
    case Kind::none: return "None";
    case Kind::boolean: return "a boolean";
    case Kind::integer:
    case Kind::long_integer: return "an integer";
    case Kind::real: return "a float";
    case Kind::text: return "a string";
    case Kind::tuple: return "a tuple";
    case Kind::list: return "a list";
    case Kind::set: return "a set";
    case Kind::dict: return "a dict";
    case Kind::global: return "a global";
    case Kind::call: return "a call";
    case Kind::persistent: return "a persistent id";
  }
  return "an unknown value";
}

}  // namespace nopad::io
