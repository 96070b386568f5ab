// Two sides that were compared up to some place, and go on: what a look from there says is what one at all of it says.
#include "mirror/verify/verify.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

#include "mirror/transform.h"
#include "testing/cluster/fake_cluster.h"
#include "testing/dice.h"

namespace freshet::mirror {
namespace {

using testing::FakeCluster;
using testing::FakeRecord;

constexpr int32_t kFromPartitions = 2;
constexpr const char* kCopied = "copy";

// A mirror's work, done by hand: records are copied in their order, and the position follows.
struct CopiedTopic {
  CopiedTopic(uint64_t seed, bool by_key, bool with_compaction) : dice(seed), compacted(with_compaction) {
    config.name = "m";
    config.prefix = "freshet.mirror.m";
    config.source.name = "front";
    config.target.name = "back";
    config.loops = Loops::kAllowed;
    config.topics = {{.match = "orders", .to = kCopied}};
    config.topics[0].keyless = Keyless::kSpread;
    if (by_key) config.topics[0].partitions = 3;
    const std::string policy = compacted ? "compact" : "delete";
    for (FakeCluster* side : {&source, &target})
      side->make(side == &source ? "orders" : kCopied, side == &source || !by_key ? kFromPartitions : 3,
                 {{"cleanup.policy", policy, cluster::ConfigSource::kTopic, false, false}});
    target.make(progress_topic(config, "orders"), kFromPartitions);
    target.make(letters_topic(config), 1);
  }

  void produce() {
    FakeRecord record;
    record.timestamp_ms = ++made;
    if (compacted || !dice.one_in(8)) record.key = "k" + std::to_string(dice.roll(7));
    if (!dice.one_in(6)) record.value = "v" + std::to_string(dice.roll(4));
    const auto partition = record.key ? static_cast<int32_t>(partition_of(*record.key, kFromPartitions))
                                      : static_cast<int32_t>(dice.roll(kFromPartitions));
    source.produce("orders", partition, std::move(record));
  }
  void copy() {
    const auto partition = static_cast<int32_t>(dice.roll(kFromPartitions));
    auto& entries = source.topics.at("orders")[static_cast<size_t>(partition)].entries;
    int64_t& at = copied[partition];
    for (size_t left = dice.roll(4); left > 0 && at < static_cast<int64_t>(entries.size()); --left, ++at) {
      const auto& entry = entries[static_cast<size_t>(at)];
      if (entry.marker) continue;
      const auto& record = entry.record;
      const auto to = place(config.topics[0], partition, target.partitions(kCopied),
                            record.key ? std::optional<std::string_view>(*record.key) : std::nullopt);
      target.produce(kCopied, *to, record);
    }
  }
  // What verify is told may be less than what was copied by then.
  void commit() {
    const auto partition = static_cast<int32_t>(dice.roll(kFromPartitions));
    const cluster::PartitionRef of{progress_topic(config, "orders"), partition};
    int64_t& next = committed[partition];
    next = dice.between(next, copied[partition]);
    target.groups[group_of(config)].places[of] = {of, next, ""};
  }
  // A record goes whose key has a later one.
  void compact(FakeCluster& side, const std::string& topic) {
    for (auto& log : side.topics.at(topic)) {
      const size_t at = dice.roll(log.entries.size() + 1);
      if (at == log.entries.size() || log.entries[at].marker) continue;
      const bool later =
          std::any_of(log.entries.begin() + static_cast<std::ptrdiff_t>(at) + 1, log.entries.end(),
                      [&](const auto& one) { return !one.marker && one.record.key == log.entries[at].record.key; });
      if (later) log.entries[at].marker = true;
    }
  }
  void step() {
    switch (dice.roll(8)) {
      case 0: return commit();
      case 1: return compacted ? compact(source, "orders") : produce();
      case 2: return compacted ? compact(target, kCopied) : copy();
      case 3:
      case 4: return copy();
      default: return produce();
    }
  }
  Verdict look(const VerifiedSoFar* from) {
    struct Both final : Sides {
      explicit Both(CopiedTopic& with) : of(with), from(with.source.admin()), to(with.target.admin()) {}
      env::Clock& clock() override { return of.time; }
      cluster::Admin& source() override { return *from; }
      cluster::Admin& target() override { return *to; }
      Result<std::unique_ptr<cluster::Reader>> read_source() override { return of.source.reader(); }
      Result<std::unique_ptr<cluster::Reader>> read_target() override { return of.target.reader(); }
      CopiedTopic& of;
      const std::unique_ptr<cluster::Admin> from, to;
    } sides(*this);
    VerifyOptions options;
    options.so_far = from;
    auto verdict = verify(config, sides, options);
    EXPECT_TRUE(verdict) << verdict.error().message;
    return *std::move(verdict);
  }

  Dice dice;
  const bool compacted;
  env::FakeClock time;
  FakeCluster source{time}, target{time};
  Config config;
  std::map<int32_t, int64_t> copied, committed;
  int64_t made = 0;
};

RC_GTEST_PROP(VerifySoFar, SaysWhatAWholeLookSays, (uint64_t seed, bool by_key, bool compacted)) {
  CopiedTopic topic(seed, by_key, compacted);
  VerifiedSoFar so_far;
  size_t went_on = 0;
  for (int look = 0; look < 12; ++look) {
    for (size_t i = topic.dice.roll(40); i > 0; --i) topic.step();
    const Verdict whole = topic.look(nullptr);
    Verdict on = topic.look(&so_far);
    RC_ASSERT(whole.same());
    RC_ASSERT(on.same());
    RC_ASSERT(on.behind() == whole.behind());
    if (!compacted) {
      RC_ASSERT(on.topics[0].compared.source == whole.topics[0].compared.source);
      RC_ASSERT(on.topics[0].compared.target == whole.topics[0].compared.target);
    }
    went_on += on.topics[0].verified_before > 0 ? 1 : 0;
    RC_ASSERT(decode_verified(encode(on.so_far)).value() == on.so_far);
    so_far = std::move(on.so_far);
  }
  RC_CLASSIFY(went_on > 0);
  if (compacted) return;  // What is wrong with an earlier record of a key does not count there.
  // Something goes wrong behind the cut, and the mirror comes to its end.
  for (int i = 0; i < 60; ++i) topic.step();
  for (int32_t p = 0; p < kFromPartitions; ++p) {
    for (int i = 0; i < 400; ++i) topic.copy();
    topic.committed[p] = topic.copied[p];
    const cluster::PartitionRef of{progress_topic(topic.config, "orders"), p};
    topic.target.groups[group_of(topic.config)].places[of] = {of, topic.copied[p], ""};
  }
  const auto known = so_far.topics.find("orders");
  for (size_t t = 0; t < topic.target.partitions(kCopied); ++t) {
    auto& entries = topic.target.topics.at(kCopied)[t].entries;
    const auto from = known == so_far.topics.end() ? 0 : static_cast<size_t>(known->second.target.at(t));
    if (from >= entries.size()) continue;
    const size_t at = from + topic.dice.roll(entries.size() - from);
    if (topic.dice.one_in(2)) {
      entries[at].marker = true;
    } else {
      entries.push_back(entries[at]);
    }
    const Verdict whole = topic.look(nullptr), on = topic.look(&so_far);
    RC_ASSERT(!whole.same());
    RC_ASSERT(!on.same());
    RC_ASSERT(verdict_text(on) == verdict_text(whole));
    RC_ASSERT(on.so_far == so_far);
    return;
  }
}

TEST(VerifySoFar, BeginsAnewUnderOtherRules) {
  CopiedTopic topic(3, true, false);
  for (int i = 0; i < 50; ++i) topic.produce();
  for (int i = 0; i < 100; ++i) topic.copy();
  for (int i = 0; i < 20; ++i) topic.commit();
  const VerifiedSoFar so_far = topic.look(nullptr).so_far;
  EXPECT_TRUE(so_far.topics.empty()) << "nobody has asked for it";
  const VerifiedSoFar asked = topic.look(&so_far).so_far;
  ASSERT_EQ(asked.topics.size(), 1u);
  EXPECT_GT(topic.look(&asked).topics[0].verified_before, 0u);
  topic.config.topics[0].fields = {"a"};
  EXPECT_EQ(topic.look(&asked).topics[0].verified_before, 0u);
  topic.config.topics[0].fields.clear();
  for (auto& log : topic.target.topics.at(kCopied)) log.entries.clear();
  const Verdict anew = topic.look(&asked);
  EXPECT_EQ(anew.topics[0].verified_before, 0u);
  EXPECT_FALSE(anew.same()) << "the topic was made anew";
}

TEST(VerifySoFar, RefusesWhatItHasNotWritten) {
  const VerifiedSoFar so_far{
      "m", 5, {{"t", {"c", "r", {1, 2}, {3}, {{hash128("u"), hash128("h"), 7, 2, 1, true, false}}, 9, 8}}}};
  const std::string text = encode(so_far);
  EXPECT_EQ(decode_verified(text).value(), so_far);
  EXPECT_EQ(
      text,
      R"({"v":1,"mirror":"m","from_ms":5,"topics":[{"topic":"t","to":"c","rules":"r","source":[1,2],"target":[3],)"
      R"("promised":9,"in_target":8,"ahead":[{"unit":")" +
          hash128("u").hex() + R"(","hash":")" + hash128("h").hex() +
          R"(","sum":7,"count":2,"partition":1,"gone":true,"several":false}]}]})");
  for (size_t cut = 0; cut < text.size(); cut += 5) EXPECT_FALSE(decode_verified(text.substr(0, cut)));
  std::string other = text;
  other[5] = '2';
  EXPECT_FALSE(decode_verified(other));
}

}  // namespace
}  // namespace freshet::mirror
