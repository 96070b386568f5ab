// One thread for all that changes tenants: what other processes have changed (the log says it), what the API and SIGHUP
// want changed. So no two changes meet, and whoever serves requests never waits for a change.
#include "app/tenant_keeper.h"

#include <chrono>
#include <set>
#include <utility>

#include "base/assert.h"
#include "env/thread.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

// Every node follows within two seconds.
constexpr auto kFollowEvery = std::chrono::milliseconds(400);
constexpr size_t kWorkMax = 64;

telemetry::Counter& reload_failures() {
  static telemetry::Counter& failures = telemetry::counter(
      "freshet_config_reload_failures_total", "Configuration files that SIGHUP read and that were not taken.");
  return failures;
}

// Sections that differ.
std::string sections_to_restart_for(const std::map<std::string, std::string>& now,
                                    const std::map<std::string, std::string>& before) {
  std::set<std::string> names;
  for (const auto& [name, hash] : now)
    if (!before.contains(name) || before.at(name) != hash) names.insert(name);
  for (const auto& [name, hash] : before)
    if (!now.contains(name)) names.insert(name);
  std::string out;
  for (const std::string& name : names) out.append(out.empty() ? "" : ", ").append(name);
  return out;
}

// Another node may have been first.
void say_that_it_has_caught_up(Agreement& agreement) {
  if (agreement.moves().at() != v1::Move::ARRIVED) return;
  const Status said = agreement.take_step(v1::Move::CAUGHT_UP, agreement.moves().other_prefix());
  if (said) return log::info("all that had waited for the state of this log is done");
  log::debug("{}", said.error().message);
}

}  // namespace

TenantKeeper::TenantKeeper(const TenantLedgerOptions& options) : ledger_(options) {
  static_cast<void>(reload_failures());  // It is shown from the start.
}

TenantKeeper::~TenantKeeper() { stop(); }

void TenantKeeper::hand_on() {
  auto changed = ledger_.take_changed();
  if (!changed) return;
  if (changed_) changed_(changed->tenants);
  for (auto& [name, tenant] : changed->which) unprepared_[name] = std::move(tenant);
}

// A new tenant's collections and indexes may have to wait for a store that is away; its records are taken meanwhile.
void TenantKeeper::prepare_some() {
  if (!prepare_) return unprepared_.clear();
  for (auto at = unprepared_.begin(); at != unprepared_.end();) {
    const Status prepared = prepare_(*at->second);
    if (!prepared) log::warn("tenant {}: {}; it is tried again", at->first, prepared.error().message);
    at = prepared ? unprepared_.erase(at) : std::next(at);
  }
}

// What the log says comes first, so that a change is checked against what is in force, and not against what was.
void TenantKeeper::turn() {
  if (const Status followed = ledger_.follow(); !followed) log::debug("{}", followed.error().message);
  hand_on();
  while (true) {
    Work work;
    {
      const std::lock_guard lock(mutex_);
      if (work_.empty()) break;
      work = std::move(work_.front());
      work_.pop_front();
    }
    work();
  }
  ledger_.finish_stale();
  if (caught_up_.exchange(false)) say_that_it_has_caught_up(ledger_.agreement());
  hand_on();
  prepare_some();
}

void TenantKeeper::run() {
  env::name_thread("tenants");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    turn();
    lock.lock();
    wake_.wait_for(lock, kFollowEvery, [this] { return stopping_ || !work_.empty(); });
  }
}

void TenantKeeper::start(std::function<void(const ingest::Tenants&)> changed,
                         std::function<Status(const model::Tenant&)> prepare) {
  FRESHET_ASSERT(!thread_.joinable() && changed != nullptr);
  changed_ = std::move(changed);
  prepare_ = std::move(prepare);
  static_cast<void>(ledger_.take_changed());  // The stores were opened with them.
  changed_(ledger_.tenants());
  thread_ = std::thread([this] { run(); });
}

void TenantKeeper::stop() {
  std::deque<Work> left;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    left.swap(work_);
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  // Whoever waits is told that nothing is done any more.
  for (const Work& work : left) work();
}

bool TenantKeeper::is_stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void TenantKeeper::post(Work work, const std::function<void()>& refused) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || work_.size() >= kWorkMax) return refused();
    work_.push_back(std::move(work));
  }
  wake_.notify_all();
}

void TenantKeeper::reload(Config config, std::map<std::string, std::string> sections_before) {
  post(
      [this, config = std::move(config), before = std::move(sections_before)] {
        if (is_stopping()) return;
        const uint64_t revision_before = ledger_.agreement().file_revision();
        if (const Status published = ledger_.publish(config, false); !published) {
          reload_failures().add();
          return log::error("SIGHUP: {}; the tenants stay as they are", published.error().message);
        }
        const std::string sections = sections_to_restart_for(config.section_hashes, before);
        if (!sections.empty())
          log::warn("SIGHUP: {}: changed in the file, and taken when the process starts again", sections);
        if (ledger_.agreement().file_revision() == revision_before)
          return log::info("SIGHUP: the file's tenants and rules are those of revision {}, as before", revision_before);
        log::info("SIGHUP: revision {} of the file is in force", ledger_.agreement().file_revision());
      },
      [] {
        reload_failures().add();
        log::error("SIGHUP: too much waits already; send it again");
      });
}

void TenantKeeper::change(console::TenantOrder order, Done done) {
  const auto busy = [done] { done(fail(Code::kRetry, "too many changes wait already; send it again in a moment")); };
  post(
      [this, order = std::move(order), done] {
        if (is_stopping()) return done(fail(Code::kRetry, "the process is stopping; send it again"));
        auto made = ledger_.make_change(order);
        hand_on();  // before the answer: whoever has it may use a new key at once
        done(std::move(made));
      },
      busy);
}

}  // namespace freshet::app
