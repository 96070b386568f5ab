// The terminal's view, as plain lines, so that it can be piped: whoever redraws it clears the screen.
#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "fleet/text.h"
#include "fleet/watch/report.h"

namespace freshet::fleet {
namespace {

constexpr size_t kConcernsMost = 12;  // of a severity
constexpr size_t kGroupsMost = 15;
constexpr size_t kTopicsMost = 8;
constexpr size_t kBatchesMost = 8;
constexpr size_t kNameColumns = 28;

using Lines = std::vector<std::string>;

// Names come from brokers: what a terminal would obey is not printable to it.
std::string printable(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return out;
}

std::string cut_to(std::string_view text, size_t columns) {
  const std::string out = printable(text);
  return out.size() <= columns ? out : out.substr(0, columns - 3) + "...";
}

void show_concerns(const Watched& watched, Severity severity, std::string_view title, Lines& out) {
  size_t count = 0;
  for (const auto& cluster : watched.clusters) {
    const Standing& standing = *cluster;
    for (const Concern& concern : standing.concerns) {
      if (concern.severity != severity || ++count > kConcernsMost) continue;
      out.push_back(printable(fmt::format("{}  {}: {}: {}", title, standing.cluster, concern.subject, concern.what)));
      out.push_back(fmt::format("{:{}}  -> {}", "", title.size(), concern.action));
    }
  }
  if (count > kConcernsMost) out.push_back(fmt::format("{}  and {} more", title, count - kConcernsMost));
}

std::string state_text(const Standing& standing) {
  if (standing.away) return "AWAY";
  if (!standing.looked) return "not seen yet";
  return standing.concerns.empty() ? "ok" : plural(standing.concerns.size(), "concern");
}

double fullest_dir(const Standing& standing) {
  double most = 0;
  for (const BrokerStanding& broker : standing.brokers)
    for (const LogDirStanding& dir : broker.dirs)
      if (dir.total_bytes && *dir.total_bytes > 0)
        most = std::max(most, static_cast<double>(dir.used_bytes) / static_cast<double>(*dir.total_bytes));
  return most;
}

void show_clusters(const Watched& watched, Lines& out) {
  out.push_back("");
  out.push_back(fmt::format("{:{}} {:>14} {:>8} {:>8} {:>11} {:>6} {:>8} {:>10} {:>8}", "CLUSTER", kNameColumns,
                            "STATE", "BROKERS", "TOPICS", "PARTITIONS", "UNDER", "OFFLINE", "DISK MOST", "SEEN"));
  for (const auto& cluster : watched.clusters) {
    const Standing& s = *cluster;
    const std::string seen =
        s.looked ? duration_text(static_cast<double>(watched.now_us - s.seen_us) / 1e6) : std::string("never");
    out.push_back(fmt::format("{:{}} {:>14} {:>8} {:>8} {:>11} {:>6} {:>8} {:>8.0f} % {:>8}",
                              cut_to(s.cluster, kNameColumns), kNameColumns, state_text(s), s.brokers.size(), s.topics,
                              s.partitions, s.under_replicated, s.offline, 100 * fullest_dir(s), seen));
  }
}

void show_groups(const Watched& watched, Lines& out) {
  std::vector<std::pair<const Standing*, const GroupStanding*>> behind;
  for (const auto& standing : watched.clusters)
    for (const GroupStanding& group : standing->groups)
      if (group.lag > 0) behind.emplace_back(standing.get(), &group);
  if (behind.empty()) return;
  std::ranges::stable_sort(behind, std::greater(), [](const auto& entry) {
    return std::pair(entry.second->verdict, entry.second->age.seconds);
  });
  out.push_back("");
  out.push_back(fmt::format("{:{}} {:{}} {:{}} {:>8} {:>13} {:>12} {:>12}", "GROUP", kNameColumns, "TOPIC",
                            kNameColumns, "CLUSTER", 16, "VERDICT", "LAG", "LAG IN TIME", "CAUGHT UP IN"));
  for (size_t i = 0; i < std::min(behind.size(), kGroupsMost); ++i) {
    const GroupStanding& g = *behind[i].second;
    const bool at_least = g.age.basis == AgeBasis::kAtLeast;
    out.push_back(fmt::format(
        "{:{}} {:{}} {:{}} {:>8} {:>13} {:>12} {:>12}", cut_to(g.group, kNameColumns), kNameColumns,
        cut_to(g.topic, kNameColumns), kNameColumns, cut_to(behind[i].first->cluster, 16), 16, name_of(g.verdict),
        count_text(static_cast<double>(g.lag)), (at_least ? ">" : "") + duration_text(g.age.seconds),
        g.catch_up_s ? duration_text(*g.catch_up_s) : "never"));
  }
  if (behind.size() > kGroupsMost) out.push_back(fmt::format("and {} more", behind.size() - kGroupsMost));
}

void show_topics(const Watched& watched, Lines& out) {
  std::vector<std::pair<const Standing*, const TopicStanding*>> hot;
  for (const auto& standing : watched.clusters)
    for (const TopicStanding& topic : standing->hot_topics) hot.emplace_back(standing.get(), &topic);
  if (hot.empty()) return;
  std::ranges::stable_sort(hot, std::greater(), [](const auto& entry) {
    return std::pair(entry.second->out_bytes_per_s.value_or(0), entry.second->in_bytes_per_s.value_or(0));
  });
  out.push_back("");
  out.push_back(fmt::format("{:{}} {:{}} {:>14} {:>12} {:>14} {:>12} {:>6}", "HOTTEST TOPICS", kNameColumns, "CLUSTER",
                            16, "OUT MESSAGES/s", "OUT", "IN MESSAGES/s", "IN", "SKEW"));
  const auto bytes = [](const std::optional<double>& b) { return b ? rate_text(*b) : std::string("?"); };
  for (size_t i = 0; i < std::min(hot.size(), kTopicsMost); ++i) {
    const TopicStanding& t = *hot[i].second;
    out.push_back(fmt::format("{:{}} {:{}} {:>14} {:>12} {:>14} {:>12} {:>6.1f}", cut_to(t.topic, kNameColumns),
                              kNameColumns, cut_to(hot[i].first->cluster, 16), 16, count_text(t.out_per_s),
                              bytes(t.out_bytes_per_s), count_text(t.in_per_s), bytes(t.in_bytes_per_s), t.skew));
  }
}

// Times here are short: milliseconds, where duration_text() has tenths of seconds.
std::string probe_time(const std::optional<double>& seconds) {
  return seconds ? fmt::format("{:.1f} ms", 1000 * *seconds) : std::string("?");
}

void show_probes(const Watched& watched, Lines& out) {
  bool any = false;
  for (const auto& s : watched.clusters) {
    if (s->probe.verdict == ProbeVerdict::kOff) continue;
    if (!any) {
      out.push_back("");
      out.push_back(fmt::format("{:{}} {:>8} {:>12} {:>12} {:>16} {:>12}", "PROBES", kNameColumns, "VERDICT", "P50",
                                "P99", "FAILED", "NOT PROBED"));
      any = true;
    }
    const ProbeStanding& probe = s->probe;
    out.push_back(fmt::format("{:{}} {:>8} {:>12} {:>12} {:>16} {:>12}", cut_to(s->cluster, kNameColumns), kNameColumns,
                              name_of(probe.verdict), probe_time(probe.p50_s), probe_time(probe.p99_s),
                              fmt::format("{} of {}", probe.window_failures, probe.window_probes), probe.not_probed));
  }
}

// Those that something can be gained of come first, and each with what would mend it.
void show_batches(const Watched& watched, Lines& out) {
  std::vector<std::pair<const Standing*, const BatchStanding*>> topics;
  for (const auto& standing : watched.clusters)
    for (const BatchStanding& topic : standing->batches) topics.emplace_back(standing.get(), &topic);
  if (topics.empty()) return;
  std::ranges::stable_sort(topics, std::greater(), [](const auto& entry) {
    return std::pair(!entry.second->advice.empty(), entry.second->batches_per_s);
  });
  out.push_back("");
  out.push_back(fmt::format("{:{}} {:{}} {:>10} {:>14} {:>12} {:>8}", "BATCHES OF TOPIC", kNameColumns, "CLUSTER", 16,
                            "BATCHES/s", "MESSAGES EACH", "BYTES EACH", "CODEC"));
  for (size_t i = 0; i < std::min(topics.size(), kBatchesMost); ++i) {
    const BatchStanding& t = *topics[i].second;
    out.push_back(fmt::format("{:{}} {:{}} {:>10} {:>14.1f} {:>12} {:>8}", cut_to(t.topic, kNameColumns), kNameColumns,
                              cut_to(topics[i].first->cluster, 16), 16, count_text(t.batches_per_s),
                              t.figures.records_per_batch, bytes_text(t.figures.bytes_per_batch),
                              name_of(t.figures.codec)));
    if (!t.advice.empty()) out.push_back("  -> " + t.advice);
  }
}

}  // namespace

std::string watch_text(const Watched& watched, size_t lines_most) {
  Lines lines;
  show_concerns(watched, Severity::kCritical, "CRITICAL", lines);
  show_concerns(watched, Severity::kWarn, "WARN", lines);
  if (lines.empty()) {
    const bool all_seen = std::ranges::all_of(watched.clusters, [](const auto& cluster) { return cluster->looked; });
    lines.push_back(all_seen ? "Nothing is wrong." : "Looking…");
  }
  show_clusters(watched, lines);
  show_probes(watched, lines);
  show_groups(watched, lines);
  show_topics(watched, lines);
  show_batches(watched, lines);
  if (lines_most > 0 && lines.size() > lines_most) lines.resize(lines_most);
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

}  // namespace freshet::fleet
