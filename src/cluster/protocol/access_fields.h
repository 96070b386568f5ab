// The fields of the messages that say who may do what, as messages.cc has those of the others, which includes this.
// Private to src/cluster/protocol.
#pragma once

#include <bit>

#include "cluster/protocol/messages.h"

namespace freshet::cluster::protocol {

// A float64 is its bits, big-endian.
inline void describe_double(Wire& w, double& value) {
  auto bits = std::bit_cast<int64_t>(value);
  w.number(bits);
  value = std::bit_cast<double>(bits);
}

inline void describe(Wire& w, DescribeAclsRequest& m) {
  w.number(m.type);
  w.text(m.name);
  w.number(m.pattern);
  w.text(m.principal);
  w.text(m.host);
  w.number(m.operation);
  w.number(m.permission);
}

inline void describe(Wire& w, DescribeAclsResponse& m) {
  w.number(m.throttle_ms);
  w.number(m.error);
  w.text(m.message);
  w.list(m.resources, [&](DescribeAclsResponse::Resource& resource) {
    w.number(resource.type);
    w.text(resource.name);
    w.number(resource.pattern);
    w.list(resource.acls, [&](DescribeAclsResponse::Acl& acl) {
      w.text(acl.principal);
      w.text(acl.host);
      w.number(acl.operation);
      w.number(acl.permission);
    });
  });
}

inline void describe(Wire& w, CreateAclsRequest& m) {
  w.list(m.acls, [&](CreateAclsRequest::Acl& acl) {
    w.number(acl.type);
    w.text(acl.name);
    w.number(acl.pattern);
    w.text(acl.principal);
    w.text(acl.host);
    w.number(acl.operation);
    w.number(acl.permission);
  });
}

inline void describe(Wire& w, CreateAclsResponse& m) {
  w.number(m.throttle_ms);
  w.list(m.results, [&](CreateAclsResponse::Result& result) {
    w.number(result.error);
    w.text(result.message);
  });
}

inline void describe(Wire& w, QuotaEntity& entity) {
  w.text(entity.type);
  w.text(entity.name);
}

inline void describe(Wire& w, DescribeClientQuotasRequest& m) {
  w.list(m.components, [&](DescribeClientQuotasRequest::Component& component) {
    w.text(component.type);
    w.number(component.match_type);
    w.text(component.match);
  });
  w.number(m.strict);
}

inline void describe(Wire& w, DescribeClientQuotasResponse& m) {
  w.number(m.throttle_ms);
  w.number(m.error);
  w.text(m.message);
  w.list(m.entries, [&](DescribeClientQuotasResponse::Entry& entry) {
    w.list(entry.entity, [&](QuotaEntity& entity) { describe(w, entity); });
    w.list(entry.values, [&](DescribeClientQuotasResponse::Value& value) {
      w.text(value.key);
      describe_double(w, value.value);
    });
  });
}

inline void describe(Wire& w, AlterClientQuotasRequest& m) {
  w.list(m.entries, [&](AlterClientQuotasRequest::Entry& entry) {
    w.list(entry.entity, [&](QuotaEntity& entity) { describe(w, entity); });
    w.list(entry.ops, [&](AlterClientQuotasRequest::Op& op) {
      w.text(op.key);
      describe_double(w, op.value);
      w.number(op.remove);
    });
  });
  w.number(m.validate_only);
}

inline void describe(Wire& w, AlterClientQuotasResponse& m) {
  w.number(m.throttle_ms);
  w.list(m.entries, [&](AlterClientQuotasResponse::Entry& entry) {
    w.number(entry.error);
    w.text(entry.message);
    w.list(entry.entity, [&](QuotaEntity& entity) { describe(w, entity); });
  });
}

inline void describe(Wire& w, DescribeScramRequest& m) {
  w.list(m.users, [&](DescribeScramRequest::User& user) { w.text(user.name); });
}

inline void describe(Wire& w, DescribeScramResponse& m) {
  w.number(m.throttle_ms);
  w.number(m.error);
  w.text(m.message);
  w.list(m.users, [&](DescribeScramResponse::User& user) {
    w.text(user.name);
    w.number(user.error);
    w.text(user.message);
    w.list(user.infos, [&](DescribeScramResponse::Info& info) {
      w.number(info.mechanism);
      w.number(info.iterations);
    });
  });
}

inline void describe(Wire& w, AlterScramRequest& m) {
  w.list(m.deletions, [&](AlterScramRequest::Deletion& deletion) {
    w.text(deletion.name);
    w.number(deletion.mechanism);
  });
  w.list(m.upsertions, [&](AlterScramRequest::Upsertion& upsertion) {
    w.text(upsertion.name);
    w.number(upsertion.mechanism);
    w.number(upsertion.iterations);
    w.bytes(upsertion.salt);
    w.bytes(upsertion.salted_password);
  });
}

inline void describe(Wire& w, AlterScramResponse& m) {
  w.number(m.throttle_ms);
  w.list(m.users, [&](AlterScramResponse::User& user) {
    w.text(user.name);
    w.number(user.error);
    w.text(user.message);
  });
}

}  // namespace freshet::cluster::protocol
