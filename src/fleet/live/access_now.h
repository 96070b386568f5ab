// What a living cluster allows to whom, against what the file says of its users; and the way to change it. Looking and
// comparing are pure but for the Access that is asked.
//
// Never done: an ACL, a quota or a credential is taken away, or a password replaced. Who takes something from a living
// user does it by hand, knowing whom it stops.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "fleet/access.h"

namespace freshet::fleet {

struct UserNow {
  std::set<Acl> acls;  // allowed, from any host
  Quota quota;
  std::set<std::string> mechanisms;  // of its SCRAM credentials
};
struct AccessNow {
  bool has_authorizer = false;           // else everybody may do everything
  std::map<std::string, UserNow> users;  // by principal
};

struct UserWanted {
  std::string name;
  std::string principal;
  std::string mechanism;  // of its password; "": it has none
  std::string password;   // "${NAME}"
  std::vector<Acl> acls;
  Quota quota;
};
// Of a cluster whose brokers ask nobody: nothing.
[[nodiscard]] std::vector<UserWanted> users_wanted(const Topology& fleet, Index cluster);

// One thing that a user lacks.
struct Grant {
  enum class Kind : uint8_t { kAcls, kQuota, kPassword };
  Kind kind = Kind::kAcls;
  UserWanted user;             // of which `acls` are those that it lacks
  std::string wanted, living;  // as text
};
[[nodiscard]] std::vector<Grant> grants_of(const std::vector<UserWanted>& wanted, const AccessNow& now);
[[nodiscard]] constexpr auto names_of(Grant::Kind) {
  using enum Grant::Kind;
  return std::to_array<Name<Grant::Kind>>({{kAcls, "acls"}, {kQuota, "quota"}, {kPassword, "password"}});
}
// "user billing: may topic orders: read; …"
[[nodiscard]] std::string text_of(const Grant& grant);

// ACLs of users of the file that the file does not say, each as text.
[[nodiscard]] std::vector<std::pair<std::string, Acl>> extra_acls(const std::vector<UserWanted>& wanted,
                                                                  const AccessNow& now);

class Access {
 public:
  virtual ~Access() = default;
  [[nodiscard]] virtual Result<AccessNow> look() = 0;
  // kInvalid: the password is not in the environment, or the brokers refuse. With `check` nothing is changed.
  [[nodiscard]] virtual Status give(const Grant& grant, bool check) = 0;
};

}  // namespace freshet::fleet
