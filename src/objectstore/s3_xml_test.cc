#include "objectstore/s3_xml.h"

#include <gtest/gtest.h>

namespace freshet::objectstore {
namespace {

TEST(S3Xml, ReadsAnError) {
  const S3Error error = read_s3_error(
      R"(<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchKey</Code><Message>no &lt;such&gt; key</Message></Error>)");
  EXPECT_EQ(error.code, "NoSuchKey");
  EXPECT_EQ(error.message, "no <such> key");
  EXPECT_EQ(read_s3_error("<html>502</html>").code, "");
  EXPECT_EQ(read_s3_error("no xml").code, "");
}

TEST(S3Xml, ReadsPagesOfAList) {
  const auto page = read_s3_page(
      R"(<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>true</IsTruncated>)"
      R"(<Contents><Key>p/a&amp;b</Key><Size>12</Size></Contents><Contents><Key>p/c</Key><Size>0</Size></Contents>)"
      R"(<NextContinuationToken>t=/+</NextContinuationToken></ListBucketResult>)");
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->objects.size(), 2u);
  EXPECT_EQ(page->objects[0].key, "p/a&b");
  EXPECT_EQ(page->objects[0].bytes, 12u);
  EXPECT_EQ(page->next, "t=/+");
}

TEST(S3Xml, RefusesWhatIsNoList) {
  for (const char* xml :
       {"", "<a/>", "<ListBucketResult><Contents><Key>k</Key><Size>x</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"}) {
    const auto page = read_s3_page(xml);
    ASSERT_FALSE(page) << xml;
    EXPECT_EQ(page.error().code, Code::kCorrupt);
  }
}

TEST(S3Xml, DoesNotExpandEntitiesOfADocument) {
  const auto id = read_upload_id(
      R"(<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><InitiateMultipartUploadResult><UploadId>&e;</UploadId></InitiateMultipartUploadResult>)");
  ASSERT_TRUE(id);
  EXPECT_EQ(*id, "&e;");
}

TEST(S3Xml, CompletesAnUpload) {
  EXPECT_EQ(complete_upload_xml({"\"a\"", "b"}),
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag></Part><Part><PartNumber>2</"
            "PartNumber>"
            "<ETag>b</ETag></Part></CompleteMultipartUpload>");
  EXPECT_EQ(*read_upload_id("<InitiateMultipartUploadResult><UploadId>u-1</UploadId></InitiateMultipartUploadResult>"),
            "u-1");
}

}  // namespace
}  // namespace freshet::objectstore
