#include "app/tenant_book.h"

#include <algorithm>
#include <utility>

#include "app/tenant_document.h"
#include "base/assert.h"

namespace freshet::app {

using Change = v1::TenantsChange;

std::vector<std::string> TenantBook::take(const Change& change, std::vector<std::string>& unreadable) {
  std::vector<std::string> changed;
  if (change.revision() == 0) return changed;
  if (!change.published()) {
    Proposal& proposal = proposals_[change.revision()];
    proposal.by_api = change.by_api();
    proposal.at_us = change.at_us();
    proposal.parts.insert(proposal.parts.end(), change.parts().begin(), change.parts().end());
    return changed;
  }
  const auto node = proposals_.extract(change.revision());
  if (node.empty()) return changed;  // Two processes have published the same.
  for (const Change::Part& part : node.mapped().parts)
    if (put(part, node.mapped(), node.key(), unreadable)) changed.push_back(part.tenant());
  revision_ = std::max(revision_, node.key());
  return changed;
}

bool TenantBook::put(const Change::Part& part, const Proposal& proposal, uint64_t revision,
                     std::vector<std::string>& unreadable) {
  FRESHET_ASSERT(revision > 0);
  if (part.what() != Change::Part::SETTINGS || part.tenant().empty()) return false;  // A later version's.
  const TenantEntryPtr before = find(part.tenant());
  if (before != nullptr && before->settings.revision > revision) return false;
  auto entry = before == nullptr ? std::make_shared<TenantEntry>() : std::make_shared<TenantEntry>(*before);
  entry->settings = {part.document(), revision, proposal.by_api, proposal.at_us};
  if (entry->is_there()) {
    yaml::Problems problems("tenant " + part.tenant());
    auto text = read_tenant(part.tenant(), part.document(), problems);
    if (text) {
      entry->tenant = std::make_shared<const model::Tenant>(std::move(text->tenant));
    } else {
      unreadable.push_back(problems.text());
    }
  }
  // Nobody can send for a tenant of which this version knows nothing yet.
  if (entry->tenant == nullptr) return false;
  count_ += entry->is_there() ? 1u : 0u;
  count_ -= before != nullptr && before->is_there() ? 1u : 0u;
  entries_[part.tenant()] = std::move(entry);
  return true;
}

TenantEntryPtr TenantBook::find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : found->second;
}

}  // namespace freshet::app
