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

TEST(Pixel, TheImageIsOne) {
  const http::Response image = pixel_image();
  EXPECT_EQ(image.body.size(), 43u);
  EXPECT_TRUE(image.body.starts_with("GIF89a"));
  EXPECT_TRUE(image.body.ends_with(";"));
  EXPECT_EQ(image.content_type, "image/gif");
}

}  // namespace
}  // namespace freshet::ingest
