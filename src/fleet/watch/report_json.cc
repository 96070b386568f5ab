// Watch for programs; docs/fleet/watch.md lists the keys: a key may be added, none is renamed or given another unit.
#include <fmt/core.h>

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
  write_figure(json, "cpu", broker.cpu);
  json.key("log_dirs").array(broker.dirs, [](JsonWriter& list, const LogDirStanding& dir) {
    list.begin_object().member("path", dir.path).member("failed", dir.failed);
    list.member("replica_bytes", dir.replica_bytes).member("used_bytes", dir.used_bytes);
    list.member("total_bytes", dir.total_bytes);
    write_figure(list, "full_s", dir.full_s);
    list.end_object();
  });
  json.end_object();
}

void write_codec(JsonWriter& json, std::string_view name, const CodecFigures& codec) {
  json.key(name).begin_object();
  write_figure(json, "bytes_ratio", codec.bytes_share);
  write_figure(json, "cpu_us_per_message", codec.cpu_us_a_record);
  json.end_object();
}

// What is advised is null where nothing is: zero would be an advice.
void write_batches(JsonWriter& json, const BatchStanding& topic) {
  const BatchFigures& f = topic.figures;
  json.begin_object().member("topic", topic.topic).member("codec", name_of(f.codec));
  json.member("sampled_batches", f.batches).member("producers", f.producers);
  write_figure(json, "batches_per_s", topic.batches_per_s);
  write_figure(json, "messages_per_batch", f.records_per_batch);
  write_figure(json, "bytes_per_batch", f.bytes_per_batch);
  write_figure(json, "raw_bytes_per_batch", f.raw_bytes_per_batch);
  write_codec(json, "lz4", f.lz4);
  write_codec(json, "zstd", f.zstd);
  json.key("advised").begin_object();
  const auto if_advised = [&](double value) { return topic.linger_advised ? std::optional(value) : std::nullopt; };
  write_figure(json, "linger_ms", if_advised(f.linger_ms));
  write_figure(json, "batch_size", if_advised(f.batch_bytes));
  write_figure(json, "messages_per_batch", if_advised(f.records_per_batch_then));
  write_figure(json, "batches_per_s", if_advised(topic.batches_per_s_then));
  json.key("codec");
  topic.codec_advised ? json.value(name_of(*topic.codec_advised)) : json.null();
  json.end_object().member("advice", topic.advice).end_object();
}

// Always there, so that a reader sees "off" instead of missing it.
void write_probe(JsonWriter& json, const ProbeStanding& probe) {
  json.begin_object().member("verdict", name_of(probe.verdict));
  write_figure(json, "p50_s", probe.p50_s);
  write_figure(json, "p99_s", probe.p99_s);
  json.member("window_probes", probe.window_probes).member("window_failures", probe.window_failures);
  json.member("brokers_not_probed", probe.not_probed);
  json.key("brokers").array(probe.brokers, [](JsonWriter& list, const BrokerProbe& broker) {
    list.begin_object().member("id", broker.broker).member("probes", broker.probes);
    list.member("failures", broker.failures).member("failing", broker.failing).member("error", broker.error);
    write_figure(list, "p50_s", broker.p50_s);
    write_figure(list, "p99_s", broker.p99_s);
    write_figure(list, "written_p99_s", broker.written_p99_s);
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
  write_figure(json, "batches_per_s", s.topics_sampled > 0 ? std::optional(s.batches_per_s) : std::nullopt);
  json.key("batches").array(s.batches, write_batches);
  json.key("probe");
  write_probe(json, s.probe);
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
