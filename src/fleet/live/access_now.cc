// What is wanted against what is there. Only what is missing becomes a grant; what is too much is told elsewhere.
#include "fleet/live/access_now.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/assert.h"
#include "fleet/text.h"

namespace freshet::fleet {
namespace {

const UserNow& user_of(const AccessNow& now, const std::string& principal) {
  static const UserNow kNobody;
  const auto found = now.users.find(principal);
  return found == now.users.end() ? kNobody : found->second;
}

// One line, however many there are: a person reads it before he says yes.
std::string acls_text(const std::vector<Acl>& acls) {
  std::string out;
  for (const Acl& acl : acls) out += (out.empty() ? "" : "; ") + text_of(acl);
  return out;
}

std::string quota_text(const Quota& quota) {
  std::string out;
  const auto add = [&](double value, const std::string& text) {
    if (value > 0) out += (out.empty() ? "" : ", ") + text;
  };
  add(static_cast<double>(quota.produce_bytes_per_s), fmt::format("produce {} B/s", quota.produce_bytes_per_s));
  add(static_cast<double>(quota.consume_bytes_per_s), fmt::format("consume {} B/s", quota.consume_bytes_per_s));
  add(quota.request_percent, fmt::format("requests {:g} %", quota.request_percent));
  return out;
}

// What the file does not bound is left as it is.
bool has_quota(const Quota& wanted, const Quota& living) {
  return (wanted.produce_bytes_per_s == 0 || wanted.produce_bytes_per_s == living.produce_bytes_per_s) &&
         (wanted.consume_bytes_per_s == 0 || wanted.consume_bytes_per_s == living.consume_bytes_per_s) &&
         (wanted.request_percent <= 0 || std::abs(wanted.request_percent - living.request_percent) < 1e-9);
}

}  // namespace

std::vector<UserWanted> users_wanted(const Topology& fleet, Index index) {
  FRESHET_ASSERT(index < fleet.clusters.size());
  const Cluster& cluster = fleet.clusters[index];
  std::vector<UserWanted> out;
  if (!is_guarded(cluster)) return out;
  for (const User& user : fleet.users) {
    if (user.cluster != index) continue;
    out.push_back({user.name, principal_of(cluster, user.name), std::string(scram_mechanism_of(cluster)), user.password,
                   acls_of(fleet, user), user.quota});
  }
  std::ranges::sort(out, {}, &UserWanted::name);
  return out;
}

std::vector<Grant> grants_of(const std::vector<UserWanted>& wanted, const AccessNow& now) {
  std::vector<Grant> out;
  for (const UserWanted& user : wanted) {
    const UserNow& living = user_of(now, user.principal);
    // Who has a password first, can connect before it is allowed anything: never the other way round.
    if (!user.password.empty() && !living.mechanisms.contains(user.mechanism))
      out.push_back({Grant::Kind::kPassword, user, user.mechanism, ""});
    UserWanted lacks = user;
    std::erase_if(lacks.acls, [&](const Acl& acl) { return living.acls.contains(acl); });
    if (!lacks.acls.empty()) out.push_back({Grant::Kind::kAcls, lacks, acls_text(lacks.acls), ""});
    if (!has_quota(user.quota, living.quota))
      out.push_back({Grant::Kind::kQuota, user, quota_text(user.quota), quota_text(living.quota)});
  }
  return out;
}

std::string text_of(const Grant& grant) {
  switch (grant.kind) {
    case Grant::Kind::kAcls: return fmt::format("user {}: allowed {}", grant.user.name, grant.wanted);
    case Grant::Kind::kQuota:
      return fmt::format("user {}: quota {} (living: {})", grant.user.name, grant.wanted,
                         grant.living.empty() ? "none" : grant.living);
    case Grant::Kind::kPassword:
      return fmt::format("user {}: {} credential from {}", grant.user.name, grant.wanted,
                         variable_of(grant.user.password));
  }
  return "";
}

std::vector<std::pair<std::string, Acl>> extra_acls(const std::vector<UserWanted>& wanted, const AccessNow& now) {
  std::vector<std::pair<std::string, Acl>> out;
  for (const UserWanted& user : wanted) {
    for (const Acl& acl : user_of(now, user.principal).acls) {
      if (!std::ranges::binary_search(user.acls, acl)) out.emplace_back(user.name, acl);
    }
  }
  return out;
}

}  // namespace freshet::fleet
