// Against the examples that AWS publishes with the algorithm (bucket examplebucket, key AKIAIOSFODNN7EXAMPLE).
#include "objectstore/sigv4.h"

#include <gtest/gtest.h>

namespace freshet::objectstore {
namespace {

constexpr env::TimeUs kExampleTime = 1'369'353'600'000'000;  // 2013-05-24T00:00:00Z

std::string signature_of(S3Request request) {
  request.headers.emplace_back("host", "examplebucket.s3.amazonaws.com");
  sign(request, {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""}, "us-east-1", kExampleTime);
  const std::string& authorization = request.headers.back().second;
  return authorization.substr(authorization.rfind('=') + 1);
}

TEST(Sigv4, GetOfARange) {
  const S3Request request{"GET", "/test.txt", {}, {{"range", "bytes=0-9"}}, sha256("")};
  EXPECT_EQ(signature_of(request), "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(Sigv4, PutWithAKeyThatNeedsEncoding) {
  const S3Request request{"PUT",
                          "/test$file.text",
                          {},
                          {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                          sha256("Welcome to Amazon S3.")};
  EXPECT_EQ(signature_of(request), "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(Sigv4, QueryWithoutValue) {
  EXPECT_EQ(signature_of({"GET", "/", {{"lifecycle", ""}}, {}, sha256("")}),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST(Sigv4, QueryInAnyOrder) {
  EXPECT_EQ(signature_of({"GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, {}, sha256("")}),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(Sigv4, ASessionTokenIsSigned) {
  S3Request request{"GET", "/", {}, {{"host", "h"}}, sha256("")};
  sign(request, {"id", "secret", "token"}, "eu-west-1", kExampleTime);
  EXPECT_NE(
      request.headers.back().second.find("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token"),
      std::string::npos);
  EXPECT_EQ(request.headers.back().second.find("secret"), std::string::npos);
}

TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  // RFC 4231, test case 2
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

}  // namespace
}  // namespace freshet::objectstore
