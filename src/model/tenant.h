// A tenant as configured: what ingest needs (keys, limits, schema mode) and, in `rules`, what action needs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/names.h"
#include "freshet/v1/envelope.pb.h"
#include "model/objective.h"
#include "model/phone.h"
#include "model/sink.h"

namespace freshet::model {

struct Limits {
  uint32_t event_names = 512;
  uint32_t user_attributes = 256;
  uint32_t event_attributes = 100;  // per event
  uint32_t name_length = 200;       // characters (code points)
  uint32_t value_length = 512;      // characters
  uint32_t list_length = 50;
  uint32_t depth = 8;  // of nested JSON in a property or attribute
};

// How much a tenant may send, over all ingest nodes: docs/operations/rates.md.
struct Rate {
  uint64_t events_per_second = 0;  // 0: as much as it likes
  uint64_t burst = 0;              // that many at once, after a pause; 0: what comes in a second
};

// What the key of a request allows.
enum class KeyScope : uint8_t {
  kWrite,   // stands in web pages and apps: it sends
  kServer,  // is kept by the tenant: it commands, too (merge, erase, unsuppress, unlink)
};

// What is done with a value of another type than its name was learned with: docs/operations/schema.md.
enum class TypeConflicts : uint8_t {
  kKeep,    // it is taken as it was sent
  kWiden,   // the name gets the type that holds both, and the value is written in it
  kCoerce,  // the value is written in the learned type, if it says the same there
  kRefuse,  // its item is rejected
};
[[nodiscard]] constexpr auto names_of(TypeConflicts) {
  using enum TypeConflicts;
  return std::to_array<Name<TypeConflicts>>(
      {{kKeep, "keep"}, {kWiden, "widen"}, {kCoerce, "coerce"}, {kRefuse, "refuse"}});
}

// The highest revision of tenants and rules: there is room for a next one.
inline constexpr uint64_t kRevisionMost = uint64_t{1} << 62;

class Plan;

struct Tenant {
  std::string name;
  // Secrets, each itself or its hash (base/secret.h); never logged.
  std::vector<std::string> write_keys;
  std::vector<std::string> server_keys;
  std::string app_id;  // data API
  std::string app_secret;
  Limits limits;
  Rate rate;
  Objective objective;  // what it says itself: the configuration has the rest
  bool strict_schema = false;
  TypeConflicts conflicts = TypeConflicts::kKeep;
  std::shared_ptr<const Plan> plan;  // model/plan.h; null: there is none
  PhoneRule phones;
  v1::TenantRules rules;
  std::vector<Sink> sinks;
  uint64_t webhooks_per_second = 0;  // requests of all webhooks among these, over all processes; 0: no limit
};

// Keeps the list sorted; "default" stands for the types that are not listed.
void set_identifier_limit(v1::TenantRules& rules, std::string_view type, uint32_t max);

// The defaults of the design for a tenant of this name: priorities, shared types, limits.
[[nodiscard]] Tenant default_tenant(std::string name);

}  // namespace freshet::model
