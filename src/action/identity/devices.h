// Users and devices: entities of two kinds that refer to each other. A user's record goes to its user first, which
// sends the device's part on; the device attaches the user and tells it who it is, unless the user knows. Where one of
// them is merged or erased it tells those that it refers to; whoever finds itself addressed by an old name says so.
// Without that a document would show a device that is no more: who reads a document can't follow redirects.
#pragma once

#include <string>

#include "action/identity/arrivals.h"
#include "action/identity/edit.h"
#include "action/identity/erasing.h"
#include "action/identity/turn.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

class Devices {
 public:
  Devices(Turn& turn, Editor& editor, Arrivals& arrivals, Erasing& erasing)
      : turn_(turn), editor_(editor), arrivals_(arrivals), erasing_(erasing) {}

  // Returns the device's id as the user knows it, in hex. REQUIRES: the record names a device.
  [[nodiscard]] std::string send_part(state::Entity& user, const v1::Envelope& record);
  // `edit` is of the device, `part` the message that brought the record.
  void attach_user(Edit& edit, const v1::Loop& part, const v1::Envelope& record);
  // What a survivor takes over of a chunk of the loser's.
  void absorb_attached(Edit& edit, const v1::EntityRef& loser, const v1::EntityState& chunk);
  void on_attach(const v1::Loop& m);

 private:
  [[nodiscard]] v1::Envelope part_of(const v1::Envelope& record) const;
  bool add_attached(Edit& edit, const v1::EntityRef& ref);
  void learn_device(state::Entity& user, const v1::Loop& m);

  Turn& turn_;
  Editor& editor_;
  Arrivals& arrivals_;
  Erasing& erasing_;
};

}  // namespace freshet::action
