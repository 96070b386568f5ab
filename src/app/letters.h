// The console's keeper of dead letters and erasures, and the places of this process that copies of an erased person are
// taken out of.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/config.h"
#include "console/letter_keeper.h"
#include "docstore/doc_store.h"
#include "env/clock.h"
#include "eventlog/event_log.h"
#include "ingest/service.h"
#include "kv/mending_store.h"
#include "kv/store.h"
#include "model/tenant.h"

namespace freshet::app {

using PresentTenants = std::function<std::vector<std::shared_ptr<const model::Tenant>>()>;

// Stores that hold what records brought, whoever opens and closes them. Thread-safe.
class PurgedStores {
 public:
  void add(std::weak_ptr<kv::Store> store);
  // kv::Store::scrub of all that are open.
  [[nodiscard]] Status scrub(std::atomic<bool>& canceled);

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<kv::Store>> stores_;
};

// On the store of Stores::open_letters. What it is given outlives the keeper. `present`: whose sinks read the topic,
// too.
[[nodiscard]] Result<std::shared_ptr<console::LetterKeeper>> keep_letters(
    const Config& config, std::shared_ptr<kv::MendingStore> store, const std::string& hash_key, eventlog::EventLog& log,
    docstore::DocStore& profiles, PurgedStores& stores, env::Clock& clock, PresentTenants present);

// Has action say the profile whole that a letter's change is of: a profile store has refused it, and takes it now.
// kInvalid: there is no such change in it; then `done` is not called.
[[nodiscard]] Status replay_change(const v1::DeadLetter& letter, eventlog::EventLog& log, env::Clock& clock,
                                   eventlog::AppendDone done);

// Sends a letter again by whoever can, and calls `done` once, also if nobody can. What it is given outlives it.
[[nodiscard]] std::function<void(const v1::DeadLetter&, std::function<void(Status)> done)> replayer_of(
    ingest::Service& service, eventlog::EventLog& log, env::Clock& clock);

}  // namespace freshet::app
