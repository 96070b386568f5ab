#include "app/state_profiles.h"

#include <chrono>
#include <future>
#include <utility>

#include "base/assert.h"
#include "reaction/reactor_options.h"
#include "telemetry/log.h"

namespace freshet::app {
namespace {

using docstore::StoredDocument;
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

// ---- changes without a reader -------------------------------------------------------------------------------------

Result<std::unique_ptr<PassedChanges>> PassedChanges::open(eventlog::EventLog& log, env::Clock& clock) {
  std::unique_ptr<PassedChanges> passed(new PassedChanges(log, clock));
  eventlog::ConsumerOptions options{.group = reaction::kReactionGroup, .topics = {eventlog::Topic::kChanges}};
  options.delivery = eventlog::Delivery::kAtLeastOnce;
  FRESHET_ASSIGN(passed->consumer_, log.open_consumer(options));
  return passed;
}

void PassedChanges::pass() {
  const env::TimeUs now = clock_.monotonic_us();
  if (now < due_us_) return;
  due_us_ = now + kPassUs;
  if (const Status moved = move(); !moved) spdlog::warn("topic changes: {}; it is tried again", moved.error().message);
}

Status PassedChanges::move() {
  FRESHET_ASSIGN(const auto before, log_.all_committed(reaction::kReactionGroup, eventlog::Topic::kChanges));
  FRESHET_ASSIGN(const auto marks, log_.all_watermarks(eventlog::Topic::kChanges));
  eventlog::Transaction transaction;
  for (uint32_t p = 0; p < marks.size() && p < before.size(); ++p)
    if (before[p].value_or(-1) < marks[p].high)
      transaction.done.push_back({{eventlog::Topic::kChanges, p}, marks[p].high});
  return transaction.done.empty() ? Status{} : consumer_->commit(std::move(transaction));
}

// ---- profiles -----------------------------------------------------------------------------------------------------

// Reaction does not run beside it.
void StateProfiles::write(std::vector<v1::Change> bulk, docstore::WriteDone done) {
  FRESHET_ASSERT(bulk.empty());
  done(std::move(bulk), {});
}

Found StateProfiles::get(const docstore::EntityKey& key) {
  return wait_for([&](docstore::FindDone done) {
    action::get_profile(reads_, partitions_, {key.tenant, key.kind, std::nullopt, key.id},
                        hand_over(key.tenant, key.kind, std::move(done)));
  });
}

Found StateProfiles::find(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& identifier) {
  return wait_for([&](docstore::FindDone done) { find_soon(tenant, kind, identifier, std::move(done)); });
}

void StateProfiles::find_soon(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& identifier,
                              docstore::FindDone done) {
  action::find_profile(reads_, partitions_, {tenant, kind, identifier, {}}, hand_over(tenant, kind, std::move(done)));
}

Result<std::vector<StoredDocument>> StateProfiles::list(const std::string&, v1::EntityKind, std::string_view, size_t) {
  return fail(Code::kInvalid, "profiles that are read from action's state can't be listed: profiles: {kind: embedded}");
}

}  // namespace freshet::app
