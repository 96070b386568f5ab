#include "docstore/mongo/names.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace freshet::docstore {
namespace {

TEST(MongoNames, OnlyWhatMongoDbForbidsIsEscaped) {
  EXPECT_EQ(escape_name("city"), "city");
  EXPECT_EQ(escape_name("a.b"), "a%2Eb");
  EXPECT_EQ(escape_name("$set"), "%24set");
  EXPECT_EQ(escape_name("us$"), "us$");
  EXPECT_EQ(escape_name(std::string_view("a\0b", 3)), "a%00b");
  EXPECT_EQ(escape_name("100%"), "100%");
  EXPECT_EQ(escape_name("a%2Eb"), "a%252Eb");
  EXPECT_EQ(escape_name("a%2eb"), "a%2eb");
}

RC_GTEST_PROP(MongoNames, ReadBackAsTheyWere, ()) {
  const auto name =
      *rc::gen::container<std::string>(rc::gen::element('.', '$', '%', '\0', '2', '4', '5', '0', 'E', 'a'));
  const std::string field = escape_name(name);
  RC_ASSERT(unescape_name(field) == name);
  RC_ASSERT(field.find('.') == std::string::npos);
  RC_ASSERT(field.find('\0') == std::string::npos);
  RC_ASSERT(!field.starts_with('$'));
}

}  // namespace
}  // namespace freshet::docstore
