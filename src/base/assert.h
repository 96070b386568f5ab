// FRESHET_ASSERT(expression) checks what only a bug could break, in release builds too: a process
// that goes on with a broken invariant would write it down. It is never for input: what comes from
// a request, a file, the log or a store can be anything, so it is checked by code that returns a
// Result. The expression is evaluated exactly once.
#pragma once

namespace freshet {

// Prints what failed and where, then aborts the process.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

// Called before the process is aborted. It may throw instead, so that the simulator can tell which
// seed it was. Set it once, before anything else runs.
using AssertionHandler = void (*)(const char* expression, const char* file, int line);
void set_assertion_handler(AssertionHandler handler);

}  // namespace freshet

#define FRESHET_ASSERT(expression)                             \
  (__builtin_expect(static_cast<bool>(expression), 1) ? void() \
                                                      : ::freshet::assertion_failed(#expression, __FILE__, __LINE__))
