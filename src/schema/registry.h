// The schema registry: per tenant, which events and attributes there are and of which types, discovered as they come,
// within the tenant's limits. The log decides: what is discovered is appended to topic `schema`, and every ingest node
// applies that topic in its order; a node's own discoveries count for itself at once.
//
// Thread-safe. Look-ups of known names take a shared lock once a batch, not once a name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/names.h"
#include "base/result.h"
#include "freshet/v1/event.pb.h"
#include "model/tenant.h"

namespace freshet::schema {

enum class Subject : uint8_t { kEvent, kEventAttribute, kUserAttribute, kDeviceAttribute };
enum class Type : uint8_t { kText, kNumber, kBoolean, kTime, kList, kObject };
[[nodiscard]] constexpr auto names_of(Type) {
  using enum Type;
  return std::to_array<Name<Type>>({{kText, "string"},
                                    {kNumber, "number"},
                                    {kBoolean, "boolean"},
                                    {kTime, "time"},
                                    {kList, "list"},
                                    {kObject, "object"}});
}

enum class Verdict : uint8_t {
  kKnown,
  kDiscovered,  // new, and within the limit: goes to the log with the batch
  kOverLimit,   // new, and the tenant has as many as it may
  kUnplanned,   // strict mode: not in the tracking plan
  kWrongType,   // known with another type
};

struct Known {
  Subject subject;
  std::string of;  // the event of an event attribute
  std::string name;
  std::string type;
  int64_t first_us = 0;
};

class Registry {
 public:
  virtual ~Registry() = default;

  // One batch of one request; keeps what it discovers until take_discoveries().
  class Session {
   public:
    virtual ~Session() = default;
    // `of`: the event's name for kEventAttribute, else empty. REQUIRES: an event is checked before its attributes.
    [[nodiscard]] virtual Verdict check(Subject subject, std::string_view of, std::string_view name, Type type) = 0;
    // What has to be appended to topic `schema` together with the batch's records.
    [[nodiscard]] virtual std::vector<v1::SchemaChange> take_discoveries() = 0;
  };
  [[nodiscard]] virtual std::unique_ptr<Session> begin(const model::Tenant& tenant, int64_t now_us) = 0;

  // The append of these discoveries failed: they are unlearned, so that they are discovered again, unless the log has them.
  virtual void forget(const std::vector<v1::SchemaChange>& /*discoveries*/) {}

  // A record of topic `schema`, from the log.
  virtual void apply(const v1::SchemaChange& change) = 0;
  [[nodiscard]] virtual std::vector<Known> list(const std::string& tenant) = 0;
};

[[nodiscard]] std::unique_ptr<Registry> make_registry();

}  // namespace freshet::schema
