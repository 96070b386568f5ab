#include "fleet/watch/gauges.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace freshet::fleet {
namespace {

using telemetry::GaugeFamily;
using telemetry::Labels;

// One family, filled by `each`, which calls add(labels, value).
template <class Each>
void gauge_family(std::vector<GaugeFamily>& out, const char* name, const Each& each) {
  GaugeFamily family{name, {}};
  each([&](Labels labels, double value) { family.samples.push_back({std::move(labels), value}); });
  if (!family.samples.empty()) out.push_back(std::move(family));
}

// One value of each cluster; those that were never seen have none.
template <class Value>
void gauge_of_clusters(std::vector<GaugeFamily>& out, const Watched& watched, const char* name, const Value& value) {
  gauge_family(out, name, [&](const auto& add) {
    for (const auto& standing : watched.clusters)
      if (standing->looked) add({{"cluster", standing->cluster}}, static_cast<double>(value(*standing)));
  });
}

void gauge_clusters(const Watched& watched, std::vector<GaugeFamily>& out) {
  gauge_family(out, "freshet_fleet_cluster_up", [&](const auto& add) {
    for (const auto& s : watched.clusters) add({{"cluster", s->cluster}}, s->looked && !s->away ? 1 : 0);
  });
  gauge_of_clusters(out, watched, "freshet_fleet_look_age_seconds",
                    [&](const Standing& s) { return static_cast<double>(watched.now_us - s.seen_us) / 1e6; });
  gauge_of_clusters(out, watched, "freshet_fleet_look_duration_seconds",
                    [](const Standing& s) { return static_cast<double>(s.took_us) / 1e6; });
  gauge_of_clusters(out, watched, "freshet_fleet_look_failures", [](const Standing& s) { return s.failures; });
  gauge_of_clusters(out, watched, "freshet_fleet_brokers", [](const Standing& s) { return s.brokers.size(); });
  gauge_of_clusters(out, watched, "freshet_fleet_topics", [](const Standing& s) { return s.topics; });
  gauge_of_clusters(out, watched, "freshet_fleet_partitions", [](const Standing& s) { return s.partitions; });
  gauge_of_clusters(out, watched, "freshet_fleet_under_replicated_partitions",
                    [](const Standing& s) { return s.under_replicated; });
  gauge_of_clusters(out, watched, "freshet_fleet_offline_partitions", [](const Standing& s) { return s.offline; });
  gauge_of_clusters(out, watched, "freshet_fleet_concerns", [](const Standing& s) { return s.concerns.size(); });
  gauge_of_clusters(out, watched, "freshet_fleet_groups_left_out",
                    [](const Standing& s) { return s.groups.size() - std::min(s.groups.size(), kGroupSeriesMost); });
  gauge_family(out, "freshet_fleet_skew_ratio", [&](const auto& add) {
    for (const auto& s : watched.clusters) {
      if (!s->looked) continue;
      add({{"cluster", s->cluster}, {"of", "leaders"}}, s->skew.leaders);
      add({{"cluster", s->cluster}, {"of", "replicas"}}, s->skew.replicas);
      add({{"cluster", s->cluster}, {"of", "bytes"}}, s->skew.bytes);
    }
  });
}

struct ShownGroup {
  const Standing* cluster;
  const GroupStanding* group;
};

std::vector<ShownGroup> gauged_groups(const Watched& watched) {
  std::vector<ShownGroup> out;
  for (const auto& standing : watched.clusters) {
    std::vector<const GroupStanding*> groups;
    for (const GroupStanding& group : standing->groups) groups.push_back(&group);
    if (groups.size() > kGroupSeriesMost) {
      std::ranges::stable_sort(groups, std::greater(),
                               [](const GroupStanding* g) { return std::tuple(g->verdict, g->age.seconds, g->lag); });
      groups.resize(kGroupSeriesMost);
    }
    for (const GroupStanding* group : groups) out.push_back({standing.get(), group});
  }
  return out;
}

// Prometheus' own way to say "never".
double or_never(const std::optional<double>& seconds) {
  return seconds.value_or(std::numeric_limits<double>::infinity());
}

void gauge_groups(const Watched& watched, std::vector<GaugeFamily>& out) {
  const std::vector<ShownGroup> groups = gauged_groups(watched);
  const auto each = [&](const char* name, const auto& value) {
    gauge_family(out, name, [&](const auto& add) {
      for (const auto& [standing, g] : groups) {
        const std::optional<double> v = value(*g);
        if (v) add({{"cluster", standing->cluster}, {"consumergroup", g->group}, {"topic", g->topic}}, *v);
      }
    });
  };
  using Value = std::optional<double>;
  each("freshet_fleet_group_lag_messages", [](const GroupStanding& g) -> Value { return static_cast<double>(g.lag); });
  each("freshet_fleet_group_lag_seconds", [](const GroupStanding& g) -> Value { return g.age.seconds; });
  each("freshet_fleet_group_has_members", [](const GroupStanding& g) -> Value { return g.has_members ? 1 : 0; });
  each("freshet_fleet_group_lost_messages",
       [](const GroupStanding& g) -> Value { return static_cast<double>(g.lost); });
  each("freshet_fleet_group_read_messages_per_second", [](const GroupStanding& g) -> Value { return g.read_per_s; });
  each("freshet_fleet_group_catch_up_seconds", [](const GroupStanding& g) -> Value { return or_never(g.catch_up_s); });
  each("freshet_fleet_group_retention_seconds", [](const GroupStanding& g) -> Value { return g.retention_s; });
  gauge_family(out, "freshet_fleet_group_verdict", [&](const auto& add) {
    for (const auto& [standing, g] : groups) {
      add({{"cluster", standing->cluster},
           {"consumergroup", g->group},
           {"topic", g->topic},
           {"verdict", std::string(name_of(g->verdict))}},
          1);
    }
  });
}

void gauge_brokers(const Watched& watched, std::vector<GaugeFamily>& out) {
  using Value = std::optional<double>;  // none: it is not known
  const auto of_brokers = [&](const char* name, const auto& value) {
    gauge_family(out, name, [&](const auto& add) {
      for (const auto& s : watched.clusters)
        for (const BrokerStanding& b : s->brokers)
          if (const Value is = value(b)) add({{"cluster", s->cluster}, {"broker", std::to_string(b.id)}}, *is);
    });
  };
  of_brokers("freshet_fleet_broker_leaders",
             [](const BrokerStanding& b) -> Value { return static_cast<double>(b.leaders); });
  of_brokers("freshet_fleet_broker_replicas",
             [](const BrokerStanding& b) -> Value { return static_cast<double>(b.replicas); });
  of_brokers("freshet_fleet_broker_bytes",
             [](const BrokerStanding& b) -> Value { return static_cast<double>(b.bytes); });
  of_brokers("freshet_fleet_broker_cpu_ratio", [](const BrokerStanding& b) -> Value { return b.cpu; });
  const auto of_dirs = [&](const char* name, const auto& value) {
    gauge_family(out, name, [&](const auto& add) {
      for (const auto& s : watched.clusters) {
        size_t count = 0;
        for (const BrokerStanding& b : s->brokers) {
          for (const LogDirStanding& dir : b.dirs) {
            if (++count > kDirSeriesMost) continue;
            const std::optional<double> v = value(dir);
            if (v) add({{"cluster", s->cluster}, {"broker", std::to_string(b.id)}, {"directory", dir.path}}, *v);
          }
        }
      }
    });
  };
  of_dirs("freshet_fleet_log_dir_used_bytes",
          [](const LogDirStanding& d) -> Value { return static_cast<double>(d.used_bytes); });
  of_dirs("freshet_fleet_log_dir_total_bytes", [](const LogDirStanding& d) -> Value {
    return d.total_bytes ? Value(static_cast<double>(*d.total_bytes)) : std::nullopt;
  });
  of_dirs("freshet_fleet_log_dir_full_seconds", [](const LogDirStanding& d) -> Value { return d.full_s; });
  of_dirs("freshet_fleet_log_dir_failed", [](const LogDirStanding& d) -> Value { return d.failed ? 1 : 0; });
}

void gauge_topics(const Watched& watched, std::vector<GaugeFamily>& out) {
  const auto each = [&](const char* name, const auto& value) {
    gauge_family(out, name, [&](const auto& add) {
      for (const auto& s : watched.clusters)
        for (const TopicStanding& topic : s->hot_topics)
          if (const std::optional<double> v = value(topic); v)
            add({{"cluster", s->cluster}, {"topic", topic.topic}}, *v);
    });
  };
  using Value = std::optional<double>;
  each("freshet_fleet_topic_in_messages_per_second", [](const TopicStanding& t) -> Value { return t.in_per_s; });
  each("freshet_fleet_topic_out_messages_per_second", [](const TopicStanding& t) -> Value { return t.out_per_s; });
  each("freshet_fleet_topic_in_bytes_per_second", [](const TopicStanding& t) -> Value { return t.in_bytes_per_s; });
  each("freshet_fleet_topic_out_bytes_per_second", [](const TopicStanding& t) -> Value { return t.out_bytes_per_s; });
  each("freshet_fleet_topic_skew_ratio", [](const TopicStanding& t) -> Value { return t.skew; });
}

// Of the topics that have most batches; samples are a minute old at most while a topic grows.
void gauge_batches(const Watched& watched, std::vector<GaugeFamily>& out) {
  const auto each = [&](const char* name, const auto& value) {
    gauge_family(out, name, [&](const auto& add) {
      for (const auto& s : watched.clusters)
        for (const BatchStanding& topic : s->batches)
          if (const std::optional<double> v = value(topic); v)
            add({{"cluster", s->cluster}, {"topic", topic.topic}}, *v);
    });
  };
  using Value = std::optional<double>;
  each("freshet_fleet_topic_batches_per_second", [](const BatchStanding& t) -> Value { return t.batches_per_s; });
  each("freshet_fleet_topic_batch_messages",
       [](const BatchStanding& t) -> Value { return t.figures.records_per_batch; });
  each("freshet_fleet_topic_batch_bytes", [](const BatchStanding& t) -> Value { return t.figures.bytes_per_batch; });
  each("freshet_fleet_topic_batches_advised_per_second",
       [](const BatchStanding& t) -> Value { return t.linger_advised ? Value(t.batches_per_s_then) : std::nullopt; });
  gauge_family(out, "freshet_fleet_topic_codec_bytes_ratio", [&](const auto& add) {
    for (const auto& s : watched.clusters) {
      for (const BatchStanding& t : s->batches) {
        add({{"cluster", s->cluster}, {"topic", t.topic}, {"codec", "lz4"}}, t.figures.lz4.bytes_share);
        add({{"cluster", s->cluster}, {"topic", t.topic}, {"codec", "zstd"}}, t.figures.zstd.bytes_share);
      }
    }
  });
}

// Counts go up as long as watch runs, so that rates and shares of any time can be made of them. A broker that is not
// probed any more has no series.
void gauge_probes(const Watched& watched, std::vector<GaugeFamily>& out) {
  const auto each = [&](const char* name, const auto& value) {
    gauge_family(out, name, [&](const auto& add) {
      for (const auto& s : watched.clusters)
        for (const BrokerProbe& b : s->probe.brokers)
          add({{"cluster", s->cluster}, {"broker", std::to_string(b.broker)}}, static_cast<double>(value(b)));
    });
  };
  each("freshet_fleet_probe_up", [](const BrokerProbe& b) { return b.failing == 0 ? 1 : 0; });
  each("freshet_fleet_probes", [](const BrokerProbe& b) { return b.probes; });
  each("freshet_fleet_probe_failures", [](const BrokerProbe& b) { return b.failures; });
  gauge_family(out, "freshet_fleet_probe_seconds", [&](const auto& add) {
    for (const auto& s : watched.clusters) {
      for (const BrokerProbe& b : s->probe.brokers) {
        const std::string broker = std::to_string(b.broker);
        if (b.p50_s) add({{"cluster", s->cluster}, {"broker", broker}, {"quantile", "0.5"}}, *b.p50_s);
        if (b.p99_s) add({{"cluster", s->cluster}, {"broker", broker}, {"quantile", "0.99"}}, *b.p99_s);
      }
    }
  });
  gauge_family(out, "freshet_fleet_probe_verdict", [&](const auto& add) {
    for (const auto& s : watched.clusters)
      if (s->probe.verdict != ProbeVerdict::kOff)
        add({{"cluster", s->cluster}, {"verdict", std::string(name_of(s->probe.verdict))}}, 1);
  });
}

}  // namespace

std::vector<GaugeFamily> watch_gauges(const Watched& watched) {
  std::vector<GaugeFamily> out;
  gauge_clusters(watched, out);
  gauge_groups(watched, out);
  gauge_brokers(watched, out);
  gauge_topics(watched, out);
  gauge_batches(watched, out);
  gauge_probes(watched, out);
  return out;
}

}  // namespace freshet::fleet
