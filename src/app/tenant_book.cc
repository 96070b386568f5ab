// What is proposed waits until it is published: a process that died between the two has changed nothing for anybody,
// and every process makes the same of the same records, in whatever state it began.
#include "app/tenant_book.h"

#include <algorithm>
#include <utility>

#include "app/plan_document.h"
#include "app/tenant_document.h"
#include "base/assert.h"
#include "model/tenant.h"

namespace freshet::app {

using Change = v1::TenantsChange;

namespace {

// Who says which country numbers are of wants them to be brought to one spelling.
void settle_phones(model::PhoneRule& phones, bool are_normal) {
  if (phones.spelling) return;
  const bool normal = are_normal || !phones.default_country.empty();
  phones.spelling = normal ? model::PhoneSpelling::kNormal : model::PhoneSpelling::kAsSent;
}

}  // namespace

std::vector<std::string> TenantBook::take(const Change& change, std::vector<std::string>& unreadable) {
  std::vector<std::string> changed;
  if (change.revision() == 0 || change.revision() > model::kRevisionMost) return changed;
  if (!change.published()) {
    Proposal& proposal = proposals_[change.revision()];
    proposal.by_api = change.by_api();
    proposal.at_us = change.at_us();
    for (const Change::Part& part : change.parts())
      proposal.parts.push_back({part.tenant(), part.what(), PackedText(part.document())});
    return changed;
  }
  const auto node = proposals_.extract(change.revision());
  if (node.empty()) return changed;  // Two processes have published the same.
  for (const ProposedPart& part : node.mapped().parts) {
    const TenantPart now{part.document, node.key(), node.mapped().by_api, node.mapped().at_us};
    if (put(part, now, unreadable)) changed.push_back(part.tenant);
  }
  revision_ = std::max(revision_, node.key());
  return changed;
}

bool TenantBook::put(const ProposedPart& part, const TenantPart& now, std::vector<std::string>& unreadable) {
  FRESHET_ASSERT(now.revision > 0);
  if (part.tenant.empty()) return false;
  switch (part.what) {
    case Change::Part::SETTINGS: return put_settings(part.tenant, now, unreadable);
    case Change::Part::PLAN: return put_plan(part.tenant, now, unreadable);
    default: return false;  // A later version's.
  }
}

bool TenantBook::put_settings(const std::string& name, const TenantPart& now, std::vector<std::string>& unreadable) {
  const TenantEntryPtr before = find(name);
  if (before != nullptr && before->settings.revision > now.revision) return false;
  auto entry = before == nullptr ? std::make_shared<TenantEntry>() : std::make_shared<TenantEntry>(*before);
  entry->settings = now;
  if (entry->is_there()) {
    yaml::Problems problems("tenant " + name);
    auto text = read_tenant(name, now.document.text(), problems);
    if (text) {
      settle_phones(text->tenant.phones, phones_are_normal_);
      if (before != nullptr) text->tenant.plan = before->tenant->plan;
      entry->tenant = std::make_shared<const model::Tenant>(std::move(text->tenant));
    } else {
      unreadable.push_back(problems.text());
    }
  }
  // Nobody can send for a tenant of which this version knows nothing yet.
  if (entry->tenant == nullptr) return false;
  count_ += entry->is_there() ? 1u : 0u;
  count_ -= before != nullptr && before->is_there() ? 1u : 0u;
  entries_[name] = std::move(entry);
  return true;
}

bool TenantBook::put_plan(const std::string& name, const TenantPart& now, std::vector<std::string>& unreadable) {
  const TenantEntryPtr before = find(name);
  if (before == nullptr || before->plan.revision > now.revision) return false;
  auto entry = std::make_shared<TenantEntry>(*before);
  entry->plan = now;
  model::Tenant tenant = *before->tenant;
  tenant.plan = nullptr;
  if (!now.document.empty()) {
    yaml::Problems problems("plan of " + name);
    tenant.plan = plan_of_document(now.document.text(), problems);
    if (tenant.plan == nullptr) {
      unreadable.push_back(problems.text());
      tenant.plan = before->tenant->plan;
    }
  }
  entry->tenant = std::make_shared<const model::Tenant>(std::move(tenant));
  entries_[name] = std::move(entry);
  return true;
}

TenantEntryPtr TenantBook::find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : found->second;
}

}  // namespace freshet::app
