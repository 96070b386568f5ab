// The profile store that is none: profiles are read from action's own state, where one process plays action and console
// on an embedded log. Nothing is written to it, and there is nothing to sync, purge or lose.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "action/profile_reads.h"
#include "docstore/doc_store.h"
#include "env/clock.h"
#include "eventlog/event_log.h"

namespace freshet::app {

// What is in topic `changes` beside sinks has no reader, so what reaction would have read counts as read: else the log
// would keep it for ever, and a reaction that starts here one day would begin long before what is kept.
class PassedChanges {
 public:
  // The log outlives it.
  [[nodiscard]] static Result<std::unique_ptr<PassedChanges>> open(eventlog::EventLog& log, env::Clock& clock);
  // To be called every second or so; it does something now and then.
  void pass();

 private:
  PassedChanges(eventlog::EventLog& log, env::Clock& clock) : log_(log), clock_(clock) {}
  [[nodiscard]] Status move();

  eventlog::EventLog& log_;
  env::Clock& clock_;
  std::unique_ptr<eventlog::Consumer> consumer_;  // of reaction's group
  env::TimeUs due_us_ = 0;
};

class StateProfiles final : public docstore::DocStore {
 public:
  StateProfiles(uint32_t partitions, env::Clock& clock) : partitions_(partitions), reads_(partitions, clock) {}

  // For the workers that answer.
  [[nodiscard]] action::ProfileReads& reads() { return reads_; }
  // Once the workers have stopped: whoever still waits is told to come again.
  void close() { reads_.close(); }

  void write(std::vector<v1::Change> bulk, docstore::WriteDone done) override;
  [[nodiscard]] Status sync() override { return {}; }
  // These two block until a worker has answered.
  [[nodiscard]] Result<std::optional<docstore::StoredDocument>> get(const docstore::EntityKey& key) override;
  [[nodiscard]] Result<std::optional<docstore::StoredDocument>> find(const std::string& tenant, v1::EntityKind kind,
                                                                     const v1::Identifier& identifier) override;
  void find_soon(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& identifier,
                 docstore::FindDone done) override;
  // kInvalid: states are not in the order of tenants.
  [[nodiscard]] Result<std::vector<docstore::StoredDocument>> list(const std::string& tenant, v1::EntityKind kind,
                                                                   std::string_view after, size_t count) override;
  [[nodiscard]] bool is_ahead() const override { return true; }

 private:
  const uint32_t partitions_;
  action::ProfileReads reads_;
};

}  // namespace freshet::app
