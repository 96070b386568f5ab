// Access by Kafka's protocol (cluster/protocol/client.h).
#pragma once

#include <memory>

#include "cluster/protocol/client.h"
#include "env/clock.h"
#include "fleet/live/access_now.h"
#include "yaml/node.h"

namespace freshet::fleet {

class KafkaAccess final : public Access {
 public:
  // Passwords are looked up in `environment` when they are needed, and kept nowhere.
  KafkaAccess(std::unique_ptr<cluster::protocol::Client> client, yaml::Environment environment,
              env::Random& random = env::real_random())
      : client_(std::move(client)), environment_(std::move(environment)), random_(random) {}

  Result<AccessNow> look() override;
  Status give(const Grant& grant, bool check) override;

 private:
  [[nodiscard]] Status read_acls(AccessNow& out);
  [[nodiscard]] Status read_quotas(AccessNow& out);
  [[nodiscard]] Status read_passwords(AccessNow& out);
  [[nodiscard]] Status check_may_alter(const std::string& what);
  [[nodiscard]] Status add_acls(const UserWanted& user);
  [[nodiscard]] Status set_quota(const UserWanted& user, bool check);
  [[nodiscard]] Status add_password(const UserWanted& user, bool check);

  std::unique_ptr<cluster::protocol::Client> client_;
  yaml::Environment environment_;
  env::Random& random_;
};

}  // namespace freshet::fleet
