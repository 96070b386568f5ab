// The suite of DocStore on a running MongoDB, whose connection string is in FRESHET_MONGO_URI; a binary of its own,
// which tests/integration/test_mongo.py runs, also through a network that is cut now and then. Every store has tenants
// of its own.
#include <gtest/gtest.h>

#include <cstdlib>

#include "docstore/mongo/mongo_store.h"
#include "docstore/split/split_store.h"
#include "testing/doc_store_conformance.h"
#include "testing/temporary_store.h"

namespace freshet::docstore {
namespace {

MongoOptions options_for(const std::vector<std::string>& tenants) {
  const char* uri = std::getenv("FRESHET_MONGO_URI");  // NOLINT: one thread
  if (uri == nullptr) throw std::runtime_error("FRESHET_MONGO_URI must be set: mongodb://HOST:PORT");
  MongoOptions options;
  options.uri = uri;
  options.clock = &env::real_clock();
  for (const std::string& tenant : tenants) options.tenants.push_back({tenant, {"email", "a.b"}, {"device_id"}});
  return options;
}

std::unique_ptr<DocStore> open(const MongoOptions& options) {
  for (int i = 0;; ++i) {
    auto store = open_mongo_store(options);
    if (store) return std::move(*store);
    if (store.error().code != Code::kRetry || i == 60) throw std::runtime_error(store.error().message);
    env::real_clock().sleep_us(500'000);
  }
}

std::string fresh_tenant() {
  static int made = 0;
  return "t" + std::to_string(getpid()) + "_" + std::to_string(++made);
}

class Mongo : public DocStoreUnderTest {
 public:
  Mongo() : options_(options_for({tenant_, tenant_ + "x"})) { store_ = docstore::open(options_); }
  DocStore& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    store_ = docstore::open(options_);
  }
  std::string tenant() override { return tenant_; }
  std::string other_tenant() override { return tenant_ + "x"; }

 protected:
  const std::string tenant_ = fresh_tenant();
  MongoOptions options_;
  std::unique_ptr<DocStore> store_;
};

class Split final : public Mongo {
 public:
  Split() {
    options_.identified_only = true;
    reopen();
  }
  ~Split() override { store_.reset(); }
  void reopen() override {
    store_.reset();
    whole_.store.reset();
    store_ = make_split_store(whole_.open_again(), docstore::open(options_), {"k", "city"});
  }

 private:
  TemporaryStore whole_;
};

INSTANTIATE_TEST_SUITE_P(Mongo, DocStoreConformance,
                         testing::Values(Implementation{"mongo", [] { return std::make_unique<Mongo>(); }},
                                         Implementation{"split", [] { return std::make_unique<Split>(); }}));

TEST(Mongo, PoisonHurtsOnlyItself) {
  Mongo mongo;
  std::vector<Change> bulk;
  for (uint64_t i = 0; i < 20; ++i) {
    const std::string id(hash128(std::to_string(i)).view());
    bulk.push_back(change_of(mongo.tenant(), id, 2, {city("Pune")}));
  }
  bulk[3].mutable_ops(0)->set_name("");                                            // no such field
  bulk[8].mutable_ops(0)->mutable_value()->set_text(std::string(17u << 20, 'x'));  // too large
  bulk[9].set_version(~uint64_t{0});                                               // no such number
  std::promise<std::vector<Status>> answer;
  mongo.store().write(bulk,
                      [&](std::vector<Change>, std::vector<Status> results) { answer.set_value(std::move(results)); });
  const std::vector<Status> results = answer.get_future().get();
  for (size_t i = 0; i < results.size(); ++i) {
    const bool poison = i == 3 || i == 8 || i == 9;
    EXPECT_EQ(results[i].has_value(), !poison) << i;
    if (poison && !results[i]) {
      EXPECT_EQ(results[i].error().code, Code::kInvalid) << results[i].error().message;
    }
  }
}

TEST(Mongo, WhatCannotBeReachedIsAnErrorWithoutTheSecret) {
  MongoOptions options = options_for({});
  options.uri = "mongodb://user:hunter2secret@127.0.0.1:1/?serverSelectionTimeoutMS=300";
  const auto away = open_mongo_store(options);
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().code, Code::kRetry);
  EXPECT_EQ(away.error().message.find("hunter2"), std::string::npos) << away.error().message;
  for (const char* uri : {"nonsense hunter2secret", "mongodb://user:hunter2@secret@host:x/", "mongodb://h/?w=0"}) {
    options.uri = uri;
    const auto wrong = open_mongo_store(options);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, Code::kInvalid);
    EXPECT_EQ(wrong.error().message.find("hunter2"), std::string::npos) << wrong.error().message;
  }
}

}  // namespace
}  // namespace freshet::docstore
