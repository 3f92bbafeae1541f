// Pickle: the values that a Python pickle describes, as data; nothing that it names is run.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace nopad::io {

// One pickle, read to its end. Values refer to each other by index, so shared, cyclic and deeply
// nested ones cost no more than others, and nothing here recurses.
//
// The opcodes are those of protocol 2 that torch.save writes, and what protocols 3 to 5 have in
// their place. collections.OrderedDict is known: a call of it gives a dict. A call of any other
// name stays a description of that call. BUILD sets attributes in Python; here its state is dropped.
class Pickle {
 public:
  using Id = uint32_t;

  enum class Kind : uint8_t {
    none,
    boolean,
    integer,       // number()
    long_integer,  // beyond 64 bits; text(): its little-endian bytes
    real,
    text,
    tuple,
    list,
    set,
    dict,       // items(): key, value, key, value, ... in the order of the pickle
    global,     // text(): its place in `globals` of the constructor
    call,       // items(): a global and a tuple of arguments
    persistent  // items(): what names an object that lies outside
  };

  class Value {
   public:
    Kind kind() const noexcept { return kind_; }
    bool is(Kind kind) const noexcept { return kind_ == kind; }
    // Of a boolean or an integer.
    int64_t number() const { return std::get<int64_t>(content_); }
    // Valid as long as the pickle's bytes.
    std::string_view text() const { return std::get<std::string_view>(content_); }
    const std::vector<Id>& items() const { return std::get<std::vector<Id>>(content_); }

   private:
    friend class PickleReader;
    Kind kind_ = Kind::none;
    std::variant<std::monostate, int64_t, double, std::string_view, std::vector<Id>> content_;
  };

  // Reads the pickle at the front of `bytes`, which must outlive this.
  // where   : what messages call the bytes
  // globals : what the pickle may name ("collections.OrderedDict"); they must outlive this
  // Throws FormatError: malformed, an opcode that is not known, a global that is not listed;
  //        LimitError: more than 10,000 values on the stack, 1 M in the memo, 4 M in all, or 10 M
  //        opcodes.
  Pickle(std::string_view bytes, std::string_view where, std::span<const std::string_view> globals);

  const Value& root() const { return values_[root_]; }
  // Every value, those that the root does not lead to included.
  std::span<const Value> values() const noexcept { return values_; }
  const Value& operator[](Id id) const { return values_[id]; }
  // Those that the pickle takes; more may follow.
  size_t num_bytes() const noexcept { return num_bytes_; }

 private:
  std::vector<Value> values_;
  Id root_ = 0;
  size_t num_bytes_ = 0;
};

// What a message calls a value of this kind: "a string".
std::string_view to_string(Pickle::Kind kind) noexcept;

}  // namespace nopad::io
