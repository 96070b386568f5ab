// The keys of fleet.yaml that say who may do what: a part of fields.h, which includes it. Private to src/fleet.
#pragma once

#include <string>
#include <vector>

#include "fleet/security.h"
#include "yaml/fields.h"

namespace freshet::fleet {

extern const yaml::TextRule kUserName;      // Kafka's, as far as every target has room for it
extern const yaml::TextRule kResourceName;  // of ACLs: a name, or the beginning of names and "*"

// As it stands in the file: at most one of the three has text.
struct AclText {
  AclRule value;
  std::string topic, group, transactional_id;
};
inline yaml::Where& where_of(AclText& text) { return text.value.where; }

template <class V>
void describe(V& v, Security& security) {
  v.choice("transport", security.transport, "What connections are");
  v.choice("authentication", security.authentication,
           "How brokers know a client; with any but none they refuse whatever no ACL allows");
  v.texts("super_users", security.super_users, kUserName, "Users who may do everything", yaml::Need::kOptional);
}

template <class V>
void describe(V& v, AclText& text) {
  v.text("topic", text.topic, kResourceName, "A topic, or the beginning of names followed by *");
  v.text("group", text.group, kResourceName, "A consumer group, or the beginning of names followed by *");
  v.text("transactional_id", text.transactional_id, kResourceName,
         "A transactional id, or the beginning of ids followed by *. Without any of the three: the cluster itself");
  v.choices("operations", text.value.operations, "What is allowed", yaml::Need::kRequired);
}

template <class V>
void describe(V& v, Quota& quota) {
  constexpr uint64_t kMost = 1ull << 40;
  v.bytes("produce", quota.produce_bytes_per_s, 0, kMost, "Bytes a second that it may write to a broker; 0: no bound");
  v.bytes("consume", quota.consume_bytes_per_s, 0, kMost, "Bytes a second that it may read of a broker; 0: no bound");
  v.number("request_percent", quota.request_percent, 0, 100'000,
           "Of the time of one of a broker's threads, 200 is two of them; 0: no bound");
}

}  // namespace freshet::fleet
