// The home of an identifier decides who has it. Every record enters at the home of its first identifier, so that two
// first records of one person can't make two profiles: both ask the same partition, one after the other. Entities
// claim further identifiers here (`link`), give them up (`free`, `suppress`) or hand them over (`repoint`).
#pragma once

#include <optional>

#include "action/identity/edit.h"
#include "action/identity/host.h"
#include "action/identity/turn.h"
#include "freshet/v1/envelope.pb.h"
#include "model/entity_ref.h"

namespace freshet::action {

class Home {
 public:
  Home(Turn& turn, Editor& editor, Host& host) : turn_(turn), editor_(editor), host_(host) {}

  // A record whose routing identifier is at home here, and has this alias key.
  void enter(const v1::Envelope& record, const Hash128& routing_key);

  // ---- messages
  void on_enter_device(const v1::Loop& m);
  void on_merge(const v1::Loop& m);
  void on_link(const v1::Loop& m);
  void on_free(const v1::Loop& m, bool suppress);
  void on_repoint(const v1::Loop& m);

 private:
  [[nodiscard]] Hash128 key_at_home(const v1::Loop& m) const;
  void enter_with_holder(const v1::Envelope& record, const model::EntityRef& ref);
  [[nodiscard]] bool enter_without_holder(const v1::Envelope& record, v1::EntityKind kind, const Hash128& routing_key,
                                          bool suppressed);
  [[nodiscard]] model::EntityRef holder_of(v1::EntityKind kind, const v1::Identifier& identifier, const Hash128& key,
                                           const v1::Use& use, int64_t received_at_us);
  void grant(const v1::Loop& claim, const Hash128& key);
  void turn_down(const v1::Loop& claim, const model::EntityRef& who, Reason reason);
  void take_from(const v1::Loop& claim, const model::EntityRef& loser, const v1::Use& use);
  [[nodiscard]] bool counts_as_verified(const v1::Loop& claim, const model::EntityRef& who) const;
  [[nodiscard]] std::optional<Reason> too_many_claim(const v1::Loop& claim, const Hash128& key);

  Turn& turn_;
  Editor& editor_;
  Host& host_;
};

}  // namespace freshet::action
