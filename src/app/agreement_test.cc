#include "app/agreement.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "app/installation.h"
#include "eventlog/embedded/embedded_log.h"
#include "testing/memory_store.h"

namespace freshet::app {
namespace {

class AgreementTest : public ::testing::Test {
 protected:
  AgreementTest() {
    auto log =
        eventlog::open_embedded_log(kv::open_memory(std::make_shared<kv::MemoryDisk>(), {}), env::real_clock(), {});
    log_ = std::move(log.value());
    EXPECT_TRUE(log_->create_topic(eventlog::Topic::kSchema, {}));
  }
  std::unique_ptr<eventlog::EventLog> log_;
  std::unique_ptr<schema::Registry> registry_ = schema::make_registry();
};

TEST_F(AgreementTest, TheFirstKeyIsEverybodysKey) {
  Agreement one(*log_, *registry_), other(*log_, *registry_);
  EXPECT_EQ(one.hash_key("0123456789abcdef").value(), "0123456789abcdef");
  EXPECT_EQ(other.hash_key("fedcba9876543210").value(), "0123456789abcdef");
  EXPECT_EQ(one.hash_key("fedcba9876543210").value(), "0123456789abcdef");
}

TEST_F(AgreementTest, TheFirstNumberOfPartitionsStays) {
  Agreement one(*log_, *registry_), other(*log_, *registry_);
  EXPECT_EQ(one.partitions(4).value(), 4u);
  EXPECT_EQ(other.hash_key("0123456789abcdef").value(), "0123456789abcdef");
  EXPECT_EQ(other.partitions(8).value(), 4u);
  EXPECT_EQ(one.partitions(8).value(), 4u);
  EXPECT_EQ(other.revision(), 0u) << "a number is no revision";
}

// Installations from before have a key that says nothing of phone numbers.
TEST_F(AgreementTest, WhoBeginsSaysHowPhoneNumbersAreSpelled) {
  Agreement first(*log_, *registry_), later(*log_, *registry_);
  EXPECT_TRUE(first.hash_key("0123456789abcdef", true));
  EXPECT_TRUE(later.hash_key("fedcba9876543210", false));
  EXPECT_TRUE(first.phones_are_normal() && later.phones_are_normal());
  EXPECT_EQ(first.revision(), 0u);
}

TEST_F(AgreementTest, AnInstallationFromBeforeKeepsItsSpelling) {
  Agreement before(*log_, *registry_), now(*log_, *registry_);
  EXPECT_TRUE(before.hash_key("0123456789abcdef"));
  EXPECT_TRUE(now.hash_key("fedcba9876543210", true));
  EXPECT_FALSE(now.phones_are_normal());
}

TEST_F(AgreementTest, ARevisionStandsForOneSetOfRules) {
  Agreement one(*log_, *registry_), other(*log_, *registry_);
  ASSERT_TRUE(one.follow() && other.follow());
  // Neither has seen the other's claim when it makes its own.
  EXPECT_TRUE(one.claim(3, {"aa", "aa"}));
  const Status late = other.claim(3, {"bb", "bb"});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kInvalid);
  EXPECT_NE(late.error().message.find("under 3"), std::string::npos);
  EXPECT_TRUE(other.claim(3, {"aa", "aa"}));
  EXPECT_TRUE(other.claim(4, {"bb", "bb"}));
  ASSERT_TRUE(one.follow());
  EXPECT_EQ(one.revision(), 4u);
  EXPECT_EQ(one.rules(), "bb");
}

// Whoever may write into the topic may write what no process of ours has: it counts for nothing.
TEST_F(AgreementTest, WhatCantBeAgreedIsPassedOver) {
  v1::SchemaChange too_high, two_lines, short_key;
  too_high.mutable_agreement()->set_revision(UINT64_MAX);
  too_high.mutable_agreement()->set_rules("aa");
  two_lines.mutable_agreement()->set_revision(2);
  two_lines.mutable_agreement()->set_rules("aa\nhash_key: 00");
  short_key.mutable_agreement()->set_hash_key("short");
  std::vector<eventlog::Produce> batches(1);
  batches[0].to = {eventlog::Topic::kSchema, 0};
  for (const v1::SchemaChange& change : {too_high, two_lines, short_key})
    batches[0].records.add({}, change.SerializeAsString());
  log_->append(std::move(batches), [](Status status) { EXPECT_TRUE(status); });
  Agreement here(*log_, *registry_);
  EXPECT_EQ(here.hash_key("0123456789abcdef").value(), "0123456789abcdef");
  EXPECT_EQ(here.revision(), 0u);
  EXPECT_TRUE(here.claim(2, {"bb", "bb"}));
  EXPECT_EQ(here.revision(), 2u);
}

TEST_F(AgreementTest, WhatAnotherProcessDiscoversIsKnownHere) {
  Agreement here(*log_, *registry_);
  ASSERT_TRUE(here.hash_key("0123456789abcdef"));
  v1::SchemaChange change;
  change.set_tenant("acme");
  change.set_subject(v1::SchemaChange::EVENT);
  change.set_name("Order Completed");
  std::vector<eventlog::Produce> batches(1);
  batches[0].to = {eventlog::Topic::kSchema, 0};
  batches[0].records.add("acme", change.SerializeAsString());
  batches[0].records.add("acme", "\xff no change");
  log_->append(std::move(batches), [](Status status) { EXPECT_TRUE(status); });
  for (int i = 0; i < 1000 && registry_->list("acme").empty(); ++i) {
    ASSERT_TRUE(here.follow());
    env::real_clock().sleep_us(1'000);
  }
  ASSERT_EQ(registry_->list("acme").size(), 1u);
  EXPECT_EQ(registry_->list("acme")[0].name, "Order Completed");
}

TEST(InstallationKey, IsTakenFromTheLogUntilSomethingWasPublished) {
  const std::string directory = ::testing::TempDir() + "/installation-key-" + std::to_string(getpid());
  std::filesystem::remove_all(directory);
  {
    auto made = Installation::open(directory, env::real_random());
    ASSERT_TRUE(made);
    EXPECT_TRUE((*made)->adopt_hash_key("0123456789abcdef", "the topics"));
    EXPECT_TRUE((*made)->learn_published(7, "aa"));
    EXPECT_EQ((*made)->revision_for({}, 6, 7, false).error().code, Code::kInvalid);
  }
  auto again = Installation::open(directory, env::real_random());
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->hash_key(), "0123456789abcdef");
  EXPECT_TRUE((*again)->adopt_hash_key("0123456789abcdef", "the topics"));
  const Status other = (*again)->adopt_hash_key("fedcba9876543210", "the topics");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::kInvalid);
  EXPECT_NE(other.error().message.find("another key than the topics"), std::string::npos);
  std::filesystem::remove_all(directory);
}

TEST(InstallationRules, ANewerLogicNeedsNoOtherRevision) {
  v1::Control rules;
  rules.add_tenants()->set_name("acme");
  rules.set_logic_version(1);
  const std::string before = Installation::fingerprint(rules);
  rules.set_logic_version(2);
  EXPECT_EQ(Installation::fingerprint(rules), before);
  rules.add_tenants()->set_name("beta");
  EXPECT_NE(Installation::fingerprint(rules), before);
}

TEST(InstallationFile, NoDamageOfItGoesUnseen) {
  const std::string directory = ::testing::TempDir() + "/installation-file-" + std::to_string(getpid());
  const std::string path = directory + "/installation";
  std::filesystem::remove_all(directory);
  ASSERT_TRUE(Installation::open(directory, env::real_random()));
  std::ifstream in(path);
  const std::string whole(std::istreambuf_iterator<char>(in), {});
  const auto open_with = [&](const std::string& text) {
    std::ofstream(path, std::ios::trunc) << text;
    return Installation::open(directory, env::real_random());
  };
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(open_with(damaged)) << i;
    EXPECT_FALSE(open_with(whole.substr(0, i))) << i;
  }
  const auto appended = open_with(whole + "x: y\n");
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code, Code::kCorrupt);
  EXPECT_NE(appended.error().message.find(path), std::string::npos);
  EXPECT_TRUE(open_with(whole.substr(whole.find('\n') + 1))) << "as the first release wrote it, without a checksum";
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_FALSE(Installation::open(directory, env::real_random()));
  std::filesystem::remove_all(directory);
}

TEST(InstallationFile, ADirectoryIsItsOwnersAlone) {
  const std::string directory = ::testing::TempDir() + "/installation-rights-" + std::to_string(getpid());
  using std::filesystem::perms;
  std::filesystem::create_directories(directory);
  std::filesystem::permissions(directory, perms::owner_all | perms::group_read | perms::others_exec);
  ASSERT_TRUE(Installation::open(directory, env::real_random()));
  EXPECT_EQ(std::filesystem::status(directory).permissions(), perms::owner_all);
  std::filesystem::remove_all(directory);
}

TEST(InstallationRelease, IsRefusedByOneThatCanNotReadItsDataAndNobodyElse) {
  const std::string directory = ::testing::TempDir() + "/installation-release-" + std::to_string(getpid());
  std::filesystem::remove_all(directory);
  const auto open_as = [&](const Release& own) -> Status {
    const auto opened = Installation::open(directory, env::real_random(), own);
    if (!opened) return tl::unexpected(opened.error());
    return {};
  };
  EXPECT_TRUE(open_as({"1.0.0", 2, 1}));
  EXPECT_TRUE(open_as({"1.1.0", 2, 2}));
  const Status older = open_as({"1.0.0", 2, 1});
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code, Code::kInvalid);
  EXPECT_EQ(
      older.error().message,
      "data_dir " + directory +
          ": last used by freshet 1.1.0 (state format 2, logic version 2), which this freshet 1.0.0 (state format "
          "2, logic version 1) can't read: install freshet 1.1.0 or newer");
  EXPECT_TRUE(open_as({"1.1.0", 2, 2})) << "the refused one has left something behind";
  EXPECT_TRUE(open_as({"2.0.0", 3, 2}));
  EXPECT_FALSE(open_as({"1.1.0", 2, 9})) << "an older state format";
  EXPECT_TRUE(open_as({"1.9.0", 3, 2})) << "an older release of the same formats";
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace freshet::app
