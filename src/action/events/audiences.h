// Who is in which audience (docs/audiences.md): a function of the profile and the rules, judged with the profile's
// changes. Pure functions.
//
// A profile is in an audience while it has a Membership of it that is not `carried`. A carried one came with a profile
// that was merged into this one: it tells since when, once this one has been judged as a whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "action/events/profile.h"
#include "action/outputs.h"
#include "action/rules.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

// What led to it, as events say it: the profile changed; the rules did; profiles were merged; one that was merged into
// this one was in the audience; the person was erased.
enum class MoveReason : uint8_t { kChange, kRules, kMerge, kMoved, kErase };

// Somebody entered an audience or left it.
struct AudienceMove {
  std::string audience;
  bool entered = false;
  MoveReason reason = MoveReason::kChange;
  int64_t since_us = 0;
};

// Judges a user by what was touched of it, by everything if that was never done by these rules, and notes in `touched`
// what changed. In the order of names. While the profile takes another one in nothing is judged, but afterwards all:
// nobody enters an audience as half of two persons.
[[nodiscard]] std::vector<AudienceMove> judge_audiences(v1::EntityState& user, const Tenant& tenant,
                                                        int64_t received_at_us, Touched& touched);
// Whether the names of what is touched are read here.
[[nodiscard]] bool reads_names(const v1::EntityState& user, const Tenant& tenant);
// The profile is no more: it leaves all of them.
[[nodiscard]] std::vector<AudienceMove> leave_audiences(v1::EntityState& user, MoveReason reason);
// What a profile that is merged into this one (or a chunk of it) was in.
void absorb_audiences(v1::EntityState& user, const v1::EntityState& from, const Tenant& tenant);
// What documents have: since when; nullopt: it is not in it.
[[nodiscard]] std::optional<v1::Value> audience_value(const v1::EntityState& user, std::string_view name);

struct AudienceCounters {
  uint64_t entered = 0, left = 0;
};

// What the events of moves say beside them.
struct AudienceContext {
  const Tenant& tenant;
  const Rules& rules;
  int64_t received_at_us = 0;           // of the record that led to it
  std::string_view trace;               // its traceparent; "": none is wanted
  const v1::EntityRef* into = nullptr;  // the profile that this one was merged into
};

// Judges, puts what came of it into topic `events`, and counts it. REQUIRES: the profile gets its next version now.
void follow_audiences(v1::EntityState& user, const AudienceContext& context, Touched& touched, Outputs& out,
                      AudienceCounters& counters);
// The profile is no more, merged into `context.into` or erased: it leaves all of them, and events say so with its id
// and nothing else of it. REQUIRES: it gets no version any more but that of its removal.
void end_audiences(v1::EntityState& user, const AudienceContext& context, Outputs& out, AudienceCounters& counters);

}  // namespace freshet::action
