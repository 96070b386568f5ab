#include "mirror/offsets.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "base/json_writer.h"
#include "base/pattern.h"
#include "cluster/stream/group_offsets.h"
#include "cluster/stream/scan.h"
#include "mirror/shares.h"

namespace freshet::mirror {
namespace {

using cluster::OffsetAt;

// Beside the offsets that are committed for others, to know them again.
constexpr std::string_view kMoveNote = "freshet.mirror";

// A topic with what its translation takes.
struct Translated {
  std::string name, to;
  bool one_to_one = false;
  std::vector<int64_t> first, end;  // of the source
  size_t target_partitions = 0;
  std::vector<Marks> marks;
};

const cluster::LivingTopic* topic_of(const cluster::ClusterView& view, const std::string& name) {
  for (const cluster::LivingTopic& topic : view.topics)
    if (topic.name == name) return &topic;
  return nullptr;
}

Status read_marks(const Config& config, Sides& sides, env::TimeUs silence_us, Translated& topic) {
  const std::string progress = progress_topic(config, topic.name);
  const auto partitions = cluster::partitions_of(progress, static_cast<uint32_t>(topic.marks.size()));
  FRESHET_ASSIGN(const auto first, offsets_of(sides.target(), partitions, OffsetAt::Kind::kEarliest));
  FRESHET_ASSIGN(const auto end, settled_ends(sides.target(), partitions, sides.clock(), silence_us));
  std::vector<cluster::Range> ranges;
  for (size_t p = 0; p < end.size(); ++p) ranges.push_back({static_cast<int32_t>(p), first[p], end[p]});
  FRESHET_ASSIGN(const auto reader, sides.read_target());
  Status fine;
  FRESHET_TRY(scan(*reader, progress, ranges, silence_us, [&](int32_t partition, const cluster::Record& record) {
    auto mark = decode_mark(record.value.value_or(""));
    if (mark) {
      topic.marks[static_cast<size_t>(partition)].add(*std::move(mark));
    } else {
      fine = tl::unexpected(mark.error());
    }
  }));
  return fine;
}

Result<std::vector<Translated>> translated_topics(const Config& config, Sides& sides, env::TimeUs silence_us) {
  FRESHET_ASSIGN(const cluster::ClusterView source, sides.source().describe());
  FRESHET_ASSIGN(const cluster::ClusterView target, sides.target().describe());
  std::vector<Translated> out;
  for (const cluster::LivingTopic& topic : source.topics) {
    const auto chosen = choose(config, topic.name);
    const cluster::LivingTopic* const copy = chosen ? topic_of(target, chosen->to) : nullptr;
    const cluster::LivingTopic* const progress = topic_of(target, progress_topic(config, topic.name));
    // Partitions that the mirror has not seen yet have no marks.
    if (copy == nullptr || progress == nullptr || progress->partitions.size() < topic.partitions.size()) continue;
    Translated& one = out.emplace_back();
    one.name = topic.name;
    one.to = chosen->to;
    one.one_to_one = chosen->rule->partitions == 0;
    one.target_partitions = copy->partitions.size();
    one.marks.resize(topic.partitions.size());
    const auto partitions = cluster::partitions_of(topic.name, static_cast<uint32_t>(topic.partitions.size()));
    FRESHET_ASSIGN(one.first, offsets_of(sides.source(), partitions, OffsetAt::Kind::kEarliest));
    FRESHET_ASSIGN(one.end, offsets_of(sides.source(), partitions, OffsetAt::Kind::kLatest));
    FRESHET_TRY(read_marks(config, sides, silence_us, one));
  }
  return out;
}

// Only partitions of which the group has nothing there, or less and from us: what it has read itself is its own.
void fill_places(const std::vector<cluster::CommittedOffset>& there, const std::vector<int64_t>& first,
                 GroupMove& move) {
  for (size_t t = 0; t < move.next.size(); ++t) {
    const cluster::PartitionRef of{move.to, static_cast<int32_t>(t)};
    const int64_t next = move.next[t].value_or(first[t]);
    const auto known = std::find_if(there.begin(), there.end(), [&](const auto& one) { return one.of == of; });
    if (known != there.end() && known->metadata != kMoveNote) move.refused = "the group has read in the target itself";
    if (known == there.end() || known->next < next) move.places.push_back({of, next, std::string(kMoveNote)});
  }
  if (!move.refused.empty()) move.places.clear();
}

Result<std::optional<GroupMove>> plan_move(Sides& sides, const std::string& group, const Translated& topic) {
  const auto in_source = cluster::partitions_of(topic.name, static_cast<uint32_t>(topic.marks.size()));
  FRESHET_ASSIGN(const auto read, sides.source().committed(group, in_source));
  if (read.empty()) return std::optional<GroupMove>();
  // Of a partition that has nothing, nothing can be missed.
  std::vector<int64_t> positions = topic.first;
  for (size_t p = 0; p < positions.size(); ++p)
    if (topic.first[p] == topic.end[p]) positions[p] = topic.end[p];
  for (const cluster::CommittedOffset& one : read) positions.at(static_cast<size_t>(one.of.partition)) = one.next;
  GroupMove move;
  move.group = group;
  move.topic = topic.name;
  move.to = topic.to;
  move.next = translate(topic.marks, positions, topic.target_partitions, topic.one_to_one);
  const auto in_target = cluster::partitions_of(topic.to, static_cast<uint32_t>(topic.target_partitions));
  FRESHET_ASSIGN(const auto first, offsets_of(sides.target(), in_target, OffsetAt::Kind::kEarliest));
  FRESHET_ASSIGN(const auto there, sides.target().committed(group, in_target));
  fill_places(there, first, move);
  return std::optional<GroupMove>(std::move(move));
}

}  // namespace

Result<std::vector<GroupMove>> plan_moves(const Config& config, Sides& sides, const std::string& group,
                                          env::TimeUs silence_us) {
  std::vector<std::string> groups;
  if (!group.empty()) {
    groups.push_back(group);
  } else {
    FRESHET_ASSIGN(const cluster::Groups all, sides.source().groups());
    for (const cluster::Group& one : all.list)
      if (std::any_of(config.groups.begin(), config.groups.end(),
                      [&](const std::string& pattern) { return fits_pattern(pattern, one.name); }))
        groups.push_back(one.name);
  }
  std::vector<GroupMove> out;
  if (groups.empty()) return out;
  FRESHET_ASSIGN(const auto topics, translated_topics(config, sides, silence_us));
  for (const std::string& name : groups) {
    for (const Translated& topic : topics) {
      FRESHET_ASSIGN(auto move, plan_move(sides, name, topic));
      if (move) out.push_back(*std::move(move));
    }
  }
  return out;
}

Status move_groups(const Config& config, std::vector<GroupMove>& moves) {
  for (GroupMove& move : moves) {
    if (!move.refused.empty() || move.places.empty()) continue;
    const Status done = cluster::commit_offsets(config.target.at, move.group, move.places);
    if (!done && done.error().code != Code::kConflict) return done;
    if (!done) move.refused = "the group has members in the target";
  }
  return {};
}

std::string moves_text(const std::vector<GroupMove>& moves) {
  std::string out;
  for (const GroupMove& move : moves) {
    out += fmt::format("{}: {} -> {}:", move.group, move.topic, move.to);
    for (const auto& next : move.next) out += next ? fmt::format(" {}", *next) : std::string(" beginning");
    out += move.refused.empty() ? "\n" : fmt::format(" (left alone: {})\n", move.refused);
  }
  return moves.empty() ? "no group of the source has read a topic that the mirror copies\n" : out;
}

std::string moves_json(const std::vector<GroupMove>& moves) {
  std::string out;
  {
    JsonWriter json(out);
    json.begin_object().key("groups").array(moves, [](JsonWriter& inner, const GroupMove& move) {
      inner.begin_object().member("group", move.group).member("topic", move.topic).member("to", move.to);
      inner.key("next").array(move.next, [](JsonWriter& list, const auto& next) { list.value(next); });
      inner.member("commits", move.places.size()).member("refused", move.refused).end_object();
    });
    json.end_object();
  }
  return out;
}

}  // namespace freshet::mirror
