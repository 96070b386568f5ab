// What takes long (hashing the pieces of letters, rewriting files, asking the profile store) is done without the mutex,
// so that no request about letters waits for it.
#include "console/purger.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/assert.h"
#include "base/saturated.h"
#include "console/letter_values.h"
#include "model/identifier.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::console {
namespace {

// Segments of the log are sealed this long after their begin at the latest, so what was in an open one when an erasure
// was applied is in a sealed one by then, and goes when the log is trimmed.
constexpr env::TimeUs kMarkUs = 20'000'000;
constexpr env::TimeUs kPauseFactor = 20;  // a purge of files rewrites them: it takes at most a 20th of the time
constexpr env::TimeUs kPauseUsMin = 5'000'000;

}  // namespace

Purger::Purger(const KeeperOptions& options, KeptRows& kept, ErasureCopies& copies, std::atomic<bool>& stopping)
    : options_(options), kept_(kept), copies_(copies), stopping_(stopping) {
  FRESHET_ASSERT(options.log != nullptr && options.profiles != nullptr && options.clock != nullptr);
  steadiness_.look(*options_.clock);
}

Status Purger::turn() {
  steadiness_.look(*options_.clock);
  copies_.begin_turn();
  FRESHET_ASSIGN(std::vector<v1::Erasure> pending, this->pending());
  report(pending);
  FRESHET_TRY(write(pending));
  Some to_purge, to_verify;
  FRESHET_TRY(bring_on(pending, to_purge, to_verify));
  FRESHET_TRY(verify(to_verify, to_purge));
  copies_.ask(std::any_of(pending.begin(), pending.end(), [](const auto& e) { return e.applied_at_us() != 0; }));
  return purge_files(to_purge);
}

Result<std::vector<v1::Erasure>> Purger::pending() {
  std::vector<v1::Erasure> all;
  const std::lock_guard lock(kept_.mutex);
  for (const auto& [tenant, id] : kept_.erasures->pending()) {
    FRESHET_ASSIGN(auto erasure, kept_.erasures->get(tenant, id));
    if (erasure) all.push_back(std::move(*erasure));
  }
  return all;
}

void Purger::report() {
  if (const auto all = pending()) report(*all);
}

void Purger::report(const std::vector<v1::Erasure>& pending) {
  static telemetry::Gauge& count =
      telemetry::gauge("freshet_erasures_pending", "Erasures that were asked for and are not verified yet.");
  static telemetry::Gauge& oldest =
      telemetry::gauge("freshet_erasures_oldest_pending_seconds",
                       "How long ago the oldest of the pending erasures was asked for; 0 without any.");
  static telemetry::Gauge& unwritten = telemetry::gauge(
      "freshet_erasures_oldest_unwritten_seconds",
      "How long ago the oldest erasure was asked for of which the profile can still be read; 0 without any.");
  static telemetry::Gauge& within =
      telemetry::gauge("freshet_erasures_verified_within_seconds",
                       "Within how long erasures are verified, as the retention of topics is configured.");
  const env::TimeUs now = options_.clock->now_us();
  const auto seconds_since = [&](const auto& counts) {
    env::TimeUs since = now;
    for (const v1::Erasure& erasure : pending)
      if (counts(erasure)) since = std::min<env::TimeUs>(since, erasure.requested_at_us());
    return static_cast<double>(saturated_difference(now, since)) / 1e6;
  };
  count.set(static_cast<double>(pending.size()));
  oldest.set(seconds_since([](const v1::Erasure&) { return true; }));
  unwritten.set(seconds_since([](const v1::Erasure& e) { return e.written_at_us() == 0; }));
  within.set(static_cast<double>(options_.verified_within_us) / 1e6);
}

// Whoever is gone from the state is gone from the profiles, and then from the letters.
Status Purger::write(std::vector<v1::Erasure>& pending) {
  Some gone;
  for (v1::Erasure& erasure : pending) {
    if (erasure.applied_at_us() == 0 || erasure.written_at_us() != 0) continue;
    FRESHET_ASSIGN(const bool is_gone, is_gone_from_profiles(erasure));
    if (is_gone) gone.push_back(&erasure);
  }
  FRESHET_TRY(sweep_letters(gone));
  for (v1::Erasure* erasure : gone) erasure->set_written_at_us(options_.clock->now_us());
  return save(gone);
}

Status Purger::bring_on(std::vector<v1::Erasure>& pending, Some& to_purge, Some& to_verify) {
  Some changed;
  Status status;
  for (v1::Erasure& erasure : pending) {
    if (erasure.written_at_us() == 0) continue;
    const std::string before = erasure.SerializeAsString();
    const auto is_ready = bring_on(erasure);
    if (erasure.SerializeAsString() != before) changed.push_back(&erasure);
    if (!is_ready) status = tl::unexpected(is_ready.error());
    if (!is_ready) break;
    if (*is_ready) (erasure.scrubbed_at_us() != 0 ? to_verify : to_purge).push_back(&erasure);
  }
  FRESHET_TRY(save(changed));
  return status;
}

Result<bool> Purger::bring_on(v1::Erasure& erasure) {
  if (erasure.marked_at_us() == 0) {
    if (steadiness_.surely_since(erasure.applied_at_us()) < kMarkUs) return false;
    FRESHET_ASSIGN(const bool left, copies_.has_left_overflow(erasure));
    if (!left) return false;
    FRESHET_TRY(copies_.mark(erasure));
  }
  return wait_for(erasure);
}

// The next thing that has to happen elsewhere.
Result<bool> Purger::wait_for(v1::Erasure& erasure) {
  if (erasure.scrubbed_at_us() != 0) return copies_.have_ended(erasure, steadiness_);
  FRESHET_ASSIGN(const bool gone, copies_.is_gone_from_actions(erasure));
  const bool scrubbed = gone && copies_.states_are_scrubbed(erasure);
  if (!gone) erasure.set_waits_for("action, whose states and checkpoints may still need records of the person");
  if (gone && !scrubbed) erasure.set_waits_for("workers, to rewrite the files of their states");
  return scrubbed;
}

Result<bool> Purger::is_gone_from_profiles(const v1::Erasure& erasure) {
  for (const std::string& id : erasure.profiles()) {
    if (id.size() != sizeof(Hash128::bytes)) continue;
    FRESHET_ASSIGN(const auto found, options_.profiles->get({erasure.tenant(), erasure.kind(), Hash128::from(id)}));
    if (found) return false;
  }
  return true;
}

// A letter that names two of them is counted with one.
Status Purger::sweep_letters(const Some& erasures) {
  std::map<std::string, Wanted> by_tenant;
  for (v1::Erasure* erasure : erasures)
    for (const std::string& hash : erasure->hashes())
      if (hash.size() == sizeof(Hash128::bytes)) by_tenant[erasure->tenant()].emplace(Hash128::from(hash), erasure);
  for (const auto& [tenant, wanted] : by_tenant) FRESHET_TRY(sweep_letters(tenant, wanted));
  return {};
}

Status Purger::sweep_letters(const std::string& tenant, const Wanted& wanted) {
  PageBounds bounds;
  bounds.limit = bounds.rows_max;
  std::optional<std::string> after = "";
  while (after && !stopping_) {
    LetterPage page;
    {
      const std::lock_guard lock(kept_.mutex);
      FRESHET_ASSIGN(page, kept_.letters->page({tenant, ""}, *after, bounds));
    }
    after = page.next;
    std::vector<std::string> ids;
    Some whose;
    for (const v1::DeadLetter& letter : page.letters) {
      if (stopping_) break;
      Wanted::const_iterator found;
      const bool goes = any_value(letter, [&](std::string_view value) {
        found = wanted.find(model::value_hash(options_.hash_key, tenant, value));
        return found != wanted.end();
      });
      if (!goes) continue;
      ids.push_back(letter.id());
      whose.push_back(found->second);
    }
    const std::lock_guard lock(kept_.mutex);
    FRESHET_TRY(kept_.letters->remove(tenant, ids));
    for (v1::Erasure* erasure : whose) erasure->set_letters_removed(erasure->letters_removed() + 1);
  }
  return after || stopping_ ? fail(Code::kRetry, "stopped") : Status{};
}

// What is found after all begins the rest anew.
Status Purger::verify(const Some& purged, Some& to_purge) {
  std::vector<uint64_t> removed_before;
  for (const v1::Erasure* erasure : purged) removed_before.push_back(erasure->letters_removed());
  FRESHET_TRY(sweep_letters(purged));
  for (size_t i = 0; i < purged.size(); ++i) {
    v1::Erasure& erasure = *purged[i];
    FRESHET_ASSIGN(const bool gone, is_gone_from_profiles(erasure));
    const bool letters_came = erasure.letters_removed() != removed_before[i];
    erasure.set_waits_for(!gone ? "profiles" : letters_came ? "deadletters" : "");
    if (erasure.waits_for().empty()) {
      erasure.set_verified_at_us(options_.clock->now_us());
    } else {
      erasure.set_scrubbed_at_us(0);
      erasure.set_trimmed_at_us(0);
      to_purge.push_back(&erasure);
    }
  }
  return save(purged);
}

Status Purger::purge_files(const Some& ready) {
  const env::TimeUs begin = options_.clock->monotonic_us();
  if (ready.empty() || begin < purge_due_us_) return {};
  std::vector<v1::Erasure> all;
  for (const v1::Erasure* erasure : ready) all.push_back(*erasure);
  std::string waits_for;
  for (const PurgeStep& step : options_.steps) {
    const Status done = step.run(all, stopping_);
    if (stopping_) return {};
    if (!done) waits_for = fmt::format("{}: {}", step.name, done.error().message);
    if (!done) log::warn("erasure: {}; it is tried again", waits_for);
  }
  for (v1::Erasure* erasure : ready) {
    erasure->set_waits_for(waits_for);
    if (!waits_for.empty()) continue;
    FRESHET_TRY(copies_.note_ends(*erasure));
    erasure->set_scrubbed_at_us(options_.clock->now_us());
  }
  FRESHET_TRY(save(ready));
  const env::TimeUs end = options_.clock->monotonic_us();
  purge_due_us_ = end + std::max(kPauseUsMin, (end - begin) * kPauseFactor);
  return {};
}

// Late letters and records may have been counted meanwhile: the rest is this thread's alone, unless action has said
// more of it. One that was begun anew the next turn takes up.
Status Purger::save(const Some& erasures) {
  if (erasures.empty()) return {};
  const std::lock_guard lock(kept_.mutex);
  Some as_they_were;
  for (v1::Erasure* erasure : erasures) {
    FRESHET_ASSIGN(const auto now, kept_.erasures->get(erasure->tenant(), erasure->id()));
    if (now && now->applied_at_us() != erasure->applied_at_us()) continue;
    if (now) erasure->set_late_letters(now->late_letters());
    if (now) erasure->set_late_records(now->late_records());
    as_they_were.push_back(erasure);
  }
  return kept_.erasures->put(as_they_were);
}

}  // namespace freshet::console
