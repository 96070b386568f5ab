#include "app/content.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zstd.h>

#include <fstream>

#include "http/text.h"

namespace freshet::app {
namespace {

std::string path_of(const std::string& name) {
  return ::testing::TempDir() + "content-" + std::to_string(getpid()) + "-" + name;
}

std::string write(const std::string& name, const std::string& bytes) {
  std::ofstream(path_of(name), std::ios::binary) << bytes;
  return path_of(name);
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

// Everything, in pieces of `step`; "error: …" if it fails.
std::string read_all(const std::string& path, size_t step) {
  auto content = Content::open(path);
  if (!content) return "error: " + content.error().message;
  std::string all, buffer(step, '\0');
  while (true) {
    const auto count = (*content)->read(buffer);
    if (!count) return "error: " + count.error().message;
    all.append(buffer, 0, *count);
    if (*count < step) return all;
  }
}

// Compresses very well, so that much output waits behind little input.
std::string long_text() {
  std::string text;
  for (int i = 0; i < 30'000; ++i) text += "row," + std::to_string(i % 7) + "\n";
  return text;
}

TEST(Content, PlainGzipAndZstdAreTheSame) {
  for (const std::string& text : {std::string(), std::string("a\n1\n"), long_text()}) {
    for (const size_t step : {size_t{1000}, size_t{1} << 20}) {
      EXPECT_EQ(read_all(write("plain", text), step), text);
      EXPECT_EQ(read_all(write("gzip", http::gzip(text)), step), text);
      EXPECT_EQ(read_all(write("zstd", zstd(text)), step), text);
    }
  }
}

TEST(Content, SeveralMembersAreOneContent) {
  EXPECT_EQ(read_all(write("gzip2", http::gzip("a\n1\n") + http::gzip("2\n") + std::string(512, '\0')), 3),
            "a\n1\n2\n");
  EXPECT_EQ(read_all(write("zstd2", zstd("a\n1\n") + zstd("2\n")), 3), "a\n1\n2\n");
}

TEST(Content, DamageAndCutsAreErrors) {
  const std::string text = long_text();
  const std::string zipped = http::gzip(text), packed = zstd(text);
  EXPECT_NE(read_all(write("cut.gz", zipped.substr(0, zipped.size() - 5)), 1 << 20).find("cut off"), std::string::npos);
  EXPECT_NE(read_all(write("cut.zst", packed.substr(0, packed.size() - 5)), 1 << 20).find("cut off"),
            std::string::npos);
  std::string bad = zipped;
  bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 0x55);
  bad[bad.size() - 6] = static_cast<char>(bad[bad.size() - 6] ^ 0x55);
  EXPECT_NE(read_all(write("bad.gz", bad), 1 << 20).find("damaged"), std::string::npos);
  EXPECT_NE(read_all(path_of("none"), 10).find("can't be opened"), std::string::npos);
  EXPECT_NE(read_all(::testing::TempDir(), 10).find("is a directory"), std::string::npos);
}

}  // namespace
}  // namespace freshet::app
