#include "action/events/sessions.h"

#include <algorithm>

#include "action/events/sorted.h"
#include "base/assert.h"
#include "base/saturated.h"

namespace freshet::action {
namespace {

int64_t length_of(const v1::Session& session) {
  FRESHET_ASSERT(session.start_us() <= session.last_us());
  return saturated_difference(session.last_us(), session.start_us());
}

void extend(v1::Session& session, const v1::Session& by) {
  session.set_start_us(std::min(session.start_us(), by.start_us()));
  session.set_last_us(std::max(session.last_us(), by.last_us()));
  session.set_events(session.events() + by.events());
}

// Two that are kept lie further apart than the gap. So those that `added` touches are neighbours, and touch no others.
void put_session(v1::Sessions& sessions, const v1::Session& added, int64_t gap_us) {
  auto& recent = *sessions.mutable_recent();
  int end = recent.size();  // Most events are of the last session, so the place is sought from the end.
  while (end > 0 && recent[end - 1].start_us() > saturated_sum(added.last_us(), gap_us)) --end;
  int begin = end;
  while (begin > 0 && saturated_sum(recent[begin - 1].last_us(), gap_us) >= added.start_us()) --begin;
  if (begin == end) {
    insert_at(recent, begin) = added;
    return;
  }
  v1::Session& session = recent[begin];
  for (int i = begin + 1; i < end; ++i) extend(session, recent[i]);
  extend(session, added);
  recent.erase(recent.begin() + begin + 1, recent.begin() + end);
}

void forget_oldest(v1::Sessions& sessions) {
  auto& recent = *sessions.mutable_recent();
  while (recent.size() > kRecentSessionsMax) {
    sessions.set_before(sessions.before() + 1);
    sessions.set_before_us(saturated_sum(sessions.before_us(), length_of(recent[0])));
    recent.erase(recent.begin());
  }
}

bool is_before_all(const v1::Sessions& sessions, const v1::Session& session, int64_t gap_us) {
  return sessions.before() > 0 && saturated_sum(session.last_us(), gap_us) < sessions.recent(0).start_us();
}

}  // namespace

bool note_activity(v1::Sessions& sessions, int64_t time_us, int64_t gap_us) {
  FRESHET_ASSERT(gap_us > 0);
  v1::Session event;
  event.set_start_us(time_us);
  event.set_last_us(time_us);
  event.set_events(1);
  if (is_before_all(sessions, event, gap_us)) return false;
  if (FRESHET_MUTANT(kSessionByArrival) && !sessions.recent().empty()) {
    v1::Session& last = *sessions.mutable_recent()->rbegin();
    if (time_us < last.start_us()) return false;
  }
  const uint64_t count = session_count(sessions);
  put_session(sessions, event, gap_us);
  forget_oldest(sessions);
  return session_count(sessions) != count;
}

void absorb_sessions(v1::Sessions& sessions, const v1::Sessions& from, int64_t gap_us) {
  sessions.set_before(sessions.before() + from.before());
  sessions.set_before_us(saturated_sum(sessions.before_us(), from.before_us()));
  for (const v1::Session& session : from.recent()) put_session(sessions, session, gap_us);
  forget_oldest(sessions);  // At last, so that it does not matter which of the two profiles they are of.
}

uint64_t session_count(const v1::Sessions& sessions) {
  return sessions.before() + static_cast<uint64_t>(sessions.recent_size());
}

int64_t session_seconds(const v1::Sessions& sessions) {
  int64_t total_us = sessions.before_us();
  for (const v1::Session& session : sessions.recent()) total_us = saturated_sum(total_us, length_of(session));
  return total_us / 1'000'000;
}

v1::EventStats last_session(const v1::Sessions& sessions) {
  FRESHET_ASSERT(!sessions.recent().empty());
  const v1::Session& last = *sessions.recent().rbegin();
  v1::EventStats stats;
  stats.set_count(last.events());
  stats.set_first_us(last.start_us());
  stats.set_last_us(last.last_us());
  return stats;
}

}  // namespace freshet::action
