// The check of a contract breach: its exception's type and its whole message.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <string_view>
#include <typeinfo>

namespace nopad::test {

// Fails the running test, at the caller's line, unless `f` throws E (not a relative of it) with
// exactly `message`.
template <class E, class F>
void expect_error(F&& f, std::string_view message, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
  try {
    f();
  } catch (const std::exception& error) {
    if (typeid(error) != typeid(E)) {
      ADD_FAILURE_AT(file, line) << "expected another type of exception than "
                                 << typeid(error).name() << ", which says: " << error.what();
    } else if (error.what() != message) {
      ADD_FAILURE_AT(file, line) << "expected the message:\n  " << message << "\ngot:\n  "
                                 << error.what();
    }
    return;
  }
  ADD_FAILURE_AT(file, line) << "expected an exception that says: " << message;
}

}  // namespace nopad::test
