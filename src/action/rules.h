// The rules in force in one partition, compiled from its last Control record for quick look-up. They come through the
// log like records, and not from a configuration file: a replay must find every record under the rules that it was
// processed with.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "action/audience_rules.h"
#include "freshet/v1/state.pb.h"

namespace freshet::action {

struct ComputedAttribute {
  v1::ComputedRule rule;
  uint64_t definition = 0;  // hash of the rule: an accumulator of another one starts anew
  int64_t since_us = 0;     // when it came into force in this partition
};

// What action knows of a tenant. The vectors of pointers lead into `computed`, so a Tenant is never copied.
struct Tenant {
  v1::TenantRules rules;
  std::vector<ComputedAttribute> computed;
  absl::flat_hash_map<std::string, std::vector<const ComputedAttribute*>> computed_of_event;
  // By the logic that the rules were published with, so that a record is processed again as it was processed first:
  // whole numbers beyond 64 bits keep their digits in computed attributes.
  bool keeps_digits = false;
  uint64_t revision = 0;  // that brought the rules
  // What is said with a server key counts before what is said with a key of web pages (identity/claims.h).
  bool knows_verified = false;
  // Sessions, subscriptions and the state of push tokens are kept (events/built_in.h).
  bool knows_activity = false;
  // What values say of subscriptions in a letter, or as 1.0 (events/subscriptions.h).
  bool knows_short_words = false;
  // A device replaces only those that it has merged (identity/devices.h).
  bool keeps_devices = false;
  // `where` of computed attributes passes as model/filter.h says.
  bool knows_absence = false;
  // Who is in which (events/audiences.h). Without `knows_audiences`, by an older logic or of a tenant that is gone,
  // nobody is judged.
  Audiences audiences;
  bool knows_audiences = false;
  // Who has become one with the other party of a conflict asks the home again (identity/links.h).
  bool claims_again = false;
  // A record that does not say whose an identifier is counts for less than one that does (identity/claims.h).
  bool knows_whose = false;
  // Who is to be joined because of an identifier that it does not list tells its home so (identity/leaving.h).
  bool frees_again = false;

  [[nodiscard]] const ComputedAttribute* find_computed(std::string_view name) const;
};

class Rules {
 public:
  // The rules that a partition's meta row says are in force.
  [[nodiscard]] static std::unique_ptr<Rules> compile(const v1::PartitionMeta& meta);
  // Takes over what a Control that took effect has changed: of its tenants, and what holds for all of them.
  void renew(const v1::PartitionMeta& meta, const v1::Control& control);
  [[nodiscard]] const Tenant* find(std::string_view tenant) const;  // nullptr: unknown
  [[nodiscard]] const std::string& hash_key() const { return hash_key_; }
  // Audiences::hash() of each tenant, by name.
  [[nodiscard]] std::map<std::string, uint64_t> audience_hashes() const;
  [[nodiscard]] bool events_as_protobuf() const { return events_as_protobuf_; }
  // Whether the tenant's events go to the topic `events`.
  [[nodiscard]] bool writes_events(const Tenant& tenant) const {
    return !events_if_read_ || !tenant.rules.events_unread();
  }

 private:
  void take(const v1::PartitionMeta& meta, const v1::TenantRules& rules);

  absl::flat_hash_map<std::string, std::unique_ptr<Tenant>> tenants_;
  std::string hash_key_;
  bool events_as_protobuf_ = false;
  bool events_if_read_ = false;
};

// Whether they can follow what is in force: the key of hashes has its length and is that of the state, whose aliases
// would be found no more by another one; and where they take the place of all there were, they have one, too, and
// tenants are sorted and each is named once. Behind a revision over model::kRevisionMost none could ever come.
[[nodiscard]] bool are_rules(const v1::PartitionMeta& meta, const v1::Control& control);

// Puts a Control record into meta. True: something of it took effect, as its revision is higher than that in force. A
// computed attribute keeps its `since` as long as its definition stays. REQUIRES: are_rules().
bool adopt_rules(v1::PartitionMeta& meta, const v1::Control& control, int64_t received_at_us);

// The revision that rules came by: those of the tenant; null: what holds for all of them.
[[nodiscard]] uint64_t revision_in_force(const v1::PartitionMeta& meta, const Tenant* tenant);

}  // namespace freshet::action
