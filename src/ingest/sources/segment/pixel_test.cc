#include "ingest/sources/segment/pixel.h"

#include <gtest/gtest.h>

namespace freshet::ingest {
namespace {

TEST(Pixel, NamesWithDotsAreMembersOfMembers) {
  EXPECT_EQ(*pixel_message("writeKey=k&anonymousId=a&name=Home&context.page.url=https%3A%2F%2Fx.y%2F%3Fa%3D1&"
                           "context.page.title=A+B&properties.n=5&properties.a%2Eb=1"),
            R"({"anonymousId":"a","context":{"page":{"title":"A B","url":"https://x.y/?a=1"}},"name":"Home",)"
            R"("properties":{"a":{"b":"1"},"n":"5"}})");
  EXPECT_EQ(*pixel_message(""), "{}");
  EXPECT_FALSE(pixel_message("a=%zz"));
  EXPECT_FALSE(pixel_message("a=%ff"));
}

TEST(Pixel, WhatComesTwiceOrHasOddDots) {
  EXPECT_EQ(*pixel_message("a=1&a=2&b=1&b.c=2&d.e=1&d=2"), R"({"a":"2","b":{"c":"2"},"d":"2"})");
  EXPECT_EQ(*pixel_message(".a=1&b.=2&=3&.=4"), R"({".":"4",".a":"1","b.":"2"})");
  EXPECT_EQ(*pixel_message("a.b.c.d.e.f.g.h=1"), R"({"a":{"b":{"c":{"d":{"e":{"f.g.h":"1"}}}}}})");
}

// Segment's pixel. btoa() makes a + that is a blank in a query, and many leave the padding out.
TEST(Pixel, AWholeMessageMayStandInData) {
  const std::string message = R"({"userId":"u?>~","event":"Opened"})";
  for (const char* data :
       {"eyJ1c2VySWQiOiJ1Pz5%2BIiwiZXZlbnQiOiJPcGVuZWQifQ==", "eyJ1c2VySWQiOiJ1Pz5-IiwiZXZlbnQiOiJPcGVuZWQifQ",
        "eyJ1c2VySWQiOiJ1Pz5+IiwiZXZlbnQiOiJPcGVuZWQifQ%3D%3D",
        "%7B%22userId%22%3A%22u%3F%3E~%22%2C%22event%22%3A%22Opened%22%7D"})
    EXPECT_EQ(pixel_message(std::string("data=") + data + "&x=1").value_or("?"), message) << data;
  for (const char* data : {"e", "eyJ!", "%F0%9F%98%80", "/w=="})
    EXPECT_FALSE(pixel_message(std::string("data=") + data)) << data;
}

TEST(Pixel, TheImageIsOne) {
  const http::Response image = pixel_image();
  EXPECT_EQ(image.body.size(), 43u);
  EXPECT_TRUE(image.body.starts_with("GIF89a"));
  EXPECT_TRUE(image.body.ends_with(";"));
  EXPECT_EQ(image.content_type, "image/gif");
}

}  // namespace
}  // namespace freshet::ingest
