// A plan for people, who see the first moves of each wave, and for machines, which get all of them.
#include "fleet/rebalance/report.h"

#include <fmt/core.h>

#include "fleet/text.h"

namespace freshet::fleet::rebalance {
namespace {

constexpr size_t kMovesShown = 20;  // of a wave, for people; machines get all

std::string time_text(double seconds) {
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  if (seconds < 7200) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

std::string line_of(const State& state, const Move& move) {
  const Partition& partition = state.partitions[move.partition];
  const std::string& to = state.dir_of(move.to).path;
  const std::string way = move.is_within_broker()
                              ? fmt::format("broker {}: {} -> {}", move.from.broker, state.dir_of(move.from).path, to)
                              : fmt::format("broker {} -> {} ({})", move.from.broker, move.to.broker, to);
  return fmt::format("  {:<32} {}  {}\n", partition.name(), way, bytes_text(partition.bytes()));
}

void write_place(JsonWriter& json, const State& state, const char* name, Place place) {
  const Broker* const broker = state.find(place.broker);
  const bool is_known = broker != nullptr && place.dir < broker->dirs.size();
  json.key(name).begin_object().member("broker", place.broker);
  json.member("dir", is_known ? broker->dirs[place.dir].path : std::string()).end_object();
}

int64_t whole(double number) { return static_cast<int64_t>(number + 0.5); }

void write_wave(JsonWriter& json, const State& state, const Wave& wave, const Span* time) {
  json.begin_object().member("begin_s", whole(wave.begin_s)).member("duration_s", whole(wave.duration_s));
  json.member("waits_s", whole(wave.waits_s));
  if (time != nullptr) json.member("begins_at", moment_iso(time->begin_s)).member("ends_at", moment_iso(time->end_s));
  json.key("moves").begin_array();
  for (const Move& move : wave.moves) {
    const Partition& partition = state.partitions[move.partition];
    json.begin_object().member("topic", partition.topic).member("partition", partition.index);
    json.member("bytes", whole(partition.bytes()));
    write_place(json, state, "from", move.from);
    write_place(json, state, "to", move.to);
    json.key("replicas").array(move.replicas).end_object();
  }
  json.end_array().end_object();
}

}  // namespace

std::string text_of_plan(const State& state, const Plan& plan, const Limits& limits, const std::vector<Span>& times) {
  size_t moves = 0;
  for (const Wave& wave : plan.waves) moves += wave.moves.size();
  if (moves == 0) return "nothing to move\n";
  std::string out = fmt::format("{} in {}, {} between brokers, at {} a broker: at most {}\n", plural(moves, "move"),
                                plural(plan.waves.size(), "wave"), bytes_text(plan.network_bytes),
                                rate_text(limits.throttle_bytes_per_s), time_text(plan.duration_s));
  for (size_t i = 0; i < plan.waves.size(); ++i) {
    const Wave& wave = plan.waves[i];
    out += fmt::format("\nwave {}: at most {}", i + 1, time_text(wave.duration_s));
    if (wave.waits_s > 0) out += fmt::format(", after {} in which deleted files go", time_text(wave.waits_s));
    if (i < times.size()) out += fmt::format(", {} to {}", moment_text(times[i].begin_s), moment_text(times[i].end_s));
    out += "\n";
    for (size_t k = 0; k < wave.moves.size() && k < kMovesShown; ++k) out += line_of(state, wave.moves[k]);
    if (wave.moves.size() > kMovesShown) out += fmt::format("  and {} more\n", wave.moves.size() - kMovesShown);
  }
  out += "\nlog dirs at their fullest\n";
  for (const DirPeak& peak : plan.peaks) {
    const LogDir& dir = state.dir_of(peak.place);
    out += fmt::format("  broker {} {}: {} of {} ({} today, {} allowed), at second {:.0f}\n", peak.place.broker,
                       dir.path, bytes_text(peak.used_bytes), bytes_text(dir.total_bytes), bytes_text(dir.used_bytes),
                       bytes_text(peak.limit_bytes), peak.at_s);
  }
  return out;
}

void write_plan(JsonWriter& json, const State& state, const Plan& plan, const Limits& limits,
                const std::vector<Span>& times) {
  json.begin_object().member("duration_s", whole(plan.duration_s)).member("network_bytes", whole(plan.network_bytes));
  json.member("throttle_bytes_per_s", whole(limits.throttle_bytes_per_s));
  json.key("waves").begin_array();
  for (size_t i = 0; i < plan.waves.size(); ++i)
    write_wave(json, state, plan.waves[i], i < times.size() ? &times[i] : nullptr);
  json.end_array();
  json.key("log_dirs").array(plan.peaks, [&](JsonWriter& list, const DirPeak& peak) {
    const LogDir& dir = state.dir_of(peak.place);
    list.begin_object().member("broker", peak.place.broker).member("dir", dir.path);
    list.member("total_bytes", whole(dir.total_bytes)).member("used_bytes", whole(dir.used_bytes));
    list.member("used_bytes_max", whole(peak.used_bytes)).member("at_s", whole(peak.at_s));
    list.member("limit_bytes", whole(peak.limit_bytes)).end_object();
  });
  json.end_object();
}

std::string text_of_journal(const Journal& journal) {
  return fmt::format(
      "{}: {} of {} done{}", name_of(journal.outcome), journal.wave, plural(journal.waves.size(), "wave"),
      journal.settings_set() == 0 ? std::string()
                                  : fmt::format(", {} to put back", plural(journal.settings_set(), "setting")));
}

void write_journal(JsonWriter& json, const Journal& journal) {
  json.begin_object().member("outcome", name_of(journal.outcome)).member("cluster_id", journal.cluster_id);
  json.member("waves", journal.waves.size()).member("waves_done", journal.wave);
  json.member("settings_to_put_back", journal.settings_set());
  json.member("throttle_bytes_per_s", whole(journal.copy_rate.bytes_per_s > 0 ? journal.copy_rate.bytes_per_s
                                                                              : journal.limits.throttle_bytes_per_s));
  json.end_object();
}

}  // namespace freshet::fleet::rebalance
