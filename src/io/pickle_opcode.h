// The opcodes of pickles that Pickle reads; all others are refused.
#pragma once

#include <cstdint>

namespace nopad::io {

// Named as Python's pickletools names them.
enum class PickleOpcode : uint8_t {
  mark = '(',
  stop = '.',
  none = 'N',
  binint = 'J',
  binint1 = 'K',
  binint2 = 'M',
  binfloat = 'G',
  binunicode = 'X',
  binstring = 'T',
  short_binstring = 'U',
  empty_dict = '}',
  empty_list = ']',
  empty_tuple = ')',
  append = 'a',
  appends = 'e',
  setitem = 's',
  setitems = 'u',
  tuple = 't',
  global = 'c',
  reduce = 'R',
  build = 'b',
  binpersid = 'Q',
  binget = 'h',
  long_binget = 'j',
  binput = 'q',
  long_binput = 'r',
  proto = 0x80,
  newobj = 0x81,
  tuple1 = 0x85,
  tuple2 = 0x86,
  tuple3 = 0x87,
  newtrue = 0x88,
  newfalse = 0x89,
  long1 = 0x8a,
  short_binunicode = 0x8c,
  empty_set = 0x8f,
  additems = 0x90,
  stack_global = 0x93,
  memoize = 0x94,
  frame = 0x95,
};

}  // namespace nopad::io
