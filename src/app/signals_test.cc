#include "app/signals.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

namespace freshet::app {
namespace {

[[noreturn]] void end_well_after(int signal) {
  (void)block_signals({});
  std::raise(signal);
  std::_Exit(0);
}

// A file that may grow no more is an error of its write, as a full disk is, and not the end of the process.
TEST(Signals, ThatAWriteTellsOfByItselfDoNotEndTheProcess) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(end_well_after(SIGXFSZ), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(end_well_after(SIGPIPE), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace freshet::app
