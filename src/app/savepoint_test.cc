#include "app/savepoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::app {
namespace {

using ::testing::HasSubstr;

TEST(Savepoint, IsDoneWhenEveryWorkerHasSaidWhatItHasAndAllOfThatIs) {
  state::AskedFor asked;
  EXPECT_THAT(savepoint_json(asked, 2), HasSubstr(R"("round":0,"done":false)")) << "nobody has asked";
  asked.round = 1;
  asked.members = {0};
  asked.parts.resize(2);
  asked.parts[0] = {0, 12, true, false, ""};
  asked.parts[1] = {1, 7, false, true, ""};  // it went to another process
  EXPECT_THAT(savepoint_json(asked, 2), HasSubstr(R"("done":false)")) << "one has not heard of it";
  asked.members = {0, 1};
  EXPECT_EQ(savepoint_json(asked, 2),
            R"({"round":1,"done":true,"partitions":[{"partition":0,"offset":12,"done":true,"gone":false,"error":""},)"
            R"({"partition":1,"offset":7,"done":false,"gone":true,"error":""}]})");
  asked.parts[1] = {1, 7, false, false, "no \"bucket\""};
  EXPECT_THAT(savepoint_json(asked, 2), HasSubstr(R"("done":false)"));
  EXPECT_THAT(savepoint_json(asked, 2), HasSubstr(R"("error":"no \"bucket\"")"));
}

}  // namespace
}  // namespace freshet::app
