#include "console/person_events.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/assert.h"
#include "base/json_writer.h"
#include "console/letter_routes.h"
#include "console/people.h"
#include "console/streams.h"
#include "freshet/v1/event.pb.h"
#include "model/document.h"
#include "model/home.h"
#include "model/time.h"

namespace freshet::console {

using eventlog::Offset;
using eventlog::Topic;

namespace {

constexpr env::TimeUs kLookUs = 1'000'000;  // of an answer: no step is begun after that
constexpr Offset kStepRecords = 10'000;
constexpr size_t kStepBytes = 2u << 20;  // of one read
constexpr size_t kLatestMax = 50;
constexpr size_t kMergedMax = 64;

struct DatedEvent {
  std::string name, message_id, timestamp, received_at;
};

std::optional<DatedEvent> read_event(std::string_view value, bool as_protobuf) {
  if (as_protobuf) {
    v1::EnrichedEvent event;
    if (!event.ParseFromArray(value.data(), static_cast<int>(value.size()))) return std::nullopt;
    return DatedEvent{event.event(), event.message_id(), model::format_time(event.time_us()),
                      model::format_time(event.received_at_us())};
  }
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element event;
  if (parser.parse(value.data(), value.size()).get(event) != simdjson::SUCCESS) return std::nullopt;
  DatedEvent out;
  for (const auto& [name, text] :
       {std::pair("event", &out.name), std::pair("message_id", &out.message_id), std::pair("timestamp", &out.timestamp),
        std::pair("received_at", &out.received_at)}) {
    std::string_view found;
    if (event[name].get_string().get(found) != simdjson::SUCCESS) return std::nullopt;
    *text = found;
  }
  return out;
}

// A way back through a partition.
struct WayBack {
  uint32_t partition = 0;
  Offset low = 0;
  Offset before = 0;  // everything from here on was looked at
  Offset step = kStepRecords;
  std::string received_at;  // of the oldest record that was looked at
  [[nodiscard]] bool ended() const { return before <= low; }
};

class Search {
 public:
  Search(eventlog::EventLog& log, const PersonEvents& of) : log_(log), as_protobuf_(of.as_protobuf) {
    for (const Hash128& id : of.ids) keys_.insert(id.hex());
  }

  // Offsets may have gaps, of which some are huge: steps grow in a gap, and shrink again before what lies behind it.
  [[nodiscard]] Status step(WayBack& way) {
    const Offset begin = std::max(way.low, way.before - way.step);
    FRESHET_ASSIGN(auto fetched, log_.read({Topic::kEvents, way.partition}, begin, kStepBytes));
    const bool empty = fetched.records.empty() || fetched.records.front().offset >= way.before;
    if (empty) {
      way.step = std::min(way.step * 2, Offset{1} << 60);
      way.before = begin;
      return {};
    }
    if (way.step > kStepRecords) {
      way.step = std::max(kStepRecords, way.step / 2);
      return {};
    }
    if (const auto first = read_event(fetched.records.front().value, as_protobuf_))
      way.received_at = first->received_at;
    while (true) {
      const Offset next = fetched.next;
      take(fetched, way.before);
      if (next >= way.before) break;
      FRESHET_ASSIGN(fetched, log_.read({Topic::kEvents, way.partition}, next, kStepBytes));
      if (fetched.next <= next) break;
    }
    way.before = begin;
    return {};
  }

  void write(JsonWriter& json) {
    json.key("days").begin_array();
    for (const auto& [day, names] : days_) {
      json.begin_object().member("day", day).key("events").begin_object();
      for (const auto& [name, count] : names) json.member(name, count);
      json.end_object().end_object();
    }
    json.end_array().key("latest").array(latest_, [](JsonWriter& list, const DatedEvent& event) {
      list.begin_object().member("event", event.name).member("message_id", event.message_id);
      list.member("timestamp", event.timestamp).member("received_at", event.received_at).end_object();
    });
  }

 private:
  void take(const eventlog::Fetched& fetched, Offset before) {
    for (const eventlog::RecordView& record : fetched.records) {
      if (record.offset >= before || !keys_.contains(record.key)) continue;
      auto event = read_event(record.value, as_protobuf_);
      if (!event) continue;
      ++days_[event->timestamp.substr(0, 10)][event->name];
      latest_.push_back(std::move(*event));
    }
    std::ranges::stable_sort(latest_, std::greater{}, &DatedEvent::timestamp);
    latest_.resize(std::min(latest_.size(), kLatestMax));
  }

  eventlog::EventLog& log_;
  const bool as_protobuf_;
  std::set<std::string, std::less<>> keys_;
  std::map<std::string, std::map<std::string, uint64_t>, std::greater<>> days_;
  std::vector<DatedEvent> latest_;
};

// "3:700.5:12": how far back each partition was looked at.
std::string cursor_of(const std::vector<WayBack>& ways) {
  std::string out;
  for (const WayBack& way : ways) out += fmt::format("{}{}:{}", out.empty() ? "" : ".", way.partition, way.before);
  return out;
}

// It comes from outside: it must name the same partitions, and what it says of offsets is brought between the ends.
Status go_on_from(std::string_view cursor, std::vector<WayBack>& ways) {
  const auto refused = fail(Code::kInvalid, "before must be `next` of an answer about the same person, or left out");
  for (WayBack& way : ways) {
    const char* const end = cursor.data() + cursor.size();
    uint32_t partition = 0;
    Offset before = 0;
    const auto first = std::from_chars(cursor.data(), end, partition);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != ':' || partition != way.partition) return refused;
    const auto second = std::from_chars(first.ptr + 1, end, before);
    if (second.ec != std::errc()) return refused;
    way.before = std::clamp(before, way.low, way.before);
    cursor.remove_prefix(static_cast<size_t>(second.ptr - cursor.data()));
    const bool more = &way != &ways.back();
    if (more != cursor.starts_with('.')) return refused;
    if (more) cursor.remove_prefix(1);
  }
  if (!cursor.empty()) return refused;
  return {};
}

Result<std::vector<WayBack>> ways_of(eventlog::EventLog& log, const PersonEvents& of) {
  std::set<uint32_t> partitions;
  for (const Hash128& id : of.ids) partitions.insert(model::partition_of(id, log.partitions(Topic::kEvents)));
  std::vector<WayBack> ways;
  for (const uint32_t partition : partitions) {
    FRESHET_ASSIGN(const auto marks, log.watermarks({Topic::kEvents, partition}));
    ways.push_back({partition, marks.low, marks.high, kStepRecords, {}});
  }
  if (!of.before.empty()) FRESHET_TRY(go_on_from(of.before, ways));
  return ways;
}

// The profile's own id, and those of profiles that became part of it, the latest merges first.
std::vector<Hash128> ids_of(const docstore::StoredDocument& stored) {
  std::vector<Hash128> ids = {stored.key.id};
  simdjson::dom::parser parser;
  simdjson::dom::array merged;
  const std::string identity =
      model::identity_json(stored.key.tenant, stored.key.kind, stored.key.id.view(), stored.document);
  if (parser.parse(identity)["merged_from"].get_array().get(merged) != simdjson::SUCCESS) return ids;
  for (const simdjson::dom::element one : merged) {
    std::string_view hex;
    if (one.get_string().get(hex) != simdjson::SUCCESS) continue;
    if (const std::string id = from_hex(hex); id.size() == sizeof(Hash128::bytes)) ids.push_back(Hash128::from(id));
  }
  if (ids.size() > kMergedMax + 1) ids.erase(ids.begin() + 1, ids.end() - static_cast<std::ptrdiff_t>(kMergedMax));
  return ids;
}

// The way that lies least far back; null: all have ended. Where nothing was read yet, it is not known how far back that
// is, so that is the first.
WayBack* nearest_of(std::vector<WayBack>& ways) {
  const auto is_nearer = [](const WayBack& a, const WayBack& b) {
    return !b.received_at.empty() && (a.received_at.empty() || a.received_at > b.received_at);
  };
  WayBack* nearest = nullptr;
  for (WayBack& way : ways)
    if (!way.ended() && (nearest == nullptr || is_nearer(way, *nearest))) nearest = &way;
  return nearest;
}

}  // namespace

Result<std::string> person_events(eventlog::EventLog& log, env::Clock& clock, const PersonEvents& of) {
  FRESHET_ASSERT(!of.ids.empty());
  FRESHET_ASSIGN(auto ways, ways_of(log, of));
  Search search(log, of);
  const env::TimeUs until = clock.monotonic_us() + kLookUs;
  // The one that lies least far back goes on, so all of them come to about the same time.
  WayBack* nearest = nearest_of(ways);
  for (; nearest != nullptr && clock.monotonic_us() < until; nearest = nearest_of(ways))
    FRESHET_TRY(search.step(*nearest));
  const std::string back_to = nearest == nullptr ? std::string() : nearest->received_at;
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  search.write(json);
  json.key("back_to");
  back_to.empty() ? json.null() : json.value(back_to);
  json.key("next");
  nearest == nullptr ? json.null() : json.value(cursor_of(ways));
  json.end_object();
  return out;
}

void show_events(Admin& admin, Admin::Call& call) {
  FRESHET_ASSERT(admin.options().people != nullptr);
  if (!has_events(admin, call)) return;
  const auto whose = parse_lookup(call.request.body);
  if (!whose) return call.fail(whose.error());
  PersonEvents of;
  of.before = call.parameter("before");
  of.as_protobuf = admin.options().events_as_protobuf;
  const std::weak_ptr<People> people = admin.options().people;
  const auto read = [call, of, people, log = admin.options().log,
                     clock = admin.options().clock](const docstore::StoredDocument& stored) {
    const auto reader = people.lock();
    if (reader == nullptr) return call.fail(503, "busy", "this process ends");
    PersonEvents sought = of;
    sought.ids = ids_of(stored);
    reader->answer(call, [sought, log, clock](const Admin::Call& asked) {
      const auto text = person_events(*log, *clock, sought);
      text ? asked.ok(*text) : asked.fail(text.error());
    });
  };
  admin.with_profile(call, whose->first, whose->second, read);
}

}  // namespace freshet::console
