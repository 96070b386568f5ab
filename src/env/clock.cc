// The real clock and the operating system's randomness, in the only file that may read them.

#include "env/clock.h"

#include <sodium/randombytes.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace freshet::env {
namespace {

template <class C>
TimeUs micros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(C::now().time_since_epoch()).count();
}

class RealClock final : public Clock {
 public:
  // Times before 1970 are of clocks that nobody has set: whoever needs a time that is one asks for more than 0.
  TimeUs now_us() override { return std::max<TimeUs>(micros<std::chrono::system_clock>(), 0); }
  TimeUs monotonic_us() override { return micros<std::chrono::steady_clock>(); }
  void sleep_us(TimeUs duration) override { std::this_thread::sleep_for(std::chrono::microseconds(duration)); }
};

class RealRandom final : public Random {
 public:
  // libsodium takes its randomness from the kernel, so these bytes are good enough for ids and
  // keys.
  std::string bytes(size_t n) override {
    std::string out(n, '\0');
    randombytes_buf(out.data(), n);
    return out;
  }
};

}  // namespace

Clock& real_clock() {
  // Both are made at their first use, so no order of static constructors matters.
  static RealClock clock;
  return clock;
}

Random& real_random() {
  static RealRandom random;
  return random;
}

}  // namespace freshet::env
