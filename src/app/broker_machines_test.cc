#include "app/broker_machines.h"

#include <gtest/gtest.h>

#include "app/broker_command.h"

namespace freshet::app {
namespace {

using Texts = std::vector<std::string>;

TEST(BrokerMachines, EachSaysItsOwnAndWhoHangsIsKilled) {
  env::Clock& clock = env::real_clock();
  const env::TimeUs begun = clock.monotonic_us();
  EXPECT_EQ(outputs_of({"echo one; echo two", "sleep 100; echo late", "exit 3", "echo err >&2"}, 300'000, clock),
            (Texts{"one\ntwo\n", "", "", ""}));
  EXPECT_LT(clock.monotonic_us() - begun, 20'000'000);
  EXPECT_EQ(outputs_of({"yes"}, 20'000'000, clock), (Texts{""})) << "what never ends is too much";
}

TEST(BrokerMachines, MoreThanRunAtOnce) {
  Texts commands, wanted;
  for (int i = 0; i < 70; ++i) {
    commands.push_back("echo " + std::to_string(i));
    wanted.push_back(std::to_string(i) + "\n");
  }
  EXPECT_EQ(outputs_of(commands, 20'000'000, env::real_clock()), wanted);
}

TEST(BrokerCommand, HasTheBrokersWordsAndNoShellOfTheirs) {
  const CommandedBroker broker{7, "h-1.example", 9092, "r1"};
  EXPECT_EQ(*command_for("ssh {host} x {broker} {port} {rack} {other}", broker), "ssh h-1.example x 7 9092 r1 {other}");
  EXPECT_FALSE(command_for("ssh {host}", {7, "h; rm -r x", 9092}));
  EXPECT_FALSE(command_for("ssh {host}", {7, "h", 9092, "$(x)"}));
}

}  // namespace
}  // namespace freshet::app
