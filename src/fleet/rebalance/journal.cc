#include "fleet/rebalance/journal.h"

#include <simdjson.h>

#include <charconv>

#include "base/json_writer.h"
#include "base/saturated.h"
#include "fleet/journal_text.h"

namespace freshet::fleet::rebalance {
namespace {

namespace dom = simdjson::dom;

constexpr int64_t kVersion = 1;

void write_move(JsonWriter& json, const JournalMove& move) {
  json.begin_object().member("topic", move.topic).member("partition", move.partition).member("from", move.from);
  json.member("to", move.to).member("from_dir", move.from_dir).member("to_dir", move.to_dir);
  json.key("before").array(move.before).key("after").array(move.after).end_object();
}

int64_t rounded(double number) { return whole_number(number + 0.5); }

// Whole numbers are what a file needs of these, and read back as they were.
void write_limits(JsonWriter& json, const Limits& limits) {
  json.begin_object().member("throttle_bytes_per_s", whole_number(limits.throttle_bytes_per_s));
  json.member("moves_per_broker", limits.moves_per_broker);
  json.member("reserve_permille", rounded(limits.reserve_share * 1000));
  json.member("delete_slack_s", whole_number(limits.delete_slack_s)).end_object();
}

void write_signs(JsonWriter& json, const Signs& signs) {
  json.begin_object().member("latency_us", rounded(signs.latency_s * 1e6));
  json.member("lag_ms", rounded(signs.lag_s * 1e3)).member("under_replicated", signs.under_replicated).end_object();
}

void write_copy_rate(JsonWriter& json, const JournalCopyRate& copy_rate) {
  json.begin_object()
      .member("adapts", copy_rate.bounds.adapts)
      .member("latency_us", rounded(copy_rate.bounds.latency_s * 1e6));
  json.member("lag_ms", rounded(copy_rate.bounds.lag_s * 1e3));
  json.member("least_permille", rounded(copy_rate.bounds.least_share * 1e3));
  json.member("bytes_per_s", rounded(copy_rate.bytes_per_s))
      .member("least_bytes_per_s", rounded(copy_rate.least_bytes_per_s));
  if (copy_rate.before) write_signs(json.key("before"), *copy_rate.before);
  json.end_object();
}

// Reads fields of objects; what is not there throws, as simdjson does, and is caught in journal_from_json.
std::vector<int32_t> numbers_of(const dom::element& list) {
  std::vector<int32_t> out;
  for (const int64_t number : dom::array(list)) out.push_back(static_cast<int32_t>(number));
  return out;
}

std::string text_of(const dom::element& value) { return std::string(std::string_view(value)); }

JournalMove move_from(const dom::element& value) {
  JournalMove move;
  move.topic = text_of(value["topic"]);
  move.partition = static_cast<int32_t>(int64_t{value["partition"]});
  move.from = static_cast<int32_t>(int64_t{value["from"]});
  move.to = static_cast<int32_t>(int64_t{value["to"]});
  move.from_dir = text_of(value["from_dir"]);
  move.to_dir = text_of(value["to_dir"]);
  move.before = numbers_of(value["before"]);
  move.after = numbers_of(value["after"]);
  return move;
}

// Whoever sets it back asks the broker of this number.
void check_broker(const std::string& resource) {
  int32_t number = 0;
  const char* const end = resource.data() + resource.size();
  const auto read = std::from_chars(resource.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end) throw simdjson::simdjson_error(simdjson::INCORRECT_TYPE);
}

Setting setting_from(const dom::element& value) {
  Setting setting;
  setting.kind = text_of(value["kind"]) == "broker" ? Setting::Kind::kBroker : Setting::Kind::kTopic;
  setting.resource = text_of(value["resource"]);
  if (setting.kind == Setting::Kind::kBroker) check_broker(setting.resource);
  setting.name = text_of(value["name"]);
  const dom::element before = value["before"];
  if (!before.is_null()) setting.before = text_of(before);
  setting.is_ours = bool{value["is_ours"]};
  return setting;
}

Limits limits_from(const dom::element& value) {
  Limits limits;
  limits.throttle_bytes_per_s = static_cast<double>(int64_t{value["throttle_bytes_per_s"]});
  limits.moves_per_broker = static_cast<uint32_t>(int64_t{value["moves_per_broker"]});
  limits.reserve_share = static_cast<double>(int64_t{value["reserve_permille"]}) / 1000;
  limits.delete_slack_s = static_cast<double>(int64_t{value["delete_slack_s"]});
  return limits;
}

double number_of(const dom::element& value) { return static_cast<double>(int64_t{value}); }

JournalCopyRate copy_rate_from(const dom::element& value) {
  JournalCopyRate copy_rate;
  copy_rate.bounds.adapts = bool{value["adapts"]};
  copy_rate.bounds.latency_s = number_of(value["latency_us"]) / 1e6;
  copy_rate.bounds.lag_s = number_of(value["lag_ms"]) / 1e3;
  copy_rate.bounds.least_share = number_of(value["least_permille"]) / 1e3;
  copy_rate.bytes_per_s = number_of(value["bytes_per_s"]);
  copy_rate.least_bytes_per_s = number_of(value["least_bytes_per_s"]);
  dom::element before;
  if (value["before"].get(before) == simdjson::SUCCESS)
    copy_rate.before = {number_of(before["latency_us"]) / 1e6, number_of(before["lag_ms"]) / 1e3,
                        static_cast<uint32_t>(int64_t{before["under_replicated"]})};
  return copy_rate;
}

// What journals of earlier releases don't have.
void read_later(const dom::element& value, Journal& journal) {
  dom::element found;
  journal.copy_rate.bounds.adapts = false;
  if (value["pace"].get(found) == simdjson::SUCCESS) journal.copy_rate = copy_rate_from(found);
  if (value["windows"].get(found) == simdjson::SUCCESS)
    for (const dom::element window : dom::array(found)) journal.windows.push_back(text_of(window));
  if (value["at_close"].get(found) == simdjson::SUCCESS)
    journal.at_close = parse_name<AtClose>(text_of(found)).value_or(AtClose::kFinish);
  if (value["goal"].get(found) == simdjson::SUCCESS) journal.goal = text_of(found);
  if (value["dir_bytes"].get(found) == simdjson::SUCCESS) journal.dir_bytes = static_cast<double>(int64_t{found});
}

Journal journal_from(const dom::element& value) {
  Journal journal;
  journal.cluster_id = text_of(value["cluster_id"]);
  journal.outcome = parse_name<Outcome>(text_of(value["outcome"])).value_or(Outcome::kRunning);
  journal.wave = static_cast<uint32_t>(int64_t{value["wave"]});
  journal.limits = limits_from(value["limits"]);
  read_later(value, journal);
  for (const dom::element wave : dom::array(value["waves"])) {
    std::vector<JournalMove>& moves = journal.waves.emplace_back();
    for (const dom::element move : dom::array(wave)) moves.push_back(move_from(move));
  }
  for (const dom::element setting : dom::array(value["settings"])) journal.settings.push_back(setting_from(setting));
  return journal;
}

}  // namespace

Journal journal_of(const State& state, const Plan& plan, const Limits& limits, const std::string& cluster_id) {
  Journal journal;
  journal.cluster_id = cluster_id;
  journal.limits = limits;
  std::vector<std::vector<int32_t>> replicas;  // as they become
  for (const Partition& partition : state.partitions) {
    std::vector<int32_t>& now = replicas.emplace_back();
    for (const Replica& replica : partition.replicas) now.push_back(replica.place.broker);
  }
  for (const Wave& wave : plan.waves) {
    std::vector<JournalMove>& moves = journal.waves.emplace_back();
    for (const Move& move : wave.moves) {
      const Partition& partition = state.partitions[move.partition];
      const Broker* const from = state.find(move.from.broker);
      const std::string from_dir =
          from != nullptr && move.from.dir < from->dirs.size() ? from->dirs[move.from.dir].path : "";
      moves.push_back({partition.topic, partition.index, move.from.broker, move.to.broker, from_dir,
                       state.dir_of(move.to).path, replicas[move.partition], move.replicas});
      replicas[move.partition] = move.replicas;
    }
  }
  return journal;
}

std::string to_json(const Journal& journal) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("version", kVersion).member("cluster_id", journal.cluster_id);
  json.member("outcome", name_of(journal.outcome)).member("wave", journal.wave).key("limits");
  write_limits(json, journal.limits);
  write_copy_rate(json.key("pace"), journal.copy_rate);
  json.key("windows").array(journal.windows).member("at_close", name_of(journal.at_close));
  json.member("goal", journal.goal).member("dir_bytes", rounded(journal.dir_bytes));
  json.key("waves").array(journal.waves,
                          [](JsonWriter& list, const auto& wave) { list.space("\n").array(wave, write_move); });
  json.key("settings").array(journal.settings, [](JsonWriter& list, const Setting& setting) {
    list.begin_object().member("kind", setting.kind == Setting::Kind::kBroker ? "broker" : "topic");
    list.member("resource", setting.resource).member("name", setting.name).member("before", setting.before);
    list.member("is_ours", setting.is_ours).end_object();
  });
  json.end_object();
  return out;
}

Result<Journal> journal_from_json(const std::string& text) { return read_journal_text(text, kVersion, &journal_from); }

}  // namespace freshet::fleet::rebalance
