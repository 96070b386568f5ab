// The identifiers of an entity: how it comes to list one, and how it loses one. What an entity lists and what the
// alias at the identifier's home says must end in agreement. Where an alias leads to somebody who does not list the
// identifier, records go to a stranger; where somebody lists what leads elsewhere, one person's events are in two
// profiles.
#pragma once

#include <optional>
#include <string_view>

#include "action/identity/arrivals.h"
#include "action/identity/edit.h"
#include "action/identity/turn.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

class Links {
 public:
  Links(Turn& turn, Editor& editor, Arrivals& arrivals) : turn_(turn), editor_(editor), arrivals_(arrivals) {}

  // ---- of a change that is under way
  void apply(Edit& edit, const v1::Envelope& record);
  void let_go_over_limit(Edit& edit);

  // ---- messages
  void on_unlink(const v1::Loop& m);
  void on_unlink_record(const v1::Loop& m);
  void on_ask_again(const v1::Loop& m);
  void on_confirm(const v1::Loop& m);

 private:
  // Why an entity lists an identifier no longer.
  struct Parting {
    v1::HistoryEntry::What what;
    std::string_view reason;
    const v1::Use& use;                   // of the record that led to it
    const v1::EntityRef* heir = nullptr;  // who has it now; nullptr: it is free, as far as this entity knows
  };

  void on_moved(const v1::Loop& m);
  [[nodiscard]] std::optional<Reason> no_room_for(const state::Entity& e, const v1::Identifier& identifier) const;
  void claim(state::Entity& e, const v1::IdentifierUse& identifier, int64_t received_at_us);
  void drop(Edit& edit, int position, const Parting& why);
  void remember_refusal(state::Entity& e, const v1::Identifier& identifier, bool verified);

  Turn& turn_;
  Editor& editor_;
  Arrivals& arrivals_;
};

}  // namespace freshet::action
