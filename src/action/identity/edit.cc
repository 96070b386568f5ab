// Of all that records and messages do to an entity, its version rises here alone. A document has the change of the
// highest version: an entity that changed without a new one would keep an outdated document.
#include "action/identity/edit.h"

#include <string>
#include <utility>

#include "action/events/attributes.h"
#include "action/events/audiences.h"
#include "action/events/history.h"
#include "action/identity/claims.h"
#include "action/read_whole.h"
#include "base/assert.h"

namespace freshet::action {

Touched& Editor::begin(state::Entity& e) {
  FRESHET_ASSERT(!editing_);  // Else what the other Edit has noted would be lost.
  editing_ = true;
  turn_.touch(e);
  touched_.clear(turn_.out().says_changes() || reads_names(e.state, turn_.tenant()));
  return touched_;
}

// Each change has the next version of its entity, also where it is not said: reaction skips what it has written
// already by comparing versions, so a replay must give every change the number that it had.
void Editor::say(state::Entity& e, int64_t received_at_us) {
  if (!touched_.any()) return;
  // An entity that was merged away or erased has no document: a change of it would bring one back.
  FRESHET_ASSERT(e.state.status() == v1::EntityState::LIVE || e.state.status() == v1::EntityState::LEAVING);
  Outputs& out = turn_.out();
  follow_audiences(e.state, {turn_.tenant(), turn_.rules(), received_at_us, turn_.trace()}, touched_, out,
                   turn_.counters().audiences);
  if (e.state.version() == 0) touched_.all();  // The first change says the whole document.
  e.state.set_version(e.state.version() + 1);
  if (!out.says_changes()) return out.note_change(turn_.tenant_name(), received_at_us);
  begin_change(e, received_at_us);
  touched_.describe(e.state, turn_.tenant(), change_);
  out.change(change_);
}

void Editor::note(state::Entity& e, const Happening& happening, int64_t received_at_us) {
  FRESHET_ASSERT(happening.identifier != nullptr || happening.other != nullptr);
  v1::HistoryEntry entry;
  entry.set_what(happening.what);
  if (happening.identifier != nullptr) *entry.mutable_identifier() = *happening.identifier;
  if (happening.other != nullptr) *entry.mutable_other() = *happening.other;
  *entry.mutable_use() = happening.use;
  entry.mutable_use()->set_time_us(time_of_record(happening.use));
  entry.set_received_at_us(received_at_us);
  entry.set_reason(std::string(happening.reason));
  add_history(e.state, std::move(entry));
  touched_.add(v1::HISTORY);
}

void Editor::say_removal(state::Entity& e, int64_t received_at_us) {
  FRESHET_ASSERT(e.state.status() == v1::EntityState::REDIRECT || e.state.status() == v1::EntityState::ERASED);
  turn_.touch(e);
  e.state.set_version(e.state.version() + 1);
  begin_change(e, received_at_us);
  change_.set_remove(true);
  turn_.out().change(change_);
}

// Makes change_ one of the entity as it is now; what changed is not in it yet.
void Editor::begin_change(const state::Entity& e, int64_t received_at_us) {
  change_.Clear();
  say_whose(e.state, change_);
  change_.set_received_at_us(received_at_us);
  const std::string_view trace = turn_.trace();
  if (!trace.empty()) change_.set_trace_parent(trace.data(), trace.size());
}

}  // namespace freshet::action
