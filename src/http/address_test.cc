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

std::string said(const std::optional<Url>& url) { return url ? text_of(*url) : "none"; }

TEST(Url, IsASchemeAHostAndPerhapsAPort) {
  EXPECT_EQ(said(parse_url("http://127.0.0.1:4318")), "http://127.0.0.1:4318");
  EXPECT_EQ(said(parse_url("http://127.0.0.1:4318/")), "http://127.0.0.1:4318");
  EXPECT_EQ(said(parse_url("http://collector")), "http://collector:80");
  EXPECT_EQ(said(parse_url("https://collector")), "https://collector:443");
  EXPECT_EQ(said(parse_url("https://collector:8443/")), "https://collector:8443");
  EXPECT_EQ(said(parse_url("http://[::1]")), "http://[::1]:80");
  EXPECT_EQ(said(parse_url("https://[::1]:4318")), "https://[::1]:4318");
}

TEST(Url, IsNothingElse) {
  for (const char* url : {"", "http://", "https://", "http:///", "127.0.0.1:4318", "ftp://host", "http://host:0",
                          "http://host:x", "http://host:65536", "http://host:80/v1/traces", "http://host:80//",
                          "http://host?a=b", "http://user@host", "https://user@host", "http://host:", "http://a b"})
    EXPECT_EQ(said(parse_url(url)), "none") << url;
}

TEST(Address, OfThisMachineIsNoName) {
  for (const char* host : {"localhost", "127.0.0.1", "127.255.255.254", "::1"})
    EXPECT_TRUE(is_loopback_host(host)) << host;
  for (const char* host : {"127.example.com", "127.0.0.1.example.com", "localhost.example.com", "127.", "127.0.0.256",
                           "0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "::2", ""})
    EXPECT_FALSE(is_loopback_host(host)) << host;
}

}  // namespace
}  // namespace freshet::http
