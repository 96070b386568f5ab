#include "eventlog/kafka/consume/consumer_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::eventlog::kafka {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Whoever reads it at night wants to know whether to get up.
TEST(ConsumerClient, WhoCanNotLeaveIsToldWithWhatToDo) {
  EXPECT_THAT(words_of_leaving("group freshet.action", RD_KAFKA_RESP_ERR__TIMED_OUT),
              AllOf(HasSubstr("leaving group freshet.action"), HasSubstr("did not close within 30 s"),
                    HasSubstr("nothing is lost"), HasSubstr("nothing to do if this process ends now"),
                    HasSubstr("should be restarted")));
  EXPECT_THAT(words_of_leaving("group freshet.action", RD_KAFKA_RESP_ERR__TRANSPORT),
              AllOf(HasSubstr("Broker transport failure"), HasSubstr("there is nothing to do")));
}

}  // namespace
}  // namespace freshet::eventlog::kafka
