#include "action/events/audiences.h"

#include <algorithm>
#include <utility>

#include "action/events/attributes.h"
#include "action/events/sorted.h"
#include "base/assert.h"
#include "base/json_writer.h"
#include "base/mutant.h"
#include "model/entity_ref.h"
#include "model/filter.h"
#include "model/time.h"

namespace freshet::action {
namespace {

constexpr std::string_view kEntered = "Audience Entered", kLeft = "Audience Left";
constexpr std::string_view kAudienceSource = "audiences";

std::string_view word_of_reason(MoveReason reason) {
  switch (reason) {
    case MoveReason::kChange: return "change";
    case MoveReason::kRules: return "rules";
    case MoveReason::kMerge: return "merge";
    case MoveReason::kMoved: return "moved";
    case MoveReason::kErase: return "erase";
  }
  FRESHET_ASSERT(false && "every reason has its word");
  return {};
}

std::optional<v1::Value> tested_value(v1::EntityState& user, const AudienceTest& test) {
  if (test.section == v1::ATTRIBUTES) return visible_attribute(user, test.name);
  const v1::Computed* const computed = find_named(user.computed(), test.name);
  if (computed == nullptr || test.computed == nullptr) return std::nullopt;
  return computed_value(*computed, *test.computed);
}

bool is_met(v1::EntityState& user, const Audience& audience) {
  return std::all_of(audience.tests.begin(), audience.tests.end(),
                     [&](const AudienceTest& test) { return model::passes(test.filter, tested_value(user, test)); });
}

// One judging: what is judged, why, and what came of it.
class Judging {
 public:
  Judging(v1::EntityState& user, int64_t received_at_us, MoveReason reason, Touched& touched)
      : user_(user), received_at_us_(received_at_us), reason_(reason), touched_(touched) {}

  void judge(const Audience& audience) {
    const bool met = is_met(user_, audience);
    auto& all = *user_.mutable_audiences();
    const int at = lower_bound_of(all, std::string_view(audience.name), NameKey{});
    const bool listed = at < all.size() && all[at].name() == audience.name;
    // Who was in it by another profile only has nothing to leave: that one says so itself.
    if (!met) {
      if (listed) end(at, reason_);
      return;
    }
    if (listed && !all[at].carried()) return;
    v1::Membership& membership = listed ? all[at] : insert_at(all, at);
    membership.set_name(audience.name);
    if (!listed) membership.set_since_us(received_at_us_);
    membership.clear_carried();
    moves_.push_back({audience.name, true, listed ? MoveReason::kMoved : reason_, membership.since_us()});
    touched_.add(v1::AUDIENCES, audience.name);
  }

  // Of audiences that are configured no longer.
  void end_unknown(const Audiences& known) {
    for (int at = user_.audiences_size() - 1; at >= 0; --at)
      if (!known.has(user_.audiences(at).name())) end(at, MoveReason::kRules);
  }

  std::vector<AudienceMove> take() {
    std::sort(moves_.begin(), moves_.end(), [](const auto& a, const auto& b) { return a.audience < b.audience; });
    return std::move(moves_);
  }

 private:
  // The membership goes; its part of the document is said also where nobody could see it, which changes nothing.
  void end(int at, MoveReason why) {
    auto& all = *user_.mutable_audiences();
    touched_.add(v1::AUDIENCES, all[at].name());
    if (!all[at].carried()) moves_.push_back({all[at].name(), false, why, all[at].since_us()});
    all.erase(all.begin() + at);
  }

  v1::EntityState& user_;
  const int64_t received_at_us_;
  const MoveReason reason_;
  Touched& touched_;
  std::vector<AudienceMove> moves_;
};

}  // namespace

bool reads_names(const v1::EntityState& user, const Tenant& tenant) {
  return !tenant.audiences.all().empty() || user.audiences_judged() != tenant.audiences.hash();
}

// Where the tenant has no audiences, that is two comparisons.
std::vector<AudienceMove> judge_audiences(v1::EntityState& user, const Tenant& tenant, int64_t received_at_us,
                                          Touched& touched) {
  const Audiences& audiences = tenant.audiences;
  const bool other_rules = user.audiences_judged() != audiences.hash();
  if (!other_rules && audiences.all().empty()) return {};
  if (user.ref().kind() != v1::ENTITY_KIND_USER) return {};
  if (!tenant.knows_audiences || !user.absorbing().empty()) {  // It is judged anew when that has changed.
    if (!FRESHET_MUTANT(kMergedNotJudged)) user.clear_audiences_judged();
    return {};
  }
  // Which audiences read something that was touched. A merge touches all that the other profile had.
  bool merged = false;
  std::vector<bool> asked(audiences.all().size());
  touched.visit([&](v1::Section section, std::string_view name) {
    merged = merged || section == v1::MERGED_FROM;
    if (const std::vector<size_t>* readers = audiences.reading(section, name))
      for (const size_t at : *readers) asked[at] = true;
  });
  if (merged && FRESHET_MUTANT(kMergedNotJudged)) return {};
  const bool everything = touched.is_all() || other_rules || merged;
  MoveReason reason = other_rules && user.version() > 0 ? MoveReason::kRules : MoveReason::kChange;
  if (merged) reason = MoveReason::kMerge;
  Judging judging(user, received_at_us, reason, touched);
  for (size_t i = 0; i < asked.size(); ++i)
    if (everything || asked[i]) judging.judge(audiences.all()[i]);
  if (everything) judging.end_unknown(audiences);
  user.set_audiences_judged(audiences.hash());
  return judging.take();
}

std::vector<AudienceMove> leave_audiences(v1::EntityState& user, MoveReason reason) {
  std::vector<AudienceMove> moves;
  for (const v1::Membership& m : user.audiences())
    if (!m.carried()) moves.push_back({m.name(), false, reason, m.since_us()});
  user.clear_audiences();
  user.clear_audiences_judged();
  return moves;
}

void absorb_audiences(v1::EntityState& user, const v1::EntityState& from, const Tenant& tenant) {
  for (const v1::Membership& theirs : from.audiences()) {
    // What the tenant has no longer would stay with the survivor for ever, unless its rules changed once more.
    if (!tenant.audiences.has(theirs.name())) continue;
    bool made = false;
    v1::Membership& mine = find_or_add_named(*user.mutable_audiences(), theirs.name(), &made);
    mine.set_since_us(made ? theirs.since_us() : std::min(mine.since_us(), theirs.since_us()));
    if (made) mine.set_carried(true);
  }
}

std::optional<v1::Value> audience_value(const v1::EntityState& user, std::string_view name) {
  const v1::Membership* const membership = find_named(user.audiences(), name);
  if (membership == nullptr || membership->carried()) return std::nullopt;
  v1::Value value;
  value.set_time_us(membership->since_us());
  return value;
}

// ---- events -------------------------------------------------------------------------------------------------------

namespace {

std::string move_properties(const AudienceMove& move, const AudienceContext& context) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("audience", move.audience).member("reason", word_of_reason(move.reason));
  json.member("since", model::format_time(move.since_us));
  if (context.into != nullptr) json.member("into", model::from_proto(*context.into).id.hex());
  json.end_object();
  return out;
}

// The message id is made of the profile, its next version and the audience: whoever processes the record again tells of
// the move under the same. `shown` is the profile with what events are to be enriched with.
void say_moves(const std::vector<AudienceMove>& moves, v1::EntityState& shown, uint64_t version,
               const AudienceContext& context, Outputs& out, AudienceCounters& counters) {
  for (const AudienceMove& move : moves) ++(move.entered ? counters.entered : counters.left);
  if (out.suppressed() || moves.empty() || !context.rules.writes_events(context.tenant)) return;
  const std::string id = model::from_proto(shown.ref()).id.hex();
  const auto render = context.rules.events_as_protobuf() ? enriched_event_protobuf : enriched_event_json;
  for (const AudienceMove& move : moves) {
    v1::Envelope record;
    const std::string name = shown.tenant() + '\0' + id + '\0' + std::to_string(version) + '\0' + move.audience;
    record.set_message_id(hash128(name).hex());
    record.set_source(kAudienceSource.data(), kAudienceSource.size());
    record.set_tenant(shown.tenant());
    record.set_received_at_us(context.received_at_us);
    record.set_trace_parent(context.trace.data(), context.trace.size());
    v1::Event event;
    event.set_name(std::string(move.entered ? kEntered : kLeft));
    event.set_properties(move_properties(move, context));
    event.set_time_us(context.received_at_us);
    out.event(record, id, render(shown, id, {}, record, event, context.tenant));
  }
}

}  // namespace

// In a replay, too: what was judged is part of the state, and only what is said of it was said before.
void follow_audiences(v1::EntityState& user, const AudienceContext& context, Touched& touched, Outputs& out,
                      AudienceCounters& counters) {
  if (FRESHET_MUTANT(kAudienceNotReplayed) && out.suppressed()) return;
  const auto moves = judge_audiences(user, context.tenant, context.received_at_us, touched);
  say_moves(moves, user, user.version() + 1, context, out, counters);
}

// Who asked to be forgotten must not be told of, and what a merged profile knew is the other one's now: so what is
// shown is a profile of which nothing is left.
void end_audiences(v1::EntityState& user, const AudienceContext& context, Outputs& out, AudienceCounters& counters) {
  const auto moves = leave_audiences(user, context.into != nullptr ? MoveReason::kMerge : MoveReason::kErase);
  if (moves.empty() || (FRESHET_MUTANT(kLoserStaysInAudience) && context.into != nullptr)) return;
  v1::EntityState bare;
  *bare.mutable_ref() = user.ref();
  bare.set_tenant(user.tenant());
  say_moves(moves, bare, user.version() + 1, context, out, counters);
}

}  // namespace freshet::action
