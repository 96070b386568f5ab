// FRESHET_ASSERT: a bug asserts, in release too. Never for input: bad input is a Result.
#pragma once

namespace freshet {

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace freshet

#define FRESHET_ASSERT(expression)                             \
  (__builtin_expect(static_cast<bool>(expression), 1) ? void() \
                                                      : ::freshet::assertion_failed(#expression, __FILE__, __LINE__))
