// What records do to the entities that live in this partition, and what is said of that in `events`. The contents of a
// profile are the business of action/events; here is who may be changed at all: only an entity that lives. One that
// leaves keeps what arrives, one that was merged passes it on, one that was erased counts it and forgets it.
#pragma once

#include <string>

#include "action/events/profile.h"
#include "action/identity/arrivals.h"
#include "action/identity/devices.h"
#include "action/identity/edit.h"
#include "action/identity/links.h"
#include "action/identity/turn.h"
#include "freshet/v1/envelope.pb.h"
#include "model/entity_ref.h"

namespace freshet::action {

class Host {
 public:
  Host(Turn& turn, Editor& editor, Arrivals& arrivals, Links& links, Devices& devices)
      : turn_(turn), editor_(editor), arrivals_(arrivals), links_(links), devices_(devices) {}

  // To an entity that lives here, or by a message to where it lives. `device_part`: the message that brings a user's
  // record to the device that it names, or nullptr.
  void apply(const model::EntityRef& to, const v1::Envelope& record, const v1::Loop* device_part);
  void on_apply(const v1::Loop& m);

 private:
  void apply_live(state::Entity& e, const v1::Envelope& record, const v1::Loop* device_part);
  void apply_merge(Edit& edit, const v1::Envelope& record);
  void emit_events(state::Entity& e, const v1::Envelope& record, const std::string& device);

  Turn& turn_;
  Editor& editor_;
  Arrivals& arrivals_;
  Links& links_;
  Devices& devices_;
  PropertyReader properties_;  // a member only for its memory
};

}  // namespace freshet::action
