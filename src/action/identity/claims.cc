// Sets of claimants and of days, and no sequence of them: so it does not matter in which order claims arrive that are
// under way at the same time.
#include "action/identity/claims.h"

#include <algorithm>
#include <vector>

#include "action/events/attributes.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "model/identifier.h"

namespace freshet::action {
namespace {

constexpr int64_t kDayUs = 86'400'000'000;
// Where nobody says whose an identifier is, its use is so much earlier than the record: before any other, and still in
// order.
constexpr int64_t kBeforeOthersUs = int64_t{1} << 62;

// Adds an element to a sorted list. True: it was not there.
bool add_sorted(std::vector<uint32_t>& list, uint32_t element) {
  const auto at = std::lower_bound(list.begin(), list.end(), element);
  if (at != list.end() && *at == element) return false;
  list.insert(at, element);
  return true;
}

int64_t time_of_use(const v1::Envelope& record, v1::EntityKind kind, const v1::Identifier& identifier,
                    const Tenant& tenant) {
  if (says_whose(record, kind, identifier, tenant)) return record.time_us();
  return std::max<int64_t>(record.time_us(), 0) - kBeforeOthersUs;
}

}  // namespace

// The lists are bounded: one more than the limit says that it is exceeded, and further days or claimants say no more.
// A short hash is enough for a count; two claimants in four billion are taken for one.
ClaimVerdict count_claim(state::Alias& alias, const v1::Loop& claim, const Tenant& tenant) {
  FRESHET_ASSERT(alias.held && !alias.common && !(alias.ref == model::from_proto(claim.ref())));
  const size_t max = model::claimants_max(tenant.rules);
  const auto who = static_cast<uint32_t>(claim.ref().id_high());
  const bool verified = claim.use().verified() || FRESHET_MUTANT(kEveryClaimVerified);
  const bool full = alias.claimants.size() > max;
  const bool known = std::binary_search(alias.claimants.begin(), alias.claimants.end(), who);
  if (!known && !full) add_sorted(alias.claimants, who);
  bool common = !known && alias.claimants.size() > max;  // by the logic before
  if (tenant.knows_verified) {
    const auto day = static_cast<uint32_t>(std::max<int64_t>(claim.received_at_us(), 0) / kDayUs);
    if (alias.claim_days.size() < kClaimDays) add_sorted(alias.claim_days, day);
    if (verified && alias.verified_claimants.size() <= max) add_sorted(alias.verified_claimants, who);
    const bool by_use = !alias.verified && alias.claimants.size() > max && alias.claim_days.size() >= kClaimDays;
    common = by_use || alias.verified_claimants.size() > max;
  }
  if (!common) return full && !known && !verified ? ClaimVerdict::kContested : ClaimVerdict::kCounted;
  alias.common = true;
  alias.claimants.clear();
  alias.verified_claimants.clear();
  alias.claim_days.clear();
  return ClaimVerdict::kCommon;
}

bool is_verified(const v1::Envelope& record, const Tenant& tenant) {
  if (!record.verified() || !tenant.knows_verified) return false;
  const bool user = record.user_size() > 0;
  const auto& priority = user ? tenant.rules.user_priority() : tenant.rules.device_priority();
  return !priority.empty() && (user ? record.user(0) : record.device(0)).type() == priority[0];
}

// The first identifier is a user_id wherever there is one, as that leads every list of priorities; so most records are
// looked at no further. A merge is somebody's decision, whatever it names.
bool says_whose(const v1::Envelope& record, v1::EntityKind kind, const v1::Identifier& identifier,
                const Tenant& tenant) {
  if (kind != v1::ENTITY_KIND_USER || !tenant.knows_whose) return true;
  if (record.kind() == v1::Envelope::MERGE || record.user(0).type() == model::kUserId) return true;
  if (FRESHET_MUTANT(kLoneRecordIsUse) && record.user_size() == 1) return true;
  if (FRESHET_MUTANT(kTieIsUse) && record.user_size() > 1) return true;
  const auto unique = [&](const v1::Identifier& i) { return !model::is_shared(kind, i.type(), tenant.rules); };
  return !unique(identifier) && std::any_of(record.user().begin(), record.user().end(), unique);
}

v1::Use identifier_use(const v1::Envelope& record, v1::EntityKind kind, const v1::Identifier& identifier,
                       const Tenant& tenant) {
  v1::Use use;
  use.set_time_us(time_of_use(record, kind, identifier, tenant));
  use.set_message_id(record.message_id());
  use.set_verified(is_verified(record, tenant));
  return use;
}

int64_t time_of_record(const v1::Use& use) {
  return use.time_us() < -kBeforeOthersUs / 2 ? use.time_us() + kBeforeOthersUs : use.time_us();
}

bool renew_use(v1::IdentifierUse& listed, const v1::Envelope& record, v1::EntityKind kind, const Tenant& tenant) {
  v1::Use& last = *listed.mutable_use();
  const bool first = !last.verified() && is_verified(record, tenant);
  if (first) last.set_verified(true);
  const int64_t time_us = time_of_use(record, kind, listed.identifier(), tenant);
  if (!earlier(last, time_us, record.message_id())) return first;
  last.set_time_us(time_us);  // Part by part, as a Use of its own would be an allocation for each record.
  last.set_message_id(record.message_id());
  return first;
}

void merge_use(v1::Use& use, const v1::Use& other) {
  const bool verified = use.verified() || other.verified();
  if (earlier(use, other)) use = other;
  use.set_verified(verified);
}

bool goes_over(const v1::Use& holder, const v1::Use& claimant, bool by_time) {
  if (holder.verified() != claimant.verified() && !FRESHET_MUTANT(kVerifiedMovesNothing)) return claimant.verified();
  return by_time && earlier(holder, claimant);
}

}  // namespace freshet::action
