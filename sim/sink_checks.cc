#include "sink_checks.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "base/hash.h"
#include "freshet/v1/event.pb.h"
#include "model/document.h"
#include "sinks/files/layout.h"
#include "sinks/topic/record.h"

namespace freshet::sim {
namespace {

using eventlog::Offset;
using eventlog::Topic;

int64_t number_in_event(const std::string& json) {
  simdjson::dom::parser parser;
  const simdjson::padded_string padded(json);
  const simdjson::dom::element event = parser.parse(padded);
  return event["properties"]["n"].get_int64().value();
}

std::vector<int64_t> wanted_in(const SinkSource& source, uint32_t partition) {
  std::vector<int64_t> out;
  for (const WrittenEvent& event : source.events())
    if (event.at.partition == partition) out.push_back(event.number);
  return out;
}

std::string difference(const std::vector<int64_t>& wanted, const std::vector<int64_t>& got) {
  size_t at = 0;
  while (at < wanted.size() && at < got.size() && wanted[at] == got[at]) ++at;
  const auto shown = [at](const std::vector<int64_t>& all) {
    return at < all.size() ? std::to_string(all[at]) : std::string("nothing");
  };
  return fmt::format("{} instead of {}; the {}th is {} instead of {}", got.size(), wanted.size(), at + 1, shown(got),
                     shown(wanted));
}

// ---- files ----------------------------------------------------------------------------------------------------------

// The lines of a file, which all are events of one hour or event.
std::vector<int64_t> numbers_in(const std::string& content) {
  std::vector<int64_t> out;
  for (size_t at = 0; at < content.size();) {
    const size_t end = content.find('\n', at);
    out.push_back(number_in_event(content.substr(at, end - at)));
    at = end + 1;
  }
  return out;
}

// A loader that follows the manifests of a partition.
std::vector<int64_t> loaded(const SinkStage& stage, const std::string& folder, std::set<std::string>& files) {
  std::vector<int64_t> out;
  Offset next = 0;
  for (const auto& [key, text] : stage.lake.objects) {
    if (!key.starts_with(folder)) continue;
    const auto manifest = sinks::parse_plan(text);
    require(manifest.has_value(), [&] { return "no manifest: " + key; });
    Offset begin = 0;
    (void)std::from_chars(key.data() + folder.size(), key.data() + key.size(), begin);
    require(begin >= next, [&] { return fmt::format("{} begins before {}, where the one before it ends", key, next); });
    next = manifest->next;
    std::vector<int64_t> batch;  // its files are by event and hour, so their order is theirs alone
    for (const sinks::PlannedFile& file : manifest->files) {
      const auto there = stage.lake.objects.find(file.path);
      require(there != stage.lake.objects.end() && there->second.size() == file.bytes,
              [&] { return key + " names a file that is not there: " + file.path; });
      require(files.insert(file.path).second, [&] { return file.path + " is of two manifests"; });
      const std::vector<int64_t> rows = numbers_in(there->second);
      require(rows.size() == file.rows && std::is_sorted(rows.begin(), rows.end()),
              [&] { return file.path + " has other rows than its manifest says"; });
      batch.insert(batch.end(), rows.begin(), rows.end());
    }
    std::sort(batch.begin(), batch.end());
    out.insert(out.end(), batch.begin(), batch.end());
  }
  return out;
}

void check_files(const SinkStage& stage, const SinkSource& source) {
  std::set<std::string> files;
  for (uint32_t p = 0; p < kSinkPartitions; ++p) {
    const auto wanted = wanted_in(source, p);
    const auto got = loaded(stage, fmt::format("acme/lake/_manifest/events/{:04}/", p), files);
    require(got == wanted, [&] { return fmt::format("files of partition {}: {}", p, difference(wanted, got)); });
  }
  for (const auto& [key, content] : stage.lake.objects)
    require(!key.starts_with("acme/lake/events/") || files.contains(key), [&] { return "nobody names file " + key; });
}

// ---- the webhook ----------------------------------------------------------------------------------------------------

std::set<int64_t> set_aside(const SinkStage& stage) {
  std::set<int64_t> out;
  for (const auto& record : stage.broker.at({Topic::kDeadLetters, 0}).records) {
    v1::DeadLetter letter;
    require(letter.ParseFromArray(record.value.data(), static_cast<int>(record.value.size())), "no dead letter");
    if (letter.code() != "sink_refused") continue;
    require(letter.body_type() == v1::DeadLetter::JSON_ITEM, "a change of a profile is a dead letter");
    out.insert(number_in_event(letter.body()));
  }
  return out;
}

void check_deliveries(const SinkStage& stage, const SinkSource& source) {
  std::map<int64_t, std::string> ids;  // by number
  std::map<uint32_t, std::vector<int64_t>> first;
  std::map<int64_t, uint32_t> partitions;
  for (const WrittenEvent& event : source.events()) {
    ids[event.number] = fmt::format("acme_hook_events_{}_{}", event.at.partition, event.offset);
    partitions[event.number] = event.at.partition;
  }
  std::set<int64_t> delivered;
  for (const Delivery& delivery : stage.deliveries) {
    const int64_t number = number_in_event(delivery.body);
    require(ids[number] == delivery.id, [&] { return "event " + std::to_string(number) + " has id " + delivery.id; });
    if (delivered.insert(number).second) first[partitions[number]].push_back(number);
  }
  for (const auto& [partition, numbers] : first)
    require(std::is_sorted(numbers.begin(), numbers.end()),
            [&, &p = partition] { return fmt::format("partition {} is delivered in another order", p); });
  const std::set<int64_t> letters = set_aside(stage);
  for (const auto& [number, id] : ids)
    require(delivered.contains(number) || letters.contains(number),
            [&, &n = number] { return fmt::format("event {} was neither delivered nor set aside", n); });
}

// ---- PostgreSQL -----------------------------------------------------------------------------------------------------

void check_rows(const SinkStage& stage, const SinkSource& source) {
  std::map<std::pair<uint32_t, Offset>, int64_t> wanted;
  for (const WrittenEvent& event : source.events())
    if (!source.erased().contains(event.user)) wanted[{event.at.partition, event.offset}] = event.number;
  for (const auto& [at, row] : stage.database.events) {
    require(!source.erased().contains(row.user),
            [&, &of = row] { return "a row is of " + of.user + ", who is erased"; });
    const auto found = wanted.find(at);
    require(found != wanted.end() && found->second == row.number, "a row is of no event");
    wanted.erase(found);
  }
  require(wanted.empty(), [&] { return fmt::format("{} events have no row", wanted.size()); });
}

void check_profile_rows(const SinkStage& stage, const SinkSource& source) {
  size_t living = 0;
  for (const auto& [hex, document] : source.documents()) {
    const auto row = stage.database.profiles.find(hex);
    const bool has_row = row != stage.database.profiles.end();
    const bool lives = !document.removed() && document.version() > 0;
    living += lives ? 1 : 0;
    require(has_row == lives, [&, &id = hex] {
      return fmt::format("profile {} {}", id, lives ? "has no row" : "is gone and has a row");
    });
    if (!has_row) continue;
    require(row->second.version == document.version() &&
                row->second.profile == model::document_json(kSinkTenant, v1::ENTITY_KIND_USER, from_hex(hex), document),
            [&, &id = hex, &now = document] {
              return fmt::format("the row of {} is of version {} and says {}, not that of {}", id, row->second.version,
                                 row->second.profile, now.version());
            });
  }
  require(stage.database.profiles.size() == living, "a row is of nobody");
}

// ---- the state topic ------------------------------------------------------------------------------------------------

void check_states(const SinkStage& stage, const SinkSource& source) {
  std::map<std::string, v1::Document> got;
  for (uint32_t p = 0; p < kSinkPartitions; ++p) {
    for (const auto& [offset, record] : stage.states.committed(kStatesTopic, static_cast<int32_t>(p))) {
      cluster::Record read;
      read.offset = offset;
      read.key = record.key;
      if (record.value) read.value = *record.value;
      for (const auto& [name, value] : record.headers) read.headers.push_back({name, value});
      const auto state = sinks::read_state(read);
      require(state && *state, "a record of the state topic can't be read");
      v1::Document& known = got[*record.key];
      require((*state)->document.version() > known.version(), [&, &of = record] {
        return fmt::format("the state of {} goes back from {} to {}", *of.key, known.version(),
                           (*state)->document.version());
      });
      require(source.was(*record.key, (*state)->document), [&, &of = record, &now = (*state)->document] {
        return fmt::format("{} was at version {} never what the state topic says", *of.key, now.version());
      });
      known = (*state)->document;
    }
  }
  for (const auto& [hex, document] : source.documents()) {
    const auto found = got.find(hex);
    const bool has = found != got.end() && !found->second.removed();
    const bool lives = !document.removed() && document.version() > 0;
    require(has == lives, [&, &id = hex] {
      return fmt::format("profile {} {}", id, lives ? "is not in the state topic" : "is gone and in the state topic");
    });
    require(!has || found->second.SerializeAsString() == document.SerializeAsString(),
            [&, &id = hex] { return "the state topic has another state of " + id; });
  }
}

}  // namespace

void check_sinks(const SinkStage& stage, const SinkSource& source) {
  check_files(stage, source);
  check_deliveries(stage, source);
  check_rows(stage, source);
  check_profile_rows(stage, source);
  check_states(stage, source);
}

}  // namespace freshet::sim
