#include "app/stages.h"

#include <gtest/gtest.h>

namespace freshet::app {
namespace {

// Zero would be a count: whoever makes rates of it sees everything happen at once when the log answers again.
TEST(Stages, WhatTheLogDoesNotTellIsNotZero) {
  const Roles console_alone{.console = true};
  LogSeen seen;
  EXPECT_EQ(stages_json(seen, console_alone, false), R"([{"name":"ingest","done":null,"waiting":null,"lag":null},)"
                                                     R"({"name":"action","done":null,"waiting":null,"lag":null},)"
                                                     R"({"name":"reaction","done":null,"waiting":null,"lag":null}])");
  seen.action_committed = 7;
  seen.action_lag = 0;
  EXPECT_NE(stages_json(seen, console_alone, false).find(R"({"name":"action","done":7,"waiting":0,"lag":0})"),
            std::string::npos);
}

}  // namespace
}  // namespace freshet::app
