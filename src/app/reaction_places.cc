#include "app/reaction_places.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "reaction/reactor_options.h"

namespace freshet::app {
namespace {

using eventlog::Topic;

// A group that a process has left without a word gives its partitions away after a session, 45 s by default.
constexpr env::TimeUs kTakenWithinUs = 120'000'000;
constexpr env::TimeUs kPollUs = 200'000;
constexpr size_t kNothing = 1;  // bytes of a poll: no record is wanted

// Becomes the only reader of these partitions. Each is sought where it is to go on as soon as it is ours: a poll from
// its old place would fail.
Status take(eventlog::Consumer& consumer, const std::vector<eventlog::Position>& places, env::Clock& clock) {
  std::set<uint32_t> missing;
  for (const eventlog::Position& place : places) missing.insert(place.of.partition);
  const env::TimeUs until = clock.monotonic_us() + kTakenWithinUs;
  while (!missing.empty()) {
    if (clock.monotonic_us() > until)
      return fail(
          Code::kConflict,
          fmt::format("group {}: somebody else has {} of its partitions of `changes`: stop all processes of the "
                      "role reaction",
                      reaction::kReactionGroup, missing.size()));
    auto polled = consumer.poll(kNothing, kPollUs);
    if (!polled && polled.error().code == Code::kRetry) {
      clock.sleep_us(kPollUs);
      continue;
    }
    if (!polled) return tl::unexpected(std::move(polled).error());
    for (const auto& gone : polled->revoked) missing.insert(gone.partition);
    for (const auto& mine : polled->assigned) {
      missing.erase(mine.partition);
      for (const eventlog::Position& place : places)
        if (place.of == mine) consumer.seek(mine, place.next);
    }
  }
  return {};
}

}  // namespace

Result<uint32_t> move_places_up(eventlog::EventLog& log, env::Clock& clock) {
  FRESHET_ASSIGN(const auto before, log.all_committed(reaction::kReactionGroup, Topic::kChanges));
  FRESHET_ASSIGN(const auto marks, log.all_watermarks(Topic::kChanges));
  std::vector<eventlog::Position> places;
  eventlog::Transaction moved;
  for (uint32_t p = 0; p < marks.size() && p < before.size(); ++p) {
    const eventlog::Offset at = before[p].value_or(marks[p].low);
    places.push_back({{Topic::kChanges, p}, std::max(at, marks[p].low)});
    if (at < marks[p].low) moved.done.push_back(places.back());
  }
  if (moved.done.empty()) return 0;
  eventlog::ConsumerOptions options{.group = reaction::kReactionGroup, .topics = {Topic::kChanges}};
  options.delivery = eventlog::Delivery::kAtLeastOnce;
  FRESHET_ASSIGN(const auto consumer, log.open_consumer(options));
  FRESHET_TRY(take(*consumer, places, clock));
  const auto count = static_cast<uint32_t>(moved.done.size());
  FRESHET_TRY(consumer->commit(std::move(moved)));
  return count;
}

}  // namespace freshet::app
