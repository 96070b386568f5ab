#include "capture_checks.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "base/hash.h"
#include "base/pattern.h"

namespace freshet::sim {
namespace {

using docstore::ChangeKind;
using docstore::DocumentChange;
using TransactionState = testing::FakeTransaction::State;

constexpr const char* kSetAside = "(set aside)";

size_t index_of(const std::string& position) {
  size_t at = 0;
  (void)std::from_chars(position.data(), position.data() + position.size(), at);
  return at;
}

std::string collection_of(const std::string& topic) { return topic.substr(topic.find('.') + 1); }

}  // namespace

bool CaptureJudge::is_captured(const std::string& collection) const {
  const auto& patterns = stage_.config.source.collections;
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return fits_pattern(pattern, collection); });
}

// ---- each transaction -----------------------------------------------------------------------------------------------

void CaptureJudge::check_transactions() {
  const auto topic = stage_.target.topics.find(position_topic(stage_.config));
  if (topic == stage_.target.topics.end()) return;
  const auto& entries = topic->second.at(0).entries;
  for (; seen_ < entries.size(); ++seen_) {
    const auto& entry = entries[seen_];
    if (entry.marker) continue;
    if (entry.transaction->state == TransactionState::kOpen) return;  // What lies behind it is younger.
    if (entry.transaction->state == TransactionState::kAborted) continue;
    const auto position = capture::decode_position(entry.record.value.value_or(""));
    require(position.has_value(), "a position can't be read");
    check_transaction(entry.transaction, *position);
  }
}

// What it tells of documents that have changed; of one that is deleted by a tombstone alone: that.
std::vector<CaptureJudge::Told> CaptureJudge::told_in(const Transaction& transaction) const {
  std::vector<Told> out;
  simdjson::dom::parser parser;
  for (const auto& [name, logs] : stage_.target.topics) {
    if (!name.starts_with("shop.")) continue;
    for (const auto& log : logs) {
      for (const auto& entry : log.entries) {
        if (entry.marker || entry.transaction != transaction) continue;
        Told told{collection_of(name), entry.record.key.value_or(""), "delete", entry.record.timestamp_ms, false, {}};
        if (!entry.record.value && stage_.config.deletes != capture::Deletes::kTombstone) continue;
        if (entry.record.value) {
          const simdjson::padded_string padded(*entry.record.value);
          simdjson::dom::element value;
          require(parser.parse(padded).get(value) == simdjson::SUCCESS, "a record is no JSON");
          told.op = std::string(value["op"].get_string().value());
          told.at_ms = value["at_ms"].get_int64().value();
          simdjson::dom::element before;
          told.set_aside = value["set_aside"].error() == simdjson::SUCCESS;
          if (value["before"].get(before) == simdjson::SUCCESS) told.before = simdjson::minify(before);
        }
        out.push_back(std::move(told));
      }
    }
  }
  return out;
}

// All collections are to be looked at, from a place on that was asked for, and nothing is told yet.
bool CaptureJudge::begins_anew(const capture::Position& position, size_t to, const std::vector<Told>& told) const {
  if (!position_) return true;
  return told.empty() && position.todo.size() == position.known.size() && stage_.asked_of_now.contains(to);
}

void CaptureJudge::check_order(const std::vector<Told>& told) {
  std::map<std::pair<std::string, std::string>, int64_t> last;
  for (const Told& one : told) {
    if (one.op == "snapshot") continue;
    int64_t& before = last[{one.collection, one.key}];
    require(one.at_ms >= before, [&] { return "changes of " + one.key + " are told in another order"; });
    before = one.at_ms;
  }
}

// An update whose document was gone when it was read: a delete, or the end of its collection, follows.
bool CaptureJudge::may_be_untold(size_t at) const {
  const DocumentChange& change = stage_.source.log[at];
  if (change.kind != ChangeKind::kUpdate) return false;
  return std::any_of(stage_.source.log.begin() + static_cast<std::ptrdiff_t>(at), stage_.source.log.end(),
                     [&](const DocumentChange& later) {
                       if (later.collection != change.collection && later.to != change.collection) return false;
                       return is_of_collection(later.kind) ||
                              (later.kind == ChangeKind::kDelete && later.id == change.id);
                     });
}

void CaptureJudge::check_transaction(const Transaction& transaction, const capture::Position& position) {
  const size_t to = index_of(position.at);
  require(!position_ || to >= *position_,
          [&] { return fmt::format("the position goes back from {} to {}", *position_, to); });
  const std::vector<Told> told = told_in(transaction);
  const bool anew = begins_anew(position, to, told);
  check_letters(transaction, told);
  check_order(told);
  // Changes have times of their own, which nothing else has.
  std::map<int64_t, std::vector<const Told*>> by_time;
  for (const Told& one : told)
    if (one.op != "snapshot") by_time[one.at_ms].push_back(&one);
  for (size_t i = anew ? to : *position_; i < to; ++i) {
    const DocumentChange& change = stage_.source.log[i];
    if (is_of_collection(change.kind) || !is_captured(change.collection)) continue;
    const auto found = by_time.find(change.at_ms);
    const size_t times = found == by_time.end() ? 0 : found->second.size();
    require(times == 1 || (times == 0 && may_be_untold(i)), [&] {
      return fmt::format("change {} ({} of {} in {}) is told {} times in the transaction from {} to {}", i,
                         freshet::name_of(change.kind), change.id, change.collection, times, *position_, to);
    });
    if (times == 0) continue;
    const Told& one = *found->second.front();
    require(one.op == freshet::name_of(change.kind) && one.key == change.id && one.collection == change.collection,
            [&] { return fmt::format("change {} is told as {} of {}", i, one.op, one.key); });
    // A record that would be too large goes without it.
    require(!one.before || one.before == change.before, "a record tells another document before the change");
    by_time.erase(found);
  }
  for (const auto& [at_ms, others] : by_time)
    for (const auto& change : stage_.source.log)
      require(change.at_ms != at_ms || is_of_collection(change.kind), [&] {
        return fmt::format("{} of {} is told in a transaction from {} to {} that it is not of",
                           freshet::name_of(change.kind), change.id, position_.value_or(0), to);
      });
  position_ = to;
}

void CaptureJudge::check_letters(const Transaction& transaction, const std::vector<Told>& told) const {
  size_t set_aside = 0, letters = 0;
  for (const Told& one : told) set_aside += one.set_aside ? 1 : 0;
  for (const auto& entry : stage_.target.topics.at(letters_topic(stage_.config)).at(0).entries)
    letters += !entry.marker && entry.transaction == transaction ? 1 : 0;
  require(set_aside == letters,
          [&] { return fmt::format("{} documents are set aside, and {} are dead letters", set_aside, letters); });
}

// ---- the end --------------------------------------------------------------------------------------------------------

void CaptureJudge::check_end() const {
  simdjson::dom::parser parser;
  for (const auto& [name, logs] : stage_.target.topics) {
    if (!name.starts_with("shop.")) continue;
    testing::FakeDocuments::Documents wanted, got;
    if (const auto there = stage_.source.collections.find(collection_of(name));
        there != stage_.source.collections.end() && is_captured(there->first))
      wanted = there->second;
    for (auto& [id, text] : wanted)
      if (stage_.limited && name == "shop.orders" && text.size() > kCapturedBytesMax) text = kSetAside;
    for (size_t p = 0; p < logs.size(); ++p) {
      for (const auto& [offset, record] : stage_.target.committed(name, static_cast<int32_t>(p))) {
        require(partition_of(*record.key, static_cast<uint32_t>(logs.size())) == p, "a key lies in another partition");
        got.erase(*record.key);
        if (!record.value) continue;
        const simdjson::padded_string padded(*record.value);
        const simdjson::dom::element value = parser.parse(padded);
        if (value["set_aside"].error() == simdjson::SUCCESS) got[*record.key] = kSetAside;
        if (!value["after"].is_null()) got[*record.key] = simdjson::minify(value["after"].value());
      }
    }
    require(got == wanted, [&, &topic = name] {
      for (const auto& [id, text] : wanted)
        if (!got.contains(id) || got[id] != text)
          return fmt::format("{}: document {} is {} and not {}", topic, id, got[id].substr(0, 60), text.substr(0, 60));
      for (const auto& [id, text] : got)
        if (!wanted.contains(id)) return fmt::format("{}: document {} is gone, and the topic has it", topic, id);
      return topic;
    });
  }
}

}  // namespace freshet::sim
