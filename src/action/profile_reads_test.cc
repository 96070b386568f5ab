#include "action/profile_reads.h"

#include <gtest/gtest.h>

#include <utility>

#include "action/fingerprint.h"
#include "model/home.h"
#include "model/identifier.h"
#include "testing/clock.h"

namespace freshet::action {
namespace {

constexpr uint32_t kReadPartitions = 4;

ProfileQuestion by_email(const std::string& value) {
  ProfileQuestion question{"t", v1::ENTITY_KIND_USER, v1::Identifier(), {}};
  question.identifier->set_type("email");
  question.identifier->set_value(value);
  return question;
}

Hash128 id_in(uint32_t partition, const std::string& name) {
  for (model::Home home = 0;; ++home)
    if (const Hash128 id = model::with_home(hash128(name), home); model::partition_of(id, kReadPartitions) == partition)
      return id;
}

v1::Document document_of(const std::string& email, uint64_t version) {
  v1::Document document;
  document.set_version(version);
  v1::Field& field = *document.add_fields();
  field.set_section(v1::IDENTIFIERS);
  field.set_name("email");
  field.mutable_value()->mutable_list()->add_values()->set_text(email);
  return document;
}

// Says what it was told to say, in this order, and remembers whom it was asked.
class Script final : public ProfileSource {
 public:
  void ask(uint32_t partition, ProfileQuestion question, ProfileAnswered answered) override {
    asked.emplace_back(partition, std::move(question));
    ASSERT_LT(next, answers.size());
    answered(answers[next++]);
  }
  std::vector<Result<ProfileAnswer>> answers;
  std::vector<std::pair<uint32_t, ProfileQuestion>> asked;
  size_t next = 0;
};

std::optional<FoundProfile> found_by(Script& script, const ProfileQuestion& question) {
  std::optional<FoundProfile> out;
  int calls = 0;
  find_profile(script, kReadPartitions, question, [&](Result<std::optional<FoundProfile>> found) {
    ++calls;
    ASSERT_TRUE(found);
    out = std::move(*found);
  });
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(script.next, script.answers.size());
  return out;
}

TEST(FindProfile, GoesFromTheHomeOverRedirectsToTheDocument) {
  const Hash128 loser = id_in(1, "loser"), survivor = id_in(2, "survivor");
  Script script;
  script.answers = {ProfileAnswer{5, loser, {}}, ProfileAnswer{6, survivor, {}},
                    ProfileAnswer{7, {}, document_of("a@b.c", 3)}};
  const auto found = found_by(script, by_email("a@b.c"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, survivor);
  EXPECT_EQ(found->document.version(), 3u);
  ASSERT_EQ(script.asked.size(), 3u);
  EXPECT_EQ(script.asked[0].first,
            model::home_of("t", v1::ENTITY_KIND_USER, *by_email("a@b.c").identifier, kReadPartitions));
  EXPECT_EQ(script.asked[1].first, 1u);
  EXPECT_EQ(script.asked[2].first, 2u);
  EXPECT_FALSE(script.asked[2].second.identifier);
}

TEST(FindProfile, NobodyIsNobody) {
  Script script;
  script.answers = {ProfileAnswer{}};
  EXPECT_FALSE(found_by(script, by_email("a@b.c")));
}

// The identifier went from one profile to another, and its home has not heard of it yet.
TEST(FindProfile, AsksAgainWhereWhoHasAnIdentifierDoesNotListIt) {
  const Hash128 before = id_in(0, "before"), now = id_in(3, "now");
  Script script;
  script.answers = {ProfileAnswer{1, before, {}}, ProfileAnswer{1, {}, document_of("other@b.c", 1)},
                    ProfileAnswer{2, now, {}}, ProfileAnswer{2, {}, document_of("a@b.c", 1)}};
  const auto found = found_by(script, by_email("a@b.c"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, now);
}

TEST(FindProfile, NeverShowsAProfileThatDoesNotListTheIdentifier) {
  const Hash128 holder = id_in(0, "holder");
  Script script;
  for (int i = 0; i < 4; ++i) {
    script.answers.emplace_back(ProfileAnswer{1, holder, {}});
    script.answers.emplace_back(ProfileAnswer{1, {}, document_of("other@b.c", 1)});
  }
  EXPECT_FALSE(found_by(script, by_email("a@b.c")));
}

TEST(FindProfile, PassesErrorsOn) {
  Script script;
  script.answers = {ProfileAnswer{1, id_in(1, "x"), {}}, fail(Code::kRetry, "later")};
  Code code = Code::kInvalid;
  find_profile(script, kReadPartitions, by_email("a@b.c"), [&](const auto& found) { code = found.error().code; });
  EXPECT_EQ(code, Code::kRetry);
}

// Each identifier's home is asked, for the fingerprint that a record which names it first has there.
TEST(FindMessage, AsksTheHomeOfEachSender) {
  const v1::Identifier a = *by_email("a@b.c").identifier, b = *by_email("b@b.c").identifier;
  const auto found_by_homes = [&](std::vector<Result<ProfileAnswer>> answers) {
    Script script;
    script.answers = std::move(answers);
    std::optional<Result<bool>> out;
    find_message(script, kReadPartitions, {"t", v1::ENTITY_KIND_USER, std::nullopt, {}}, {a, b}, "m1",
                 [&](Result<bool> found) { out = std::move(found); });
    EXPECT_EQ(script.asked.size(), 2u);
    for (size_t i = 0; i < 2; ++i) {
      const v1::Identifier& of = i == 0 ? a : b;
      EXPECT_EQ(script.asked[i].first, model::home_of("t", v1::ENTITY_KIND_USER, of, kReadPartitions));
      const Hash128 key = model::alias_key(std::string(16, 'k'), "t", v1::ENTITY_KIND_USER, of);
      EXPECT_EQ(script.asked[i].second.message, fingerprint("t", "m1", "", model::home_in(key)));
    }
    return *out;
  };
  const ProfileAnswer seen{1, {}, {}, true}, not_seen{1, {}, {}, false};
  EXPECT_TRUE(*found_by_homes({not_seen, seen}));
  EXPECT_FALSE(*found_by_homes({not_seen, not_seen}));
  EXPECT_TRUE(*found_by_homes({seen, fail(Code::kRetry, "later")})) << "one that has seen it is enough";
  EXPECT_FALSE(found_by_homes({not_seen, fail(Code::kRetry, "later")})) << "nobody knows";
}

class ProfileReadsTest : public ::testing::Test {
 protected:
  void ask(uint32_t partition) {
    reads_.ask(partition, by_email("a@b.c"), [this](const Result<ProfileAnswer>& answer) {
      ++(answer ? answered_ : refused_);
      if (!answer) {
        EXPECT_EQ(answer.error().code, Code::kRetry);
      }
    });
  }
  bool answer(uint32_t partition) {
    return reads_.answer(partition, [](const ProfileQuestion&) { return ProfileAnswer{}; });
  }

  env::FakeClock clock_{1'000'000};
  ProfileReads reads_{kReadPartitions, clock_};
  int answered_ = 0, refused_ = 0;
};

TEST_F(ProfileReadsTest, QuestionsWaitForTheirPartition) {
  int woken = 0;
  reads_.set_wake(0, [&] { ++woken; });
  EXPECT_FALSE(reads_.any());
  ask(2);
  EXPECT_EQ(woken, 1);
  EXPECT_TRUE(reads_.any());
  EXPECT_TRUE(answer(1));
  EXPECT_EQ(answered_, 0);
  EXPECT_TRUE(answer(2));
  EXPECT_EQ(answered_, 1);
  EXPECT_FALSE(reads_.any());
  reads_.set_wake(0, nullptr);
  ask(2);
  EXPECT_EQ(woken, 1);
}

TEST_F(ProfileReadsTest, RecordsGetTheirTurnAndQueuesAreBounded) {
  for (int i = 0; i < 2'000; ++i) ask(0);
  EXPECT_EQ(refused_, 2'000 - 1'024);
  EXPECT_FALSE(answer(0)) << "not all at once";
  EXPECT_GT(answered_, 0);
  EXPECT_LT(answered_, 100);
  while (!answer(0)) {
  }
  EXPECT_EQ(answered_, 1'024);
}

TEST_F(ProfileReadsTest, WhoWaitsTooLongComesAgain) {
  ask(0);
  clock_.sleep_us(1'000'000);
  reads_.expire();
  EXPECT_EQ(refused_, 0);
  ask(1);
  clock_.sleep_us(4'500'000);
  reads_.expire();
  EXPECT_EQ(refused_, 1);
  EXPECT_TRUE(answer(1));
  EXPECT_EQ(answered_, 1);
}

TEST_F(ProfileReadsTest, TheEndAnswersEverybody) {
  ask(0);
  ask(3);
  reads_.close();
  EXPECT_EQ(refused_, 2);
  ask(1);
  EXPECT_EQ(refused_, 3);
  EXPECT_FALSE(reads_.any());
}

}  // namespace
}  // namespace freshet::action
