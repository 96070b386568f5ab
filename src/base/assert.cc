// A failed assertion ends the process: the log and the states on disk are made for crashes, not for
// going on.

#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace freshet {
namespace {

AssertionHandler assertion_handler = nullptr;

}  // namespace

void set_assertion_handler(AssertionHandler handler) { assertion_handler = handler; }

void assertion_failed(const char* expression, const char* file, int line) {
  if (assertion_handler != nullptr) assertion_handler(expression, file, line);
  std::fprintf(stderr, "freshet: bug: assertion failed: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace freshet
