// A log, a consumer and an asynchronous store, all of one thread, that check what the reactor owes them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "docstore/doc_store.h"
#include "eventlog/event_log.h"
#include "freshet/v1/event.pb.h"
#include "model/document.h"
#include "testing/clock.h"
#include "testing/dice.h"
#include "testing/event_log.h"

namespace freshet::reaction::testing {

using eventlog::Offset;
using eventlog::Topic;
using eventlog::TopicPartition;

// Answers later, in any order, and not always well: when tick() is called.
class FakeStore : public docstore::DocStore {
 public:
  explicit FakeStore(Dice& dice) : dice_(dice) {}

  void write(std::vector<v1::Change> bulk, docstore::WriteDone done) override {
    for (const v1::Change& change : bulk) {
      EXPECT_TRUE(in_flight.insert(change.id()).second) << "twice in flight";
      EXPECT_EQ(change.trace_parent(), "") << "a store need not keep it";
    }
    writes += bulk.size();
    bulks_max = std::max(bulks_max, bulk.size());
    queue.emplace_back(std::move(bulk), std::move(done));
    in_flight_max = std::max(in_flight_max, queue.size());
  }
  // Answers one bulk; false: there is none.
  bool tick() {
    if (queue.empty()) return false;
    const auto at = queue.begin() + static_cast<ptrdiff_t>(dice_.roll(queue.size()));
    auto [bulk, done] = std::move(*at);
    queue.erase(at);
    std::vector<Status> results;
    for (const v1::Change& change : bulk) {
      in_flight.erase(change.id());
      results.push_back(answer(change));
    }
    done(std::move(bulk), std::move(results));
    return true;
  }
  Status sync() override {
    durable = documents;
    return {};
  }
  // What a power cut leaves.
  void crash() {
    queue.clear();
    in_flight.clear();
    documents = durable;
  }
  Result<std::optional<docstore::StoredDocument>> get(const docstore::EntityKey&) override { return std::nullopt; }
  Result<std::optional<docstore::StoredDocument>> find(const std::string&, v1::EntityKind,
                                                       const v1::Identifier&) override {
    return std::nullopt;
  }
  Result<std::vector<docstore::StoredDocument>> list(const std::string&, v1::EntityKind, std::string_view,
                                                     size_t) override {
    return std::vector<docstore::StoredDocument>{};
  }

  std::map<std::string, v1::Document> documents;
  std::map<std::string, v1::Document> durable;
  std::set<std::string> in_flight;
  std::deque<std::pair<std::vector<v1::Change>, docstore::WriteDone>> queue;
  size_t retry_percent = 0;
  size_t writes = 0;
  size_t bulks_max = 0;
  size_t in_flight_max = 0;

 private:
  Dice& dice_;

  Status answer(const v1::Change& change) {
    if (change.tenant() == "poison") return fail(Code::kInvalid, "refused");
    const bool applied_first = dice_.one_in(2);  // an answer may be lost after the write
    if (dice_.roll(100) < retry_percent) {
      if (applied_first) (void)model::apply_change(documents[change.id()], change);
      return fail(Code::kRetry, "slow");
    }
    (void)model::apply_change(documents[change.id()], change);
    return {};
  }
};

// Partitions of `changes`, and the dead letters.
class FakeLog final : public eventlog::FakeLog {
 public:
  FakeLog(uint32_t partitions, Dice& dice) : changes(partitions), committed_to(partitions), dice_(dice) {}

  // Offsets rise by one or, as with Kafka, by more.
  Offset add(uint32_t partition, std::string value) {
    const Offset offset = high(partition) + static_cast<Offset>(dice_.roll(2));
    changes[partition].emplace_back(offset, std::move(value));
    return offset;
  }
  [[nodiscard]] Offset high(uint32_t partition) const {
    return changes[partition].empty() ? 0 : changes[partition].back().first + 1;
  }
  uint32_t partitions(Topic topic) const override {
    return topic == Topic::kChanges ? static_cast<uint32_t>(changes.size()) : 2;
  }
  void append(std::vector<eventlog::Produce> batches, eventlog::AppendDone done) override {
    if (dice_.one_in(3)) return done(fail(Code::kRetry, "full"));
    for (const eventlog::Produce& produce : batches) {
      EXPECT_EQ(produce.to.topic, Topic::kDeadLetters);
      std::string_view data = produce.records.data();
      std::string_view key;
      std::string_view value;
      bool corrupt = false;
      while (eventlog::next_record(data, key, value, &corrupt)) {
        v1::DeadLetter letter;
        EXPECT_TRUE(letter.ParseFromArray(value.data(), static_cast<int>(value.size())));
        letters[letter.id()] = letter;
      }
    }
    done({});
  }
  Result<eventlog::Watermarks> watermarks(TopicPartition p) override {
    return eventlog::Watermarks{0, high(p.partition)};
  }
  Result<std::optional<Offset>> committed(const std::string&, TopicPartition p) override {
    return committed_to[p.partition];
  }

  std::vector<std::vector<std::pair<Offset, std::string>>> changes;
  std::vector<std::optional<Offset>> committed_to;
  std::map<std::string, v1::DeadLetter> letters;

 private:
  Dice& dice_;
};

class FakeConsumer final : public eventlog::Consumer {
 public:
  FakeConsumer(FakeLog& log, FakeStore& store, env::FakeClock& clock, Dice& dice)
      : log_(log), store_(store), clock_(clock), dice_(dice) {}

  Result<eventlog::PollResult> poll(size_t, env::TimeUs timeout_us) override {
    eventlog::PollResult result;
    if (!assigned_) {
      assigned_ = true;
      for (uint32_t p = 0; p < log_.changes.size(); ++p) assign(p, result);
      return result;
    }
    for (size_t i = dice_.roll(3); i > 0; --i) store_.tick();
    if (dice_.one_in(30)) {  // revoked, and back with the same poll
      const auto p = static_cast<uint32_t>(dice_.roll(log_.changes.size()));
      result.revoked.push_back({Topic::kChanges, p});
      paused_.erase(p);
      assign(p, result);
    }
    for (auto& [p, next] : position_) {
      if (paused_.contains(p)) continue;
      fetch(p, next, result);
    }
    clock_.now += result.fetched.empty() ? timeout_us : 10;
    return result;
  }
  void seek(TopicPartition p, Offset next) override { position_[p.partition] = next; }
  void pause(TopicPartition p, bool paused) override {
    if (paused) {
      paused_.insert(p.partition);
      pauses += 1;
    } else {
      paused_.erase(p.partition);
    }
  }
  Status commit(eventlog::Transaction transaction) override {
    EXPECT_TRUE(transaction.outputs.empty());
    if (dice_.one_in(4)) return fail(Code::kConflict, "rebalanced");
    for (const eventlog::Position& position : transaction.done) {
      check_commit(position);
      log_.committed_to[position.of.partition] = position.next;
    }
    return {};
  }
  Result<std::optional<Offset>> committed(TopicPartition p) override {
    if (dice_.one_in(4)) return fail(Code::kRetry, "the brokers are away");
    return log_.committed_to[p.partition];
  }
  void wake() override {}

  int pauses = 0;

 private:
  void assign(uint32_t p, eventlog::PollResult& result) {
    result.assigned.push_back({Topic::kChanges, p});
    position_[p] = log_.committed_to[p].value_or(0);
  }
  void fetch(uint32_t p, Offset& next, eventlog::PollResult& result) {
    eventlog::Fetched fetched;
    fetched.from = {Topic::kChanges, p};
    size_t count = dice_.roll(6);
    for (const auto& [offset, value] : log_.changes[p]) {
      if (offset < next || count == 0) continue;
      fetched.records.push_back({offset, {}, value});
      --count;
    }
    if (fetched.records.empty()) return;
    next = fetched.records.back().offset + 1;
    fetched.next = next;
    result.fetched.push_back(std::move(fetched));
  }
  // Everything before the position is in what a power cut leaves, or a dead letter.
  void check_commit(const eventlog::Position& position) {
    for (const auto& [offset, value] : log_.changes[position.of.partition]) {
      if (offset >= position.next) break;
      v1::Change change;
      if (!change.ParseFromString(value) || change.id().size() != 16) continue;
      if (change.tenant() == "poison") {
        const bool lettered =
            std::any_of(log_.letters.begin(), log_.letters.end(), [&change = change](const auto& one) {
              v1::Change body;
              return body.ParseFromString(one.second.body()) && body.id() == change.id() &&
                     body.version() >= change.version();
            });
        EXPECT_TRUE(lettered) << "committed past a poisoned change without a dead letter";
      } else {
        EXPECT_GE(store_.durable[change.id()].version(), change.version()) << "committed past an unwritten change";
      }
    }
  }

  FakeLog& log_;
  FakeStore& store_;
  env::FakeClock& clock_;
  Dice& dice_;
  bool assigned_ = false;
  std::map<uint32_t, Offset> position_;
  std::set<uint32_t> paused_;
};

}  // namespace freshet::reaction::testing
