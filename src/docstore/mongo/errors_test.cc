#include "docstore/mongo/errors.h"

#include <gtest/gtest.h>

namespace freshet::docstore {
namespace {

bson_error_t error_of(uint32_t domain, uint32_t code) {
  bson_error_t error{};
  error.domain = domain;
  error.code = code;
  return error;
}

TEST(MongoErrors, WhoRecovers) {
  for (const int code : {10107, 11600, 189, 64, 50, 14031}) EXPECT_EQ(code_of_server_error(code), Code::kRetry) << code;
  for (const int code : {13, 18, 8000}) EXPECT_EQ(code_of_server_error(code), Code::kFatal) << code;
  for (const int code : {2, 28, 17419, 121, 11000, 26, 73, 166, 13297})
    EXPECT_EQ(code_of_server_error(code), Code::kInvalid) << code;
  EXPECT_EQ(code_of(error_of(MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET)), Code::kRetry);
  EXPECT_EQ(code_of(error_of(MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE)), Code::kRetry);
  EXPECT_EQ(code_of(error_of(MONGOC_ERROR_CLIENT, MONGOC_ERROR_CLIENT_AUTHENTICATE)), Code::kFatal);
  EXPECT_EQ(code_of(error_of(MONGOC_ERROR_SERVER, 10107)), Code::kRetry);
  EXPECT_EQ(code_of(error_of(MONGOC_ERROR_SERVER, 13)), Code::kFatal);
  EXPECT_EQ(code_of(error_of(MONGOC_ERROR_BSON, 0)), Code::kInvalid);
}

// One tenant's: nobody looks for the one operation that is to blame.
TEST(MongoErrors, WhatIsAboutACollection) {
  for (const uint32_t code : {26u, 73u, 166u, 13297u})
    EXPECT_TRUE(is_about_collection(error_of(MONGOC_ERROR_SERVER, code))) << code;
  EXPECT_FALSE(is_about_collection(error_of(MONGOC_ERROR_SERVER, 17419)));
  EXPECT_FALSE(is_about_collection(error_of(MONGOC_ERROR_BSON, 73))) << "another list of numbers";
}

TEST(MongoErrors, OnlyADuplicateIdIsStale) {
  EXPECT_TRUE(
      is_duplicate_id(11000, "E11000 duplicate key error collection: f.users index: _id_ dup key: { _id: \"a\" }"));
  EXPECT_FALSE(
      is_duplicate_id(11000, "E11000 duplicate key error collection: f.users index: email_1 dup key: { : \"_id_\" }"));
  EXPECT_FALSE(is_duplicate_id(2, "index: _id_"));
}

TEST(MongoErrors, RepliesAreTakenApart) {
  bson_t* reply = BCON_NEW("nMatched", BCON_INT32(1), "writeErrors", "[", "{", "index", BCON_INT32(2), "code",
                           BCON_INT32(28), "errmsg", "Cannot create field", "}", "{", "index", BCON_INT32(5), "code",
                           BCON_INT32(11000), "}", BCON_INT32(7), "]", "writeConcernErrors", "[", "{", "code",
                           BCON_INT32(64), "errmsg", "waiting", "}", "]");
  const BulkReply read = read_reply(*reply);
  ASSERT_EQ(read.refused.size(), 2U);
  EXPECT_EQ(read.refused.at(2).code, 28);
  EXPECT_EQ(read.refused.at(2).message, "Cannot create field");
  EXPECT_EQ(read.refused.at(5).code, 11000);
  EXPECT_EQ(read.unconfirmed, "waiting");
  bson_destroy(reply);
}

TEST(MongoErrors, SecretsAreTakenOut) {
  Redactor redactor;
  redactor.hide("");
  redactor.hide("pass");
  redactor.hide("pass%40word");
  EXPECT_EQ(redactor.clean("mongodb://u:pass%40word@h, pass, pas"), "mongodb://u:***@h, ***, pas");
}

}  // namespace
}  // namespace freshet::docstore
