#include "mirror/config.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/pattern.h"
#include "mirror/marks.h"
#include "mirror/share.h"
#include "mirror/topics.h"
#include "mirror/transform.h"

namespace freshet::mirror {
namespace {

std::optional<Config> parsed(const std::string& text, std::string* problems = nullptr) {
  yaml::Problems found("mirror.yaml");
  auto config = parse_config(text, {}, found);
  if (problems != nullptr) *problems = found.text();
  return config;
}

constexpr const char* kEnds =
    "name: shop\nsource: {name: front, brokers: 'a:1', properties: {security.protocol: ssl}}\n"
    "target: {name: back, brokers: 'b:1'}\n";

TEST(MirrorConfig, ReadsWhatItSays) {
  const auto config =
      parsed(std::string(kEnds) +
             "topics: [{match: 'orders.*', to: 'f.*', partitions: 7, keyless: spread, priority: high, "
             "bandwidth: 1MiB, where: [{field: country, is: [IN]}], fields: [a]}]\nexclude: ['*.tmp']\n");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->prefix, "freshet.mirror.shop");
  EXPECT_EQ(config->topics[0], (TopicRule{"orders.*",
                                          "f.*",
                                          7,
                                          Keyless::kSpread,
                                          Priority::kHigh,
                                          1u << 20,
                                          OnLoss::kStop,
                                          Producers::kJava,
                                          {{"country", {"IN"}}},
                                          {"a"}}));
  EXPECT_EQ(choose(*config, "orders.x")->to, "f.x");
  EXPECT_FALSE(choose(*config, "orders.x.tmp"));
  EXPECT_FALSE(choose(*config, "others"));
  EXPECT_FALSE(choose(*config, "__consumer_offsets"));
  EXPECT_EQ(source_of_progress(*config, progress_topic(*config, "orders.x")), "orders.x");
}

TEST(MirrorConfig, SaysWhatIsWrong) {
  std::string problems;
  EXPECT_FALSE(parsed("name: a\nsource: {name: x, brokers: b}\ntarget: {name: x, brokers: b}\ntopics: [{match: a}]\n",
                      &problems));
  EXPECT_NE(problems.find("target.name"), std::string::npos) << problems;
  EXPECT_FALSE(parsed(std::string(kEnds) + "topics: [{match: 'a*', to: b}]\n", &problems));
  EXPECT_NE(problems.find("would put all topics"), std::string::npos) << problems;
  EXPECT_FALSE(parsed(std::string(kEnds) + "topics: [{match: a, partitons: 3}]\n", &problems));
  EXPECT_NE(problems.find("did you mean"), std::string::npos) << problems;
  EXPECT_FALSE(
      parsed("name: a\nsource: {name: x, brokers: b, properties: {group.id: g}}\ntarget: {name: y, brokers: b}\n"
             "topics: [{match: a}]\n",
             &problems));
  EXPECT_NE(problems.find("group.id"), std::string::npos) << problems;
}

TEST(MirrorPattern, TakesStars) {
  EXPECT_TRUE(fits_pattern("*", ""));
  EXPECT_TRUE(fits_pattern("a*c*e", "abcde"));
  EXPECT_FALSE(fits_pattern("a*c", "abcd"));
  EXPECT_EQ(match_pattern("a.*.z", "a.b.z"), "b");
  EXPECT_EQ(match_pattern("*", "x"), "x");
  EXPECT_EQ(match_pattern("x", "x"), "");
  EXPECT_FALSE(match_pattern("x", "y"));
}

TEST(MirrorPlace, IsThatOfJavasProducers) {
  TopicRule rule{.match = "*", .partitions = 7};
  EXPECT_EQ(place(rule, 2, 7, "21"), static_cast<int32_t>((static_cast<uint32_t>(-973932308) & 0x7fffffffu) % 7));
  EXPECT_FALSE(place(rule, 2, 7, std::nullopt));
  rule.keyless = Keyless::kSpread;
  EXPECT_EQ(place(rule, 9, 7, std::nullopt), 2);
  rule.partitions = 0;
  EXPECT_EQ(place(rule, 9, 10, "21"), 9);
}

TEST(MirrorTransform, FiltersAndProjects) {
  TopicRule rule{.match = "*", .where = {{"c", {"IN", "1", "true"}}}, .fields = {"b", "x"}};
  Transform transform(rule);
  std::string out;
  EXPECT_EQ(transform.apply(R"({"c":"IN","b":{"d":[1,2]},"x":"é"})", out), Fate::kPass);
  EXPECT_EQ(out, R"({"b":{"d":[1,2]},"x":"é"})");
  EXPECT_EQ(transform.apply(R"({"c":1})", out), Fate::kPass);
  EXPECT_EQ(out, "{}");
  EXPECT_EQ(transform.apply(R"({"c":true})", out), Fate::kPass);
  EXPECT_EQ(transform.apply(R"({"c":"US"})", out), Fate::kLeftOut);
  EXPECT_EQ(transform.apply(R"({})", out), Fate::kLeftOut);
  EXPECT_EQ(transform.apply("[1]", out), Fate::kPoison);
  EXPECT_EQ(transform.apply("{", out), Fate::kPoison);
}

TEST(MirrorTopics, CarriesOnlyWhatIsTheTopicsOwn) {
  using cluster::ConfigSource;
  const auto out =
      mirrored_configs({{"retention.ms", "1", ConfigSource::kTopic, false, false},
                        {"cleanup.policy", "delete", ConfigSource::kDefault, false, false},
                        {"leader.replication.throttled.replicas", "*", ConfigSource::kTopic, false, false}});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0], (cluster::ConfigChange{"retention.ms", "1"}));
}

// Timestamps stay, and a backlog is not refused for its age.
TEST(MirrorTopics, TimestampsStayWhatTheyAre) {
  using cluster::ConfigSource;
  const std::vector<cluster::Config> source = {
      {"message.timestamp.type", "LogAppendTime", ConfigSource::kTopic, false, false},
      {"message.timestamp.before.max.ms", "1000", ConfigSource::kTopic, false, false},
      {"message.timestamp.after.max.ms", "1000", ConfigSource::kTopic, false, false},
      {"cleanup.policy", "compact", ConfigSource::kDefault, false, false}};
  const std::vector<cluster::ConfigChange> wanted = {{"message.timestamp.type", "CreateTime"},
                                                     {"message.timestamp.after.max.ms", "1000"}};
  EXPECT_EQ(mirrored_configs(source), wanted);
  // What the source's brokers decide counts for a topic that is made.
  const std::vector<cluster::ConfigChange> first = first_configs({source.back()});
  EXPECT_EQ(first, (std::vector<cluster::ConfigChange>{{"cleanup.policy", "compact"},
                                                       {"message.timestamp.type", "CreateTime"}}));
}

TEST(MirrorTopics, SaysWhatWouldLoseRecords) {
  using cluster::ConfigSource;
  const std::vector<cluster::Config> compacted = {
      {"cleanup.policy", "compact,delete", ConfigSource::kTopic, false, false}};
  EXPECT_EQ(misfit_of("t", {}, {}), "");
  EXPECT_EQ(misfit_of("t", compacted, compacted), "");
  EXPECT_NE(misfit_of("t", {}, compacted).find("compaction would remove"), std::string::npos);
  EXPECT_NE(misfit_of("t", compacted, {}).find("would be deleted; set it to compact,delete"), std::string::npos);
}

RC_GTEST_PROP(MirrorMarks, ComeBackFromText, (int64_t source, std::vector<int64_t> target, int64_t made_ms)) {
  const Mark mark{source, target, made_ms};
  const auto back = decode_mark(encode(mark));
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == mark);
}

// Bytes that other releases have written.
TEST(MirrorMarks, AreWrittenSo) {
  EXPECT_EQ(encode(Mark{5, {1, 2}, 9}), R"({"source":5,"target":[1,2],"made_ms":9})");
  EXPECT_FALSE(decode_mark("{}"));
  EXPECT_FALSE(decode_mark("x"));
  EXPECT_EQ(mark_key(7, 6), "mark-0-7");
  EXPECT_EQ(mark_key(64, 63), "mark-1-1");
  EXPECT_EQ(mark_key(8192, 8191), "mark-2-2");
  EXPECT_EQ(mark_key(8193 + 512, 8192 + 512), "mark-0-1");
}

TEST(MirrorNotes, ComeBackFromText) {
  for (const Note& note : {Note{}, Note{3, 0, 0, 0}, Note{5, 3, 0, 0}, Note{5, 3, 1'700'000'000'000, 17}})
    EXPECT_EQ(decode_note(encode(note)), note);
  EXPECT_EQ(encode(Note{3, 2, 17, 4}), "3 was=2 until=17 moved=4");
  EXPECT_EQ(decode_note("junk"), Note{});
}

}  // namespace
}  // namespace freshet::mirror
