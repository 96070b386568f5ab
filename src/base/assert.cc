#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace freshet {

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "freshet: bug: assertion failed: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace freshet
