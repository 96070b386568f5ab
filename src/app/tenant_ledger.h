// The tenants of this installation as the log has them, and how changes get there: those of the configuration file and
// those that come by the admin listener. A change is done in three steps, so that a record of a tenant never meets a
// partition of action that does not know the tenant's rules:
//
//   1. topic schema    its revision is claimed and what it changes is proposed (app/agreement.h): the first claim
//                      counts
//   2. topic actions   the rules of the tenants that it changes, in every partition
//   3. topic schema    it is published: from here on every process that reads this has the change in force
//
// Whoever dies between them leaves a proposal that any other process finishes. docs/format/tenants.md.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "app/agreement.h"
#include "app/config.h"
#include "app/installation.h"
#include "app/tenant_book.h"
#include "console/tenants.h"
#include "env/clock.h"
#include "eventlog/event_log.h"
#include "ingest/auth.h"

namespace freshet::app {

// With those that were removed.
inline constexpr size_t kTenantsEverMax = 100'000;

struct TenantLedgerOptions {
  eventlog::EventLog* log = nullptr;
  schema::Registry* registry = nullptr;
  Installation* installation = nullptr;
  uint32_t partitions = 1;  // of topic actions
  env::Clock* clock = nullptr;
  env::Random* random = nullptr;
};

// One thread writes and follows; what reads only is for any.
class TenantLedger {
 public:
  // All that `options` names outlives it.
  explicit TenantLedger(const TenantLedgerOptions& options);

  // Agrees with the other processes of this log on the key of the alias hashes and on what is in force.
  [[nodiscard]] Status agree();
  // Takes in what the log has by now.
  [[nodiscard]] Status follow() { return agreement_.follow(); }
  // Puts the file's tenants and rules in force, if they are not yet. `implicit`: there is no file.
  [[nodiscard]] Status publish(const Config& config, bool implicit);
  // What it stands on, for the same thread; its moves() are for any.
  [[nodiscard]] Agreement& agreement() { return agreement_; }
  // Puts a change in force that comes by the API, as TenantDesk::change() says.
  [[nodiscard]] Result<std::optional<std::string>> make_change(const console::TenantOrder& order);
  // Finishes what others have left.
  void finish_stale();

  struct Changed {
    ingest::Tenants tenants;
    std::map<std::string, std::shared_ptr<const model::Tenant>> which;
  };
  // nullopt: nothing has changed since the last call.
  [[nodiscard]] std::optional<Changed> take_changed();

  // ---- thread-safe
  [[nodiscard]] ingest::Tenants tenants() const;
  // Those that are there or were removed.
  [[nodiscard]] std::vector<std::shared_ptr<const model::Tenant>> all() const;
  // Those that are there.
  [[nodiscard]] std::vector<std::shared_ptr<const model::Tenant>> present() const;
  [[nodiscard]] std::shared_ptr<const model::Tenant> find(const std::string& name) const;
  [[nodiscard]] std::vector<console::TenantSummary> list(std::string_view after, size_t limit) const;
  [[nodiscard]] std::optional<std::string> show(const std::string& name) const;
  [[nodiscard]] std::optional<std::string> show_plan(const std::string& name) const;

 private:
  void take(const v1::TenantsChange& change);
  // Steps 2 and 3 of a revision.
  [[nodiscard]] Status finish(uint64_t revision);
  [[nodiscard]] Status finish_all();
  [[nodiscard]] Status append_everywhere(const v1::Envelope& control);
  [[nodiscard]] Status append_rules(const std::vector<v1::TenantRules>& rules, uint64_t revision);

  [[nodiscard]] Result<std::vector<TenantBook::ProposedPart>> changes_of_file(const Config& config,
                                                                              uint64_t revision) const;
  [[nodiscard]] Status propose(const std::vector<TenantBook::ProposedPart>& parts, uint64_t revision);
  [[nodiscard]] Status check_file(const Config& config) const;
  [[nodiscard]] Status check_keys(const model::Tenant& tenant) const;
  // What the change would be. Without parts: it is so already. nullopt: it adds keys, and the order may not.
  [[nodiscard]] Result<std::optional<v1::TenantsChange>> change_of(const console::TenantOrder& order) const;

  const TenantLedgerOptions options_;
  Agreement agreement_;
  mutable std::mutex mutex_;  // of what follows; nobody holds it for longer than a look takes
  TenantBook book_;
  ingest::Tenants now_;
  std::map<std::string, std::shared_ptr<const model::Tenant>> changed_;
  std::map<uint64_t, env::TimeUs> proposed_at_us_;  // monotonic: since when a proposal waits, as seen here
};

}  // namespace freshet::app
