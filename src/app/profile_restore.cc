#include "app/profile_restore.h"

#include <fmt/core.h>

#include <algorithm>
#include <future>
#include <map>
#include <utility>
#include <vector>

#include "app/log.h"
#include "base/assert.h"
#include "base/hash.h"
#include "model/document.h"
#include "sinks/runner_loop.h"
#include "sinks/topic/reading.h"
#include "telemetry/log.h"

namespace freshet::app {
namespace {

using eventlog::Topic;

constexpr size_t kRestoreBulk = 500;
constexpr size_t kBulksUnderWay = 8;
constexpr env::TimeUs kRestoreAgainUs = 500'000;
constexpr uint32_t kRestoreAttempts = 120;  // a minute of an outage

// What has to be read of a partition of `changes`.
struct Rest {
  eventlog::Offset from = 0;
  eventlog::Offset to = 0;
};

class RestoreWriter {
 public:
  explicit RestoreWriter(const ProfileRestore& parts) : parts_(parts) {}

  // Each entity once. Returns when the store has them.
  [[nodiscard]] Status write(std::vector<v1::Change> changes) {
    for (uint32_t attempt = 0; !changes.empty(); ++attempt) {
      if (attempt == kRestoreAttempts) return fail(Code::kRetry, "the profile store takes nothing: " + why_);
      if (attempt > 0) parts_.clock.sleep_us(kRestoreAgainUs);
      FRESHET_ASSIGN(changes, write_once(std::move(changes)));
    }
    return {};
  }

  [[nodiscard]] uint64_t refused() const { return refused_; }

 private:
  struct Written {
    std::vector<v1::Change> bulk;
    std::vector<Status> results;
  };

  // What has to be written again.
  [[nodiscard]] Result<std::vector<v1::Change>> write_once(std::vector<v1::Change> changes) {
    std::vector<v1::Change> again;
    std::vector<std::future<Written>> under_way;
    const auto settle = [&]() -> Status {
      Status worst;
      for (auto& one : under_way) {
        Written written = one.get();
        for (size_t i = 0; i < written.bulk.size(); ++i) {
          const Status& result = written.results[i];
          if (result) continue;
          why_ = result.error().message;
          if (result.error().code == Code::kRetry) {
            again.push_back(std::move(written.bulk[i]));
          } else if (result.error().code == Code::kInvalid) {
            ++refused_;
            log::error("profile {} is not in the store: {}", to_hex(written.bulk[i].id()), why_);
          } else {
            worst = result;
          }
        }
      }
      under_way.clear();
      return worst;
    };
    for (size_t first = 0; first < changes.size(); first += kRestoreBulk) {
      const size_t last = std::min(changes.size(), first + kRestoreBulk);
      std::vector<v1::Change> bulk(std::make_move_iterator(changes.begin() + static_cast<ptrdiff_t>(first)),
                                   std::make_move_iterator(changes.begin() + static_cast<ptrdiff_t>(last)));
      auto promise = std::make_shared<std::promise<Written>>();
      under_way.push_back(promise->get_future());
      parts_.store.write(std::move(bulk), [promise](std::vector<v1::Change> done, std::vector<Status> results) {
        promise->set_value({std::move(done), std::move(results)});
      });
      if (under_way.size() == kBulksUnderWay) FRESHET_TRY(settle());
    }
    FRESHET_TRY(settle());
    return again;
  }

  const ProfileRestore& parts_;
  std::string why_;
  uint64_t refused_ = 0;
};

// The sink's place is read before the topic: what the topic has is as new at least. What lies before a partition's
// first place was never in the topic, and is taken from what the log has.
Result<std::vector<Rest>> rests_of(const ProfileRestore& parts) {
  const std::string group = sinks::group_of(parts.tenant, parts.sink);
  FRESHET_ASSIGN(const auto places, parts.log.all_committed(group, Topic::kChanges));
  FRESHET_ASSIGN(const auto marks, parts.log.all_watermarks(Topic::kChanges));
  FRESHET_ASSERT(places.size() == marks.size());
  const bool begun = std::any_of(places.begin(), places.end(), [](const auto& place) { return place.has_value(); });
  if (!begun)
    return fail(Code::kInvalid, fmt::format("sink {} of {} has never run on this log: its group {} has no place in "
                                            "`changes`",
                                            parts.sink, parts.tenant, group));
  std::vector<Rest> rests;
  for (size_t p = 0; p < places.size(); ++p) {
    const eventlog::Offset from = places[p].value_or(marks[p].low);
    if (from < marks[p].low)
      return fail(Code::kInvalid,
                  fmt::format("partition {} of `changes` begins at {}, and the sink was at {}: what lies between is in "
                              "neither. Start Freshet: the sink notices, and action says every profile of the "
                              "partition again, to the store too",
                              p, marks[p].low, from));
    rests.push_back({from, marks[p].high});
  }
  return rests;
}

// The changes of a fetch, folded as reaction does it.
Result<uint64_t> write_changes(const ProfileRestore& parts, RestoreWriter& writer, const eventlog::Fetched& fetched) {
  std::map<std::pair<v1::EntityKind, std::string>, v1::Change> by_entity;
  uint64_t count = 0;
  for (const eventlog::RecordView& record : fetched.records) {
    v1::Change change;
    if (!change.ParseFromArray(record.value.data(), static_cast<int>(record.value.size()))) continue;
    if (change.tenant() != parts.tenant) continue;
    ++count;
    change.clear_trace_parent();
    const auto [at, fresh] = by_entity.try_emplace({change.kind(), change.id()});
    if (fresh) {
      at->second = std::move(change);
    } else if (at->second.version() < change.version()) {
      model::fold_change(at->second, std::move(change));
    }
  }
  std::vector<v1::Change> changes;
  for (auto& [entity, change] : by_entity) changes.push_back(std::move(change));
  FRESHET_TRY(writer.write(std::move(changes)));
  return count;
}

Status write_rest(const ProfileRestore& parts, RestoreWriter& writer, uint32_t partition, const Rest& rest,
                  uint64_t& count) {
  if (rest.from >= rest.to) return {};
  const auto read = read_to_end(parts.log, {Topic::kChanges, partition}, rest.from,
                                [&](const eventlog::Fetched& fetched) -> Result<bool> {
                                  FRESHET_ASSIGN(const uint64_t written, write_changes(parts, writer, fetched));
                                  count += written;
                                  return fetched.next < rest.to;
                                });
  return read ? Status{} : tl::unexpected(read.error());
}

}  // namespace

Result<ProfilesRestored> restore_profiles(const ProfileRestore& parts) {
  ProfilesRestored restored;
  FRESHET_ASSIGN(const auto rests, rests_of(parts));
  RestoreWriter writer(parts);
  const int64_t now_us = parts.clock.now_us();
  FRESHET_ASSIGN(const auto read, sinks::read_states(
                                      parts.admin, parts.reader, parts.topic, parts.clock,
                                      [&](std::vector<sinks::ProfileState> states) {
                                        std::vector<v1::Change> changes;
                                        changes.reserve(states.size());
                                        for (const sinks::ProfileState& state : states)
                                          changes.push_back(sinks::change_to_state(parts.tenant, state, now_us));
                                        restored.states += changes.size();
                                        return writer.write(std::move(changes));
                                      },
                                      parts.progress));
  restored.set_aside = read.set_aside;
  restored.foreign = read.foreign;
  for (uint32_t p = 0; p < rests.size(); ++p) FRESHET_TRY(write_rest(parts, writer, p, rests[p], restored.changes));
  restored.refused = writer.refused();
  FRESHET_TRY(parts.store.sync());
  return restored;
}

}  // namespace freshet::app
