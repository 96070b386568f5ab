#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <zlib.h>

#include "http/text.h"
#include "http/undeflate.h"

namespace freshet::http {
namespace {

using ::testing::HasSubstr;

constexpr int kGzip = 15 + 16;
constexpr int kZlib = 15;
constexpr int kRaw = -15;

std::string deflated(std::string_view text, int format) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, format, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(Gunzip, UndoesBothFormatsAndConcatenation) {
  ASSERT_TRUE(rc::check([](const std::string& a, const std::string& b) {
    const std::string big = a + std::string(a.size() * 1000, 'x');
    for (const int format : {kGzip, kZlib}) RC_ASSERT(**gunzip(deflated(big, format), big.size()) == big);
    RC_ASSERT(**gunzip(deflated(big, kGzip) + deflated(b, kGzip), big.size() + b.size()) == big + b);
    RC_ASSERT(**gunzip(deflated("", kGzip) + deflated(b, kGzip) + deflated("", kGzip), b.size()) == b);
  }));
}

// .NET's DeflateStream and Node's deflateRaw make it, and it is sent as "deflate".
TEST(Gunzip, UndoesRawDeflateWhereItIsSaid) {
  ASSERT_TRUE(rc::check([](const std::string& text) {
    const std::string big = text + std::string(text.size() * 1000, 'x');
    for (const int format : {kGzip, kZlib, kRaw}) RC_ASSERT(**undeflate(deflated(big, format), big.size()) == big);
  }));
  const std::string raw = deflated(std::string(1000, 'x'), kRaw);
  EXPECT_FALSE(gunzip(raw, 1000));
  EXPECT_EQ(*undeflate(raw, 999), std::nullopt);
  for (size_t n = 0; n < raw.size(); ++n) EXPECT_FALSE(undeflate(raw.substr(0, n), 1000)) << n;
  EXPECT_FALSE(undeflate(raw + "{}", 1000));
  EXPECT_FALSE(undeflate("{\"batch\":[]}", 1000));
}

TEST(Gunzip, HoldsItsBound) {
  const std::string text(1000, 'x');
  EXPECT_EQ(gunzip(deflated(text, kGzip), 1000)->value_or(""), text);
  EXPECT_EQ(*gunzip(deflated(text, kGzip), 999), std::nullopt);
  EXPECT_EQ(*gunzip(deflated(text, kGzip) + deflated("y", kGzip), 1000), std::nullopt);
}

TEST(Gunzip, StopsBombs) {
  const std::string bomb = deflated(std::string(64u << 20, '\0'), kGzip);
  ASSERT_LT(bomb.size(), 100'000U);
  EXPECT_EQ(*gunzip(bomb, 1u << 20), std::nullopt);
  std::string lying = bomb;  // about its size
  lying.replace(lying.size() - 4, 4, std::string("\1\0\0\0", 4));
  EXPECT_EQ(*gunzip(lying, 1u << 20), std::nullopt);
}

TEST(Gunzip, RefusesWhatIsDamaged) {
  const std::string whole = deflated("a text that is long enough to be cut everywhere", kGzip);
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(gunzip(whole.substr(0, n), 1000)) << n;
  std::string wrong = whole;
  wrong[wrong.size() - 6] ^= 1;  // checksum
  EXPECT_THAT(gunzip(wrong, 1000).error().message, HasSubstr("incorrect data check"));
  EXPECT_FALSE(gunzip("{\"batch\":[]}", 1000));
  EXPECT_THAT(gunzip(whole + "{}", 1000).error().message, HasSubstr("more bytes"));
}

}  // namespace
}  // namespace freshet::http
