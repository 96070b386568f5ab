// For tests of stores: changes of users, made by hand and at random.
#pragma once

#include <string>
#include <vector>

#include "freshet/v1/change.pb.h"
#include "testing/change_generator.h"

namespace freshet::docstore {

using model::testing::list_value;
using model::testing::make_op;
using model::testing::text_value;
using v1::Change;
using v1::ChangeOp;

inline const std::string kIdA = "0123456789abcdef";
inline const std::string kIdB = "fedcba9876543210";

inline ChangeOp email(ChangeOp::Type type, const std::vector<std::string>& values) {
  return make_op(type, v1::IDENTIFIERS, "email", list_value(values));
}
inline ChangeOp tags(ChangeOp::Type type, const std::vector<std::string>& values) {
  return make_op(type, v1::ATTRIBUTES, "tags", list_value(values));
}
inline ChangeOp city(const std::string& value) {
  return make_op(ChangeOp::SET, v1::ATTRIBUTES, "city", text_value(value));
}
inline Change change_of(const std::string& tenant, const std::string& id, uint64_t version,
                        const std::vector<ChangeOp>& ops) {
  Change change;
  change.set_tenant(tenant);
  change.set_kind(v1::ENTITY_KIND_USER);
  change.set_id(id);
  change.set_version(version);
  change.set_received_at_us(static_cast<int64_t>(version));
  for (const ChangeOp& op : ops) *change.add_ops() = op;
  return change;
}
inline Change removal_of(const std::string& tenant, const std::string& id, uint64_t version) {
  Change change = change_of(tenant, id, version, {});
  change.set_remove(true);
  return change;
}

// As action makes them: identifiers are lists.
inline std::vector<Change> random_history(const std::string& tenant, const std::string& id, size_t count) {
  std::vector<Change> history = model::testing::random_history(count);
  for (Change& change : history) {
    change.set_tenant(tenant);
    change.set_id(id);
    for (ChangeOp& op : *change.mutable_ops()) {
      if (op.section() != v1::IDENTIFIERS || op.value().kind_case() != v1::Value::kText) continue;
      *op.mutable_value() = list_value({op.value().text()});
    }
  }
  return history;
}

}  // namespace freshet::docstore
