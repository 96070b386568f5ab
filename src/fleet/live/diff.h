// What lives against what the file says. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/names.h"
#include "fleet/live/access_now.h"
#include "fleet/live/brokers.h"
#include "fleet/live/now.h"

namespace freshet::fleet {

struct Difference {
  enum class Kind : uint8_t {
    kClusterId,
    kBrokers,  // another number of them
    kZones,    // a broker is in a zone that the file does not have
    kNoRack,   // brokers don't say in which zone they are, and the file has several
    kMissing,  // a topic of the file that does not live
    kPartitions,
    kReplication,
    kSetting,
    kExtraTopic,          // a topic that lives and is not in the file
    kExtraSetting,        // set on a topic, and the file does not say it
    kAuthorizer,          // the brokers allow everybody everything
    kUser,                // a user lacks a credential, an ACL or a quota
    kExtraAcl,            // a user of the file may do what the file does not say
    kBrokerSetting,       // of the cluster's `settings`
    kRenderedSetting,     // of what is rendered beside them: never counts
    kExtraBrokerSetting,  // set while brokers ran, and the file does not say it
  };
  Kind kind = Kind::kMissing;
  std::string topic;    // "": it is about the cluster
  std::string setting;  // of a setting
  std::string wanted;   // as text; "": nothing
  std::string living;
  std::string user = {};   // of what is about one
  std::string words = {};  // of settings of brokers: the whole, with who has it and what would change it
  bool operator==(const Difference&) const = default;
};
[[nodiscard]] constexpr auto names_of(Difference::Kind) {
  using enum Difference::Kind;
  return std::to_array<Name<Difference::Kind>>({{kClusterId, "cluster_id"},
                                                {kBrokers, "brokers"},
                                                {kZones, "zones"},
                                                {kNoRack, "no_rack"},
                                                {kMissing, "missing"},
                                                {kPartitions, "partitions"},
                                                {kReplication, "replication"},
                                                {kSetting, "setting"},
                                                {kExtraTopic, "extra_topic"},
                                                {kExtraSetting, "extra_setting"},
                                                {kAuthorizer, "authorizer"},
                                                {kUser, "user"},
                                                {kExtraAcl, "extra_acl"},
                                                {kBrokerSetting, "broker_setting"},
                                                {kRenderedSetting, "rendered_setting"},
                                                {kExtraBrokerSetting, "extra_broker_setting"}});
}

// What the file does not speak of: told, and a difference only for who asks for that.
[[nodiscard]] bool is_extra(Difference::Kind kind);

// Whether it makes clusters different; with `strict` what the file does not speak of does, too.
[[nodiscard]] bool counts(Difference::Kind kind, bool strict);

// First of the cluster, then by topic.
[[nodiscard]] std::vector<Difference> compare(const ClusterWanted& wanted, const ClusterNow& now);

// Of the settings of brokers.
[[nodiscard]] std::vector<Difference> differences_of(const std::vector<BrokerDifference>& brokers);

// Of users; [] if there are none in the file.
[[nodiscard]] std::vector<Difference> compare(const std::vector<UserWanted>& wanted, const AccessNow& now);

// "topic orders: retention.ms: living 3600000, wanted 7200000"
[[nodiscard]] std::string text_of(const Difference& difference);

}  // namespace freshet::fleet
