#include "http/address.h"

#include <gtest/gtest.h>

namespace freshet::http {
namespace {

std::string said(const std::optional<Address>& address) {
  return address ? address->host + " " + std::to_string(address->port) : "none";
}

TEST(Address, IsAHostAndAPort) {
  EXPECT_EQ(said(parse_address("127.0.0.1:8080")), "127.0.0.1 8080");
  EXPECT_EQ(said(parse_address("localhost:0")), "localhost 0");
  EXPECT_EQ(said(parse_address("[::1]:65535")), "::1 65535");
}

TEST(Address, IsNothingElse) {
  for (const char* text : {"", ":", ":80", "host", "host:", "host:x", "host:80x", "host:65536", "host:-1", "::1:80",
                           "[]:80", "[::1]", "[::1]80", "ho st:80", "user@host:80", "host/path:80", "http://host:80"})
    EXPECT_EQ(said(parse_address(text)), "none") << text;
}

TEST(Address, MayBeGivenAsAUrl) {
  EXPECT_EQ(said(parse_plain_url("http://127.0.0.1:4318")), "127.0.0.1 4318");
  EXPECT_EQ(said(parse_plain_url("http://127.0.0.1:4318/")), "127.0.0.1 4318");
  EXPECT_EQ(said(parse_plain_url("http://collector")), "collector 80");
  EXPECT_EQ(said(parse_plain_url("http://[::1]")), "::1 80");
  EXPECT_EQ(said(parse_plain_url("http://[::1]:4318")), "::1 4318");
}

TEST(Address, IsNoOtherUrl) {
  for (const char* url : {"", "http://", "http:///", "127.0.0.1:4318", "https://host:443", "ftp://host",
                          "http://host:0", "http://host:x", "http://host:65536", "http://host:80/v1/traces",
                          "http://host:80//", "http://host?a=b", "http://user@host", "http://host:", "http://a b"})
    EXPECT_EQ(said(parse_plain_url(url)), "none") << url;
}

}  // namespace
}  // namespace freshet::http
