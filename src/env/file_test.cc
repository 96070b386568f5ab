#include "env/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>

namespace freshet::env {
namespace {

// A folder of this test, which goes with it.
class FileTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(std::filesystem::create_directories(folder_)); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  const std::string folder_ = testing::TempDir() + "file_test." + std::to_string(::getpid());
  const std::string file_ = folder_ + "/file";
};

TEST_F(FileTest, WritesAllOfALargeText) {
  const std::string text(3u << 20, 'x');
  {
    const Descriptor file(file_, O_CREAT | O_EXCL | O_WRONLY);
    ASSERT_TRUE(file.is_open());
    EXPECT_TRUE(write_all(file, text));
  }
  EXPECT_EQ(read_file(file_), text);
  EXPECT_TRUE(sync_directory(folder_));
}

TEST_F(FileTest, ReadsWhatSaysNoSizeAndNothing) {
  EXPECT_THAT(read_file("/proc/self/cmdline").value_or(""), testing::Not(testing::IsEmpty()));
  const Descriptor empty(file_, O_CREAT | O_WRONLY);
  EXPECT_EQ(read_file(file_), "");
}

TEST_F(FileTest, LeavesTheReasonInErrno) {
  const Descriptor missing(file_, O_RDONLY);
  EXPECT_FALSE(missing.is_open());
  EXPECT_EQ(errno, ENOENT);
  {
    const Descriptor file(file_, O_CREAT | O_RDONLY);
    EXPECT_FALSE(write_all(file, "x"));
    EXPECT_EQ(errno, EBADF);
  }
  EXPECT_EQ(errno, EBADF) << "closing has changed it";
  EXPECT_EQ(read_file(folder_), std::nullopt);
  EXPECT_EQ(errno, EISDIR);
  EXPECT_FALSE(sync_directory(file_));
  EXPECT_EQ(errno, ENOTDIR);
}

TEST_F(FileTest, IsClosedOnceAndBySomebody) {
  int fd = -1;
  {
    Descriptor first(file_, O_CREAT | O_WRONLY);
    fd = first.get();
    const Descriptor second(std::move(first));
    EXPECT_EQ(second.get(), fd);
    EXPECT_NE(::fcntl(fd, F_GETFD), -1);
  }
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

}  // namespace
}  // namespace freshet::env
