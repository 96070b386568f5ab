// What the tests of the adapters share.
#pragma once

#include <google/protobuf/arena.h>

#include <memory>
#include <string>
#include <string_view>

#include "ingest/items/parsed.h"

namespace freshet::ingest {

inline constexpr int64_t kReceivedUs = 1'767'312'000'000'000;  // 2026-01-02T00:00:00Z

// A tenant with its schema, and the context of one request of it.
struct AdapterFixture {
  AdapterFixture() : tenant(model::default_tenant("acme")) {}

  AdapterContext context() {
    session = registry->begin(tenant, kReceivedUs);
    return {.tenant = tenant,
            .schema = *session,
            .received_at_us = kReceivedUs,
            .endpoint = "/v1/test",
            .random_id = "0123456789abcdef",
            .scope = scope};
  }

  model::Tenant tenant;
  model::KeyScope scope = model::KeyScope::kServer;
  std::unique_ptr<schema::Registry> registry = schema::make_registry();
  std::unique_ptr<schema::Registry::Session> session;
  google::protobuf::Arena arena;
};

// "0:blocked_identifier 1:value_cut"
inline std::string warnings_of(const Parsed& parsed) {
  std::string out;
  for (const Warning& warning : parsed.warnings) {
    if (!out.empty()) out += ' ';
    out += std::to_string(warning.index) + ":" + std::string(warning.code);
  }
  return out;
}

// "0:too_large"
inline std::string rejections_of(const Parsed& parsed) {
  std::string out;
  for (const Rejection& rejection : parsed.rejected) {
    if (!out.empty()) out += ' ';
    out += std::to_string(rejection.index) + ":" + rejection.code;
  }
  return out;
}

}  // namespace freshet::ingest
