// The profile store that is none: profiles are read from action's own state, where one process plays action and console
// on an embedded log. Nothing is written to it, and there is nothing to sync, purge or lose.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "action/profile_reads.h"
#include "action/worker_options.h"
#include "app/config.h"
#include "docstore/doc_store.h"
#include "env/clock.h"
#include "eventlog/event_log.h"
#include "model/tenant.h"

namespace freshet::app {

class StateProfiles final : public docstore::DocStore {
 public:
  // Leaves the mark that a store which is opened later is made anew (app/rebuild.h). Log and clock outlive it.
  [[nodiscard]] static Result<std::unique_ptr<StateProfiles>> open(const Config& config, eventlog::EventLog& log,
                                                                   env::Clock& clock);

  // For the workers that answer.
  void serve(action::WorkerOptions& options);
  // Topic `changes` is written if somebody may read it: the configuration says so, or a sink of these.
  void use(const std::vector<std::shared_ptr<const model::Tenant>>& tenants);
  [[nodiscard]] bool writes_changes() const { return writes_changes_; }
  // To be called every second or so.
  void look_after();
  // Once the workers have stopped: whoever still waits is told to come again.
  void close() { reads_.close(); }

  void write(std::vector<v1::Change> bulk, docstore::WriteDone done) override;
  [[nodiscard]] Status sync() override { return {}; }
  void get_soon(const docstore::EntityKey& key, docstore::FindDone done) override;
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
  // Whether a record of this id came that names one of these first, within the last day: action::find_message.
  void find_message(const std::string& tenant, v1::EntityKind kind, const std::vector<v1::Identifier>& senders,
                    const std::string& message_id, action::MessageFound done);

 private:
  StateProfiles(const Config& config, eventlog::EventLog& log, env::Clock& clock);
  [[nodiscard]] Status pass_changes();

  const uint32_t partitions_;
  const bool changes_wanted_;
  eventlog::EventLog& log_;
  env::Clock& clock_;
  action::ProfileReads reads_;
  std::atomic<bool> writes_changes_{true};
  std::unique_ptr<eventlog::Consumer> passes_;  // of reaction's group
  env::TimeUs pass_due_us_ = 0;
};

}  // namespace freshet::app
