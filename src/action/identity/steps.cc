// An entity does one thing at a time, and has one STEP under way as long as it has something to do: with two of them it
// would do its work twice, with none it would never end.
#include "action/identity/steps.h"

#include "action/identity/messages.h"
#include "base/assert.h"

namespace freshet::action {

namespace {

bool has_work(const v1::EntityState& e) { return !e.absorbing().empty() || e.has_departure() || e.winding_up(); }

}  // namespace

bool fits_its_status(const v1::EntityState& e) {
  if (has_work(e) && !e.stepping()) return false;  // Nothing would ever make it go on.
  const bool goes = e.status() == v1::EntityState::LEAVING || e.status() == v1::EntityState::REDIRECT;
  if (goes != e.has_target()) return false;
  if (goes && !model::survives(model::from_proto(e.target()), model::from_proto(e.ref()))) return false;
  switch (e.status()) {
    case v1::EntityState::LIVE: return !e.has_departure() && (e.held().empty() || e.winding_up());
    case v1::EntityState::LEAVING: return !e.winding_up();
    case v1::EntityState::REDIRECT: return !e.has_departure() && e.absorbing().empty() && e.messages() == 0;
    case v1::EntityState::ERASED:
      return !e.has_departure() && e.absorbing().empty() && e.identifiers().empty() && e.messages() == 0;
    default: return false;
  }
}

void Steps::on_step(const v1::Loop& m) {
  state::Entity* const e = arrivals_.find(m);
  if (e == nullptr) return;
  // There is one STEP of an entity at a time, or its work would double.
  if (!e->state.stepping()) return turn_.set_aside(m);
  turn_.touch(*e);
  e->state.set_stepping(false);
  go_on({e, m.received_at_us()});
}

// A leaving entity takes in first what it has accepted: it has answered for these identifiers, so they must be in what
// it sends.
void Steps::go_on(const Work& work) {
  if (work.entity == nullptr) return;
  state::Entity& e = *work.entity;
  if (!e.state.absorbing().empty()) {
    merging_.absorb_one(e);
  } else if (e.state.has_departure()) {
    leaving_.send_chunk(e, work.received_at_us);
  } else if (e.state.winding_up()) {
    leaving_.wind_up(e, work.received_at_us);
  }
  const bool asks = has_work(e.state) && !e.state.stepping();
  if (asks) e.state.set_stepping(true);
  FRESHET_ASSERT(fits_its_status(e.state));
  if (asks) turn_.to_later_turn(messages::step(e.ref, work.received_at_us));
}

}  // namespace freshet::action
