// Questions go to the workers (action/profile_reads.h) and come back on their threads. Whoever may wait, as the purge
// of an erasure, blocks for them; the admin listener, which has one thread for all, does not.
#include "app/state_profiles.h"

#include <chrono>
#include <future>
#include <utility>

#include "app/rebuild.h"
#include "base/assert.h"
#include "reaction/reactor_options.h"
#include "telemetry/log.h"

namespace freshet::app {
namespace {

using docstore::StoredDocument;
using eventlog::Topic;
using Found = Result<std::optional<StoredDocument>>;

// Questions expire by themselves while workers run. This is for the moments in which none does.
constexpr std::chrono::seconds kGiveUp{30};
constexpr env::TimeUs kPassUs = 60'000'000;

action::ProfileFound hand_over(std::string tenant, v1::EntityKind kind, docstore::FindDone done) {
  return [tenant = std::move(tenant), kind,
          done = std::move(done)](Result<std::optional<action::FoundProfile>> found) mutable {
    if (!found) return done(tl::unexpected(std::move(found).error()));
    if (!*found) return done(std::nullopt);
    done(StoredDocument{{std::move(tenant), kind, (*found)->id}, std::move((*found)->document)});
  };
}

// Asks, and waits for what comes of it. Whoever gave up has no need of a late answer.
template <class Ask>
Found wait_for(const Ask& ask) {
  const auto promise = std::make_shared<std::promise<Found>>();
  std::future<Found> answer = promise->get_future();
  ask([promise](Found found) { promise->set_value(std::move(found)); });
  if (answer.wait_for(kGiveUp) != std::future_status::ready)
    return fail(Code::kRetry, "action does not answer: come again in a moment");
  return answer.get();
}

}  // namespace

StateProfiles::StateProfiles(const Config& config, eventlog::EventLog& log, env::Clock& clock)
    : partitions_(config.log.partitions),
      changes_wanted_(config.profiles.changes == Config::Profiles::Changes::kWritten),
      log_(log),
      clock_(clock),
      reads_(config.log.partitions, clock) {}

Result<std::unique_ptr<StateProfiles>> StateProfiles::open(const Config& config, eventlog::EventLog& log,
                                                           env::Clock& clock) {
  FRESHET_TRY(mark_unused(config.data_dir));
  std::unique_ptr<StateProfiles> profiles(new StateProfiles(config, log, clock));
  eventlog::ConsumerOptions options{.group = reaction::kReactionGroup, .topics = {Topic::kChanges}};
  options.delivery = eventlog::Delivery::kAtLeastOnce;
  FRESHET_ASSIGN(profiles->passes_, log.open_consumer(options));
  return profiles;
}

void StateProfiles::serve(action::WorkerOptions& options) {
  options.reads = &reads_;
  options.says_changes = &writes_changes_;
}

void StateProfiles::use(const std::vector<std::shared_ptr<const model::Tenant>>& tenants) {
  bool read = changes_wanted_;
  for (const auto& tenant : tenants)
    for (const model::Sink& sink : tenant->sinks) read = read || sink.on == model::SinkOn::kChanges;
  writes_changes_ = read;
}

// What is in topic `changes` has no reader but sinks, so what reaction would have read counts as read: else the log
// would keep it for ever, and a reaction that starts here one day would begin long before what is kept.
Status StateProfiles::pass_changes() {
  FRESHET_ASSIGN(const auto before, log_.all_committed(reaction::kReactionGroup, Topic::kChanges));
  FRESHET_ASSIGN(const auto marks, log_.all_watermarks(Topic::kChanges));
  eventlog::Transaction transaction;
  for (uint32_t p = 0; p < marks.size() && p < before.size(); ++p)
    if (before[p].value_or(-1) < marks[p].high) transaction.done.push_back({{Topic::kChanges, p}, marks[p].high});
  return transaction.done.empty() ? Status{} : passes_->commit(std::move(transaction));
}

void StateProfiles::look_after() {
  const env::TimeUs now = clock_.monotonic_us();
  if (now < pass_due_us_) return;
  pass_due_us_ = now + kPassUs;
  if (const Status passed = pass_changes(); !passed)
    log::warn("topic changes: {}; it is tried again", passed.error().message);
}

// Reaction does not run beside it.
void StateProfiles::write(std::vector<v1::Change> bulk, docstore::WriteDone done) {
  FRESHET_ASSERT(bulk.empty());
  done(std::move(bulk), {});
}

Found StateProfiles::get(const docstore::EntityKey& key) {
  return wait_for([&](docstore::FindDone done) { get_soon(key, std::move(done)); });
}

void StateProfiles::get_soon(const docstore::EntityKey& key, docstore::FindDone done) {
  action::get_profile(reads_, partitions_, {key.tenant, key.kind, std::nullopt, key.id},
                      hand_over(key.tenant, key.kind, std::move(done)));
}

Found StateProfiles::find(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& identifier) {
  return wait_for([&](docstore::FindDone done) { find_soon(tenant, kind, identifier, std::move(done)); });
}

void StateProfiles::find_soon(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& identifier,
                              docstore::FindDone done) {
  action::find_profile(reads_, partitions_, {tenant, kind, identifier, {}}, hand_over(tenant, kind, std::move(done)));
}

void StateProfiles::find_message(const std::string& tenant, v1::EntityKind kind,
                                 const std::vector<v1::Identifier>& senders, const std::string& message_id,
                                 action::MessageFound done) {
  action::find_message(reads_, partitions_, {tenant, kind, std::nullopt, {}}, senders, message_id, std::move(done));
}

Result<std::vector<StoredDocument>> StateProfiles::list(const std::string&, v1::EntityKind, std::string_view, size_t) {
  return fail(Code::kInvalid, "profiles that are read from action's state can't be listed: profiles: {kind: embedded}");
}

}  // namespace freshet::app
