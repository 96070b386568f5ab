#include "yaml/file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace freshet::yaml {
namespace {

TEST(YamlFile, IsReadWholeOrSaidToBeMissing) {
  const std::string path = std::filesystem::temp_directory_path() / "freshet-yaml-file-test.yaml";
  std::ofstream(path, std::ios::binary) << "a: 1\r\nb: 2\n";
  Problems problems(path);
  EXPECT_EQ(read_file(path, "a test", problems), "a: 1\r\nb: 2\n");
  EXPECT_TRUE(problems.empty());

  std::ofstream(path, std::ios::trunc).close();
  EXPECT_EQ(read_file(path, "a test", problems), std::nullopt);
  EXPECT_NE(problems.text().find("can't be read, or is empty: it must be a test (YAML)"), std::string::npos)
      << problems.text();

  std::filesystem::remove(path);
  Problems missing(path);
  EXPECT_EQ(read_file(path, "a test", missing), std::nullopt);
  EXPECT_FALSE(missing.empty());
}

}  // namespace
}  // namespace freshet::yaml
