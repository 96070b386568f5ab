#include "mirror_checks.h"

#include <fmt/core.h>

#include <algorithm>
#include <span>

#include "base/text.h"
#include "mirror/offsets.h"
#include "mirror/transform.h"

namespace freshet::sim {
namespace {

using testing::FakeCluster;
using testing::FakeRecord;

struct Spot {
  int32_t partition = 0;
  int64_t offset = 0;
};

std::string copy_of(const mirror::Config& config, const std::string& topic) {
  const auto chosen = mirror::choose(config, topic);
  require(chosen.has_value(), [&] { return "no rule for " + topic; });
  return chosen->to;
}

std::vector<std::string> texts_of(const FakeCluster& cluster, const std::string& topic, int32_t partition,
                                  const std::optional<std::string>& key) {
  std::vector<std::string> out;
  for (const auto& [offset, record] : cluster.committed(topic, partition))
    if (record.key == key) out.push_back(text_of(record));
  return out;
}

// Where records of a key lie, in the order in which the target's numbers of partitions were configured.
std::vector<int32_t> places_of(const MirroredTopic& topic, const std::string& key, const Sent& one) {
  if (topic.rule.partitions == 0) return {one.partition};
  const bool has_key = !key.starts_with('#');
  std::vector<int32_t> out;
  for (const uint32_t number : topic.numbers) {
    const auto to =
        mirror::place(topic.rule, one.partition, number, has_key ? std::optional<std::string_view>(key) : std::nullopt);
    if (to && std::find(out.begin(), out.end(), *to) == out.end()) out.push_back(*to);
  }
  return out;
}

void check_same(const std::string& what, const std::vector<std::string>& wanted, const std::vector<std::string>& got) {
  require(wanted == got, [&] {
    size_t at = 0;
    while (at < wanted.size() && at < got.size() && wanted[at] == got[at]) ++at;
    const auto from = [at](const std::vector<std::string>& all) {
      return joined(std::span(all).subspan(at, std::min<size_t>(all.size() - at, 4)), " ");
    };
    return fmt::format("{}: {} records instead of {}; from the {}th on: {} instead of {}", what, got.size(),
                       wanted.size(), at + 1, from(got), from(wanted));
  });
}

// Records of partitions one to one are in the source's order, whatever their keys.
void check_partitions(const FakeCluster& source, const FakeCluster& target, const std::string& from,
                      const std::string& to, const std::set<std::string>& mirrored) {
  for (int32_t p = 0; p < static_cast<int32_t>(source.partitions(from)); ++p) {
    std::vector<std::string> wanted, got;
    for (const auto& entry : source.topics.at(from)[static_cast<size_t>(p)].entries) {
      const std::string text = text_of(entry.record);
      const bool there = !entry.marker && mirrored.contains(text);
      if (there) wanted.push_back(text);
    }
    for (const auto& [offset, record] : target.committed(to, p)) got.push_back(text_of(record));
    check_same(fmt::format("{}[{}]", to, p), wanted, got);
  }
}

// A letter's time is when it was written.
FakeRecord original_of(FakeRecord letter) {
  for (const auto& [name, value] : letter.headers)
    if (name == "freshet.mirror.timestamp") letter.timestamp_ms = std::stoll(value.value_or("-1"));
  return letter;
}

class Sides final : public mirror::Sides {
 public:
  explicit Sides(MirrorStage& stage) : stage_(stage), source_(stage.source.admin()), target_(stage.target.admin()) {}
  env::Clock& clock() override { return stage_.clock; }
  cluster::Admin& source() override { return *source_; }
  cluster::Admin& target() override { return *target_; }
  Result<std::unique_ptr<cluster::Reader>> read_source() override { return stage_.source.reader(); }
  Result<std::unique_ptr<cluster::Reader>> read_target() override { return stage_.target.reader(); }

 private:
  MirrorStage& stage_;
  const std::unique_ptr<cluster::Admin> source_, target_;
};

}  // namespace

void check_copies(const FakeCluster& source, const FakeCluster& target, const mirror::Config& config,
                  const MirroredTopic& topic, const MirrorClients::ByKey& sent) {
  const std::string to = copy_of(config, topic.name);
  std::multiset<std::string> letters, set_aside;
  std::set<std::string> mirrored;
  for (const auto& [key, records] : sent) {
    // Records without a key have an order within a partition of the source; the others within their key.
    std::vector<std::string> wanted, got;
    for (const Sent& one : records) {
      if (!one.committed()) continue;
      if (one.destiny == Destiny::kMirrored) wanted.push_back(one.text);
      if (one.destiny == Destiny::kMirrored) mirrored.insert(one.text);
      if (one.destiny == Destiny::kSetAside) set_aside.insert(one.text);
    }
    const auto real_key = key.starts_with('#') ? std::nullopt : std::optional(key);
    if (topic.rule.partitions == 0) continue;
    // Those of several partitions may share one of the target, so without a key only what is theirs is looked at.
    const std::set<std::string> own(wanted.begin(), wanted.end());
    for (const int32_t place : places_of(topic, key, records.front()))
      for (std::string& text : texts_of(target, to, place, real_key))
        if (real_key || own.contains(text)) got.push_back(std::move(text));
    check_same(fmt::format("{} in {}", key, to), wanted, got);
  }
  if (topic.rule.partitions == 0) check_partitions(source, target, topic.name, to, mirrored);
  size_t there = 0;
  for (uint32_t p = 0; p < target.partitions(to); ++p) there += target.committed(to, static_cast<int32_t>(p)).size();
  require(there == mirrored.size(),
          [&] { return fmt::format("{} has {} records instead of {}", to, there, mirrored.size()); });
  for (const auto& [offset, record] : target.committed(mirror::letters_topic(config), 0))
    for (const auto& [name, value] : record.headers)
      if (name == "freshet.mirror.topic" && value == topic.name) letters.insert(text_of(original_of(record)));
  check_same("dead letters of " + topic.name, {set_aside.begin(), set_aside.end()}, {letters.begin(), letters.end()});
}

void check_moved(const FakeCluster& target, const mirror::Config& config,
                 const std::map<std::string, MirrorClients::ByKey>& sent, const std::vector<MovedGroup>& groups) {
  std::map<std::string, Spot> places;  // of records, by what is seen of them
  for (const auto& [topic, by_key] : sent) {
    const std::string to = copy_of(config, topic);
    for (int32_t p = 0; p < static_cast<int32_t>(target.partitions(to)); ++p)
      for (const auto& [offset, record] : target.committed(to, p)) places[text_of(record)] = {p, offset};
  }
  for (const MovedGroup& group : groups) {
    const auto of_topic = sent.find(group.topic);
    if (of_topic == sent.end()) continue;
    for (const auto& [key, records] : of_topic->second) {
      for (const Sent& one : records) {
        const auto partition = static_cast<size_t>(one.partition);
        const bool has_read = partition < group.read.size() && one.offset < group.read[partition];
        const auto at = places.find(one.text);
        if (has_read || at == places.end()) continue;
        const auto to = static_cast<size_t>(at->second.partition);
        const int64_t next = to < group.next.size() ? group.next[to].value_or(0) : 0;
        require(at->second.offset >= next, [&] {
          return fmt::format(
              "a group that had read {}[{}] up to {} was sent to {} of partition {}, ahead of {} of {} at {}",
              group.topic, partition, partition < group.read.size() ? group.read[partition] : 0, next, to, one.text,
              key, at->second.offset);
        });
      }
    }
  }
}

// ---- while it goes on -----------------------------------------------------------------------------------------------

// Where a group that has stopped anywhere would go on, asked while all goes on.
void MirrorJudge::move_group() {
  const MirroredTopic& topic = stage_.topics[stage_.dice.roll(stage_.topics.size())];
  const std::string name = fmt::format("group-{}", moved_.size());
  stage_.source.groups.erase(name);  // of a move that could not be planned, perhaps of the other topic
  MovedGroup moved{topic.name, {}, {}};
  const auto& logs = stage_.source.topics.at(topic.name);
  for (size_t p = 0; p < logs.size(); ++p) {
    const int64_t read = stage_.dice.between(logs[p].first, stage_.source.stable_end(logs[p]));
    moved.read.push_back(read);
    const cluster::PartitionRef of{topic.name, static_cast<int32_t>(p)};
    stage_.source.groups[name].places[of] = {of, read, ""};
  }
  Sides sides(stage_);
  const auto moves = mirror::plan_moves(stage_.config, sides, name, 1'000'000);
  if (!moves || moves->empty()) return;
  stage_.probes.hit(Probe::kMirrorGroupMoved);
  moved.next = moves->at(0).next;
  moved_.push_back(std::move(moved));
}

// Both from the beginning and from where the look before has ended: neither finds anything. Not ok: no answer.
Result<mirror::Verdict> MirrorJudge::verify_both(env::TimeUs silence_us) {
  Sides sides(stage_);
  mirror::VerifyOptions how;
  how.silence_us = silence_us;
  how.so_far = &so_far_;
  FRESHET_ASSIGN(mirror::Verdict on, mirror::verify(stage_.config, sides, how));
  check_verdict(on, "verify that goes on: ");
  const auto read = mirror::decode_verified(encode(on.so_far));
  require(read && *read == on.so_far, "how far verify is can't be read as it was written");
  so_far_ = std::move(on.so_far);
  how.so_far = nullptr;
  return mirror::verify(stage_.config, sides, how);
}

// What verify says while processes run: nothing differs. What was deleted may be what it can't tell of.
void MirrorJudge::verify_running() {
  const auto verdict = verify_both(1'000'000);
  if (!verdict) return;
  stage_.probes.hit(Probe::kMirrorVerified);
  check_verdict(*verdict, "verify of a running mirror: ");
}

void MirrorJudge::check_verdict(const mirror::Verdict& verdict, const char* what) {
  for (const mirror::TopicVerdict& topic : verdict.topics)
    require(topic.compared.different == 0 && (stage_.trimmed || topic.compared.untold == 0),
            [&] { return what + verdict_text(verdict); });
}

// Positions never go back: what lies below one would be written again.
void MirrorJudge::check_positions() {
  const auto group = stage_.target.groups.find(group_of(stage_.config));
  if (group == stage_.target.groups.end()) return;
  for (const auto& [of, place] : group->second.places) {
    int64_t& last = positions_[of];
    require(place.next >= last, [&] {
      return fmt::format("the position of {}[{}] goes back from {} to {}", of.topic, of.partition, last, place.next);
    });
    last = place.next;
  }
}

void MirrorJudge::check_end() {
  for (const MirroredTopic& topic : stage_.topics) {
    const auto sent = clients_.sent().find(topic.name);
    if (sent != clients_.sent().end()) check_copies(stage_.source, stage_.target, stage_.config, topic, sent->second);
  }
  check_moved(stage_.target, stage_.config, clients_.sent(), moved_);
  check_moved_group_at_end();
  plant_and_verify();
}

// A group that has read everything reads nothing again.
void MirrorJudge::check_moved_group_at_end() {
  for (const MirroredTopic& topic : stage_.topics) {
    const auto& logs = stage_.source.topics.at(topic.name);
    for (size_t p = 0; p < logs.size(); ++p) {
      const cluster::PartitionRef of{topic.name, static_cast<int32_t>(p)};
      stage_.source.groups["last"].places[of] = {of, static_cast<int64_t>(logs[p].entries.size()), ""};
    }
  }
  Sides sides(stage_);
  const auto moves = mirror::plan_moves(stage_.config, sides, "last", 1'000'000);
  require(moves.has_value(), [&] { return "a group can't be moved: " + moves.error().message; });
  for (const mirror::GroupMove& move : *moves)
    for (size_t t = 0; t < move.next.size(); ++t)
      for (const auto& [offset, record] : stage_.target.committed(move.to, static_cast<int32_t>(t)))
        require(offset < move.next[t].value_or(0), [&] {
          return fmt::format("a group that has read all of {} reads {} of partition {} again", move.topic, offset, t);
        });
}

// Verify says that all is well, and sees what is wrong: a record that is lost or there twice, and two that have changed
// places.
void MirrorJudge::plant_and_verify() {
  Sides sides(stage_);
  const auto well = verify_both(mirror::VerifyOptions{}.silence_us);
  require(well && well->behind() == 0,
          [&] { return "verify: " + (well ? verdict_text(*well) : well.error().message); });
  check_verdict(*well, "verify: ");
  if (stage_.trimmed) return;  // What is planted may be what can't be told.
  const MirroredTopic& topic = stage_.topics[0];
  std::map<std::string, std::vector<std::pair<size_t, size_t>>> by_key;  // partition and index of each record
  auto& logs = stage_.target.topics.at(topic.rule.to);
  for (size_t p = 0; p < logs.size(); ++p)
    for (const auto& [offset, record] : stage_.target.committed(topic.rule.to, static_cast<int32_t>(p)))
      if (record.key) by_key[*record.key].emplace_back(p, static_cast<size_t>(offset));
  std::erase_if(by_key, [](const auto& one) { return one.second.size() < 2; });
  if (by_key.empty()) return;
  const auto chosen = std::next(by_key.begin(), static_cast<std::ptrdiff_t>(stage_.dice.roll(by_key.size())));
  const auto& places = chosen->second;
  const size_t at = stage_.dice.roll(places.size() - 1);
  auto& entries = logs[places[at].first].entries;
  const size_t one = places[at].second, next = places[at + 1].second;
  const size_t kind = stage_.dice.roll(topic.grown || stage_.renumbered ? 2 : 3);
  if (kind == 0) entries[one].marker = true;
  if (kind == 1) entries.push_back(entries[one]);
  if (kind == 2) std::swap(entries[one], entries[next]);
  const auto verdict = mirror::verify(stage_.config, sides, {});
  require(verdict && !verdict->same(), [&] { return fmt::format("verify does not see what was planted ({})", kind); });
}

}  // namespace freshet::sim
