// FRESHET_ASSERT: a bug asserts, in release too. Never for input: bad input is a Result.
#pragma once

namespace freshet {

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

// Called before the process is aborted; may throw instead, so that the simulator can tell which seed it was. Set once,
// before anything else runs.
using AssertionHandler = void (*)(const char* expression, const char* file, int line);
void set_assertion_handler(AssertionHandler handler);

}  // namespace freshet

#define FRESHET_ASSERT(expression)                             \
  (__builtin_expect(static_cast<bool>(expression), 1) ? void() \
                                                      : ::freshet::assertion_failed(#expression, __FILE__, __LINE__))
