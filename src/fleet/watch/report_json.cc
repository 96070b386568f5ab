// Watch for programs; docs/fleet/watch.md lists the keys: a key may be added, none is renamed or given another unit.
#include <fmt/format.h>

#include <cmath>

#include "base/json_writer.h"
#include "fleet/watch/report.h"

namespace freshet::fleet {
namespace {

// Not what a double has, but what was measured: three decimals.
void write_figure(JsonWriter& json, std::string_view name, const std::optional<double>& value) {
  json.key(name);
  value&& std::isfinite(*value) ? json.raw(fmt::format("{:.3f}", *value)) : json.null();
}

void write_group_standing(JsonWriter& json, const GroupStanding& group) {
  json.begin_object().member("group", group.group).member("topic", group.topic);
  json.member("verdict", name_of(group.verdict));
  json.member("state", group.state).member("has_members", group.has_members);
  json.member("partitions", group.partitions);
  json.member("lag_messages", group.lag);
  write_figure(json, "lag_s", group.age.seconds);
  json.member("lag_is", name_of(group.age.basis)).member("oldest_partition", group.oldest_partition);
  json.member("lost_messages", group.lost);
  write_figure(json, "read_per_s", group.read_per_s);
  write_figure(json, "in_per_s", group.in_per_s);
  write_figure(json, "catch_up_s", group.catch_up_s);
  write_figure(json, "retention_s", group.retention_s);
  json.member("loses_messages", loses_messages(group));
  write_figure(json, "promised_s", group.promised_s > 0 ? std::optional(group.promised_s) : std::nullopt);
  json.end_object();
}

void write_topic_standing(JsonWriter& json, const TopicStanding& topic) {
  json.begin_object().member("topic", topic.topic);
  write_figure(json, "in_per_s", topic.in_per_s);
  write_figure(json, "out_per_s", topic.out_per_s);
  write_figure(json, "in_bytes_per_s", topic.in_bytes_per_s);
  write_figure(json, "out_bytes_per_s", topic.out_bytes_per_s);
  write_figure(json, "skew", topic.skew);
  json.end_object();
}

void write_broker_standing(JsonWriter& json, const BrokerStanding& broker) {
  json.begin_object().member("id", broker.id).member("host", broker.host);
  json.member("leaders", broker.leaders).member("replicas", broker.replicas).member("bytes", broker.bytes);
  json.key("log_dirs").array(broker.dirs, [](JsonWriter& list, const LogDirStanding& dir) {
    list.begin_object().member("path", dir.path).member("failed", dir.failed);
    list.member("replica_bytes", dir.replica_bytes).member("used_bytes", dir.used_bytes);
    list.member("total_bytes", dir.total_bytes);
    write_figure(list, "full_s", dir.full_s);
    list.end_object();
  });
  json.end_object();
}

void write_move(JsonWriter& json, const MoveSeen& move) {
  json.begin_object().member("topic", move.topic).member("partition", move.partition);
  json.key("adding").array(move.adding).key("removing").array(move.removing).end_object();
}

void write_concern(JsonWriter& json, const Concern& concern) {
  json.begin_object().member("severity", name_of(concern.severity)).member("subject", concern.subject);
  json.member("what", concern.what).member("action", concern.action).end_object();
}

void write_standing(JsonWriter& json, const Standing& s, env::TimeUs now_us) {
  json.begin_object().member("cluster", s.cluster).member("away", s.away).member("looked", s.looked);
  if (s.away) json.member("error", s.error);
  write_figure(json, "age_s", s.looked ? std::optional(static_cast<double>(now_us - s.seen_us) / 1e6) : std::nullopt);
  write_figure(json, "took_s", static_cast<double>(s.took_us) / 1e6);
  json.member("looks", s.looks).member("failures", s.failures).member("cluster_id", s.cluster_id);
  json.member("topics", s.topics).member("partitions", s.partitions);
  json.member("under_replicated", s.under_replicated).member("offline", s.offline);
  json.key("skew").begin_object();
  write_figure(json, "leaders", s.skew.leaders);
  write_figure(json, "replicas", s.skew.replicas);
  write_figure(json, "bytes", s.skew.bytes);
  json.end_object();
  json.key("concerns").array(s.concerns, write_concern);
  json.key("groups").array(s.groups, write_group_standing);
  json.key("hot_topics").array(s.hot_topics, write_topic_standing);
  json.key("brokers").array(s.brokers, write_broker_standing);
  json.member("moving", s.moving).key("moves").array(s.moves, write_move);
  json.end_object();
}

}  // namespace

std::string watch_json(const Watched& watched) {
  std::string out;
  {
    JsonWriter json(out);
    bool ok = true;
    for (const auto& standing : watched.clusters) ok = ok && standing->looked && standing->concerns.empty();
    json.begin_object().member("ok", ok).member("file", watched.file).member("at_ms", watched.wall_us / 1000);
    json.key("clusters").array(watched.clusters, [&](JsonWriter& list, const auto& standing) {
      write_standing(list, *standing, watched.now_us);
    });
    json.end_object();
  }
  return out;
}

}  // namespace freshet::fleet
