#include "app/open_files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "http/server_options.h"

namespace freshet::app {
namespace {

Config with_partitions(uint32_t partitions) {
  Config config = default_config();
  config.log.partitions = partitions;
  return config;
}

// All that may be open at once: the stores of the state, of log, imports and letters, and the sockets.
uint64_t files_of(const Config& config) {
  const auto sockets = [](uint32_t connections) { return connections + http::spare_connections(connections); };
  return (config.log.partitions + 3) * (uint64_t{7} + config.store_files) + sockets(config.ingest.connections) +
         sockets(config.admin.connections);
}

TEST(OpenFiles, ManyLeaveEverythingAsItIs) {
  Config config = with_partitions(64);
  ASSERT_TRUE(fit_open_files(config, 1'048'576, 2));
  EXPECT_EQ(config.ingest.connections, 4096u);
  EXPECT_EQ(config.admin.connections, 256u);
  EXPECT_EQ(config.store_files, 256u);
}

TEST(OpenFiles, ConnectionsGetWhatStoresLeave) {
  for (const uint64_t limit : {400u, 512u, 700u, 1024u, 2000u, 4096u, 10'000u}) {
    for (const uint32_t partitions : {1u, 4u, 16u}) {
      Config config = with_partitions(partitions);
      if (!fit_open_files(config, limit, 2)) continue;
      EXPECT_LE(files_of(config) + 40, limit) << limit << " " << partitions;
      EXPECT_GE(config.ingest.connections, 16u);
      EXPECT_GE(config.admin.connections, 16u);
      EXPECT_GE(config.store_files, 10u);
    }
  }
}

TEST(OpenFiles, MoreFilesAreNeverFewerConnections) {
  uint32_t before = 0;
  for (uint64_t limit = 200; limit < 9000; limit += 50) {
    Config config = with_partitions(4);
    if (!fit_open_files(config, limit, 2)) continue;
    EXPECT_GE(config.ingest.connections, before) << limit;
    before = config.ingest.connections;
  }
  EXPECT_EQ(before, 4096u);
}

TEST(OpenFiles, TooFewAreRefused) {
  Config config = with_partitions(16);
  const Status refused = fit_open_files(config, 256, 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("open files: the limit is 256, and 19 stores"));
}

TEST(OpenFiles, AProcessHasWhatItsRolesNeed) {
  Config config = with_partitions(64);
  config.log.kind = Config::LogKind::kKafka;
  config.profiles.kind = Config::Profiles::Kind::kMongodb;
  config.roles = {.ingest = true};
  ASSERT_TRUE(fit_open_files(config, 1024, 2));
  config.roles.action = true;
  EXPECT_FALSE(fit_open_files(config, 1024, 2));
}

[[noreturn]] void open_a_file_with_all_standard_ones_closed() {
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(file);
  hold_standard_files();
  std::_Exit(open("/dev/zero", O_RDONLY) > STDERR_FILENO ? 0 : 1);
}

// What is printed to a closed standard output would go into the file that was opened next.
TEST(OpenFiles, NoneTakesTheNumberOfAStandardOneThatIsClosed) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(open_a_file_with_all_standard_ones_closed(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace freshet::app
