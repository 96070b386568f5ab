#include "app/letters.h"

#include <algorithm>
#include <set>
#include <utility>

#include "action/control.h"
#include "app/log.h"
#include "app/sinks.h"
#include "app/what_is_left.h"
#include "base/assert.h"
#include "base/hash.h"
#include "freshet/v1/change.pb.h"
#include "model/home.h"

namespace freshet::app {
namespace {

using console::PurgeStep;
using eventlog::Topic;
using Keys = std::set<std::string, std::less<>>;

// Events have the profile's id in hex as their key, changes its bytes.
Status purge_log(eventlog::EventLog& log, const std::vector<v1::Erasure>& erasures, std::atomic<bool>& canceled) {
  Keys ids;
  Keys hex;
  for (const v1::Erasure& erasure : erasures) {
    for (const std::string& id : erasure.profiles()) {
      ids.insert(id);
      hex.insert(to_hex(id));
    }
  }
  FRESHET_TRY(log.forget(Topic::kEvents, hex, canceled));
  FRESHET_TRY(log.forget(Topic::kChanges, ids, canceled));
  return log.scrub(canceled);
}

// A control record without rules is none for any version of action, and an overflow record without a key and positions
// none for any drain.
Status nudge(eventlog::EventLog& log, uint32_t partitions, bool overflow, env::Clock& clock) {
  v1::Envelope nothing;
  nothing.set_kind(v1::Envelope::CONTROL);
  nothing.set_received_at_us(clock.now_us());
  nothing.mutable_control()->set_changes_only(true);
  std::vector<eventlog::Produce> batches;
  for (uint32_t p = 0; p < partitions; ++p) {
    batches.push_back({{Topic::kActions, p}, {}});
    batches.back().records.add({}, nothing.SerializeAsString());
    if (!overflow) continue;
    batches.push_back({{Topic::kOverflow, p}, {}});
    batches.back().records.add({}, {});
  }
  return append(log, std::move(batches));
}

// A day for what is rewritten (docs/operations/erasure.md); on Kafka nobody takes a record out of a topic, so it comes
// after the longest time that one is kept there, with its segment (a 24th of that, from 1 to 24 hours).
env::TimeUs verified_within_us(const Config& config) {
  constexpr env::TimeUs kHourUs = 3'600'000'000;
  if (config.log.kind == Config::LogKind::kEmbedded) return 24 * kHourUs;
  const Config::Retention& kept = config.retention;
  const env::TimeUs longest = std::max({events_kept_us(config), kept.changes_us, kept.deadletters_us});
  return longest + std::clamp(longest / 24, kHourUs, 24 * kHourUs) + 24 * kHourUs;
}

}  // namespace

void PurgedStores::add(std::weak_ptr<kv::Store> store) {
  const std::lock_guard lock(mutex_);
  std::erase_if(stores_, [](const auto& known) { return known.expired(); });
  stores_.push_back(std::move(store));
}

Status PurgedStores::scrub(std::atomic<bool>& canceled) {
  std::vector<std::weak_ptr<kv::Store>> stores;
  {
    const std::lock_guard lock(mutex_);
    stores = stores_;
  }
  for (const auto& known : stores) {
    if (const std::shared_ptr<kv::Store> store = known.lock()) FRESHET_TRY(store->scrub(canceled));
  }
  return {};
}

Result<std::shared_ptr<console::LetterKeeper>> keep_letters(const Config& config,
                                                            std::shared_ptr<kv::MendingStore> store,
                                                            const std::string& hash_key, eventlog::EventLog& log,
                                                            docstore::DocStore& profiles, PurgedStores& stores,
                                                            env::Clock& clock, PresentTenants present) {
  const bool embedded = config.log.kind == Config::LogKind::kEmbedded;
  console::KeeperOptions keeper;
  keeper.quota = {config.deadletters.count, config.deadletters.bytes, config.retention.deadletters_us};
  keeper.hash_key = hash_key;
  keeper.log = &log;
  keeper.log_name = log_name(config);
  keeper.profiles = &profiles;
  keeper.clock = &clock;
  keeper.mend = [letters = store.get()] { return letters->mend(); };
  keeper.trims_topic = embedded;
  // Sinks learn from the same topic who was erased. A process without them has nobody who reads there.
  if (embedded && config.roles.reaction) {
    keeper.copies.letters_wait = true;
    keeper.others_read = [&log, present = std::move(present)](eventlog::TopicPartition of) {
      return read_by_sinks(log, present(), of);
    };
  }
  if (!embedded) keeper.copies.states = 1 + config.state.standbys;
  keeper.verified_within_us = verified_within_us(config);
  keeper.copies.nudge = [&log, &clock, embedded, partitions = config.log.partitions] {
    return nudge(log, partitions, !embedded, clock);
  };
  keeper.steps = {
      {"log", [&log](const auto& erasures, auto& canceled) { return purge_log(log, erasures, canceled); }},
      {"state and imports", [&stores](const auto&, auto& canceled) { return stores.scrub(canceled); }},
      {"profiles", [&profiles](const auto&, auto& canceled) { return profiles.scrub(canceled); }},
      {"deadletters", [letters = store.get()](const auto&, auto& canceled) { return letters->scrub(canceled); }}};
  auto started = console::LetterKeeper::start(std::move(store), std::move(keeper));
  if (!started) return tl::unexpected(with_way_on(std::move(started).error()));
  return std::shared_ptr<console::LetterKeeper>(std::move(*started));
}

Status replay_change(const v1::DeadLetter& letter, eventlog::EventLog& log, env::Clock& clock,
                     eventlog::AppendDone done) {
  FRESHET_ASSERT(done != nullptr);
  v1::Change change;
  if (!change.ParseFromString(letter.body()) || change.id().size() != sizeof(Hash128) ||
      change.tenant() != letter.tenant())
    return fail(Code::kInvalid, "dead letter " + letter.id() + " holds no change of a profile of its tenant");
  const uint32_t partitions = std::max(log.partitions(Topic::kActions), 1U);
  std::vector<eventlog::Produce> batches(1);
  batches[0].to = {Topic::kActions, model::partition_of(Hash128::from(change.id()), partitions)};
  batches[0].records.add(
      {}, action::republish_one_record(clock.now_us(), change.tenant(), change.id()).SerializeAsString());
  log.append(std::move(batches), std::move(done));
  return {};
}

std::function<void(const v1::DeadLetter&, std::function<void(Status)> done)> replayer_of(ingest::Service& service,
                                                                                         eventlog::EventLog& log,
                                                                                         env::Clock& clock) {
  return [&](const v1::DeadLetter& letter, const std::function<void(Status)>& done) {
    // What a sink's target has refused is that sink's alone: said again, it would go to all others, too.
    const bool is_stores = letter.source() == "reaction" && letter.body_type() == v1::DeadLetter::CHANGE;
    Status taken = is_stores ? replay_change(letter, log, clock, done) : service.replay(letter, done);
    if (!taken) done(std::move(taken));
  };
}

}  // namespace freshet::app
