// The schema registry: per tenant, which events and attributes there are and of which types, discovered as they come,
// within the tenant's limits. The log decides: what is discovered is appended to topic `schema`, and every ingest node
// applies that topic in its order; a node's own discoveries count for itself at once.
//
// Thread-safe. A session takes the lock once, for a snapshot, and again only where it discovers
// something, so known names cost no lock.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "freshet/v1/event.pb.h"
#include "model/tenant.h"
#include "schema/type.h"

namespace freshet::schema {

// What has a name of its own in a schema.
enum class Subject : uint8_t { kEvent, kEventAttribute, kUserAttribute, kDeviceAttribute };

enum class Verdict : uint8_t {
  kKnown,
  kDiscovered,  // new, and within the limit: it goes to the log with the batch
  kOverLimit,   // new, and the tenant has as many as it may
  kUnplanned,   // strict mode: it is not in the tracking plan, or nobody knows it where there is no plan
  kWrongType,   // it is known with another type: Session::expected()
  kWidened,     // it was, and this value has made expected() of it, which goes to the log with the batch
};

// The type that a value should have had.
struct Expected {
  Type type = Type::kUnknown;
  bool by_plan = false;  // the tracking plan says so, and judges what becomes of the value
};

// One name of a schema, as the console lists it.
struct Known {
  Subject subject;
  std::string of;  // the event of an event attribute
  std::string name;
  std::string type;  // "" of an event, and where nobody has said a value yet
  int64_t first_us = 0;
};

class Registry {
 public:
  virtual ~Registry() = default;

  // One batch of one request. It keeps what it discovers until take_discoveries(). One thread uses
  // it.
  class Session {
   public:
    virtual ~Session() = default;
    // `of` is the event's name for kEventAttribute, else empty. REQUIRES: an event is checked
    // before its attributes.
    // An unset is checked as well, with Type::kUnknown: it leaves its time behind, so it takes a name's place.
    // Of a property whose type the tracking plan says, that one is learned, and the plan judges values; kWrongType
    // says then that the tenant wants them coerced before.
    [[nodiscard]] virtual Verdict check(Subject subject, std::string_view of, std::string_view name, Type type) = 0;
    // Of the last check, if it said kWrongType or kWidened.
    [[nodiscard]] virtual Expected expected() const { return {}; }
    // The item whose names were checked since the last of these calls goes in, or does not: what it
    // alone has taught is unlearned then. An item for which neither is called counts as kept.
    virtual void keep() {}
    virtual void drop() {}
    // What has to be appended to topic `schema` together with the batch's records.
    [[nodiscard]] virtual std::vector<v1::SchemaChange> take_discoveries() = 0;
  };
  [[nodiscard]] virtual std::unique_ptr<Session> begin(const model::Tenant& tenant, int64_t now_us) = 0;
  std::unique_ptr<Session> begin(model::Tenant&& tenant, int64_t now_us) = delete;  // the session would outlive it

  // The append of these discoveries failed. They are unlearned, so that they are discovered again,
  // unless the log has them: otherwise this node alone would know them, and no other node would
  // ever learn their types.
  virtual void forget(const std::vector<v1::SchemaChange>& /*discoveries*/) {}

  // Takes in a record of topic `schema`, in the order of the log: a discovery, or a removal.
  virtual void apply(const v1::SchemaChange& change) = 0;
  [[nodiscard]] virtual bool knows(const std::string& tenant, Subject subject, std::string_view of,
                                   std::string_view name) = 0;
  // All names of a tenant, sorted by subject, event and name.
  [[nodiscard]] virtual std::vector<Known> list(const std::string& tenant) = 0;
};

[[nodiscard]] std::unique_ptr<Registry> make_registry();

// The record of topic `schema` that removes a name: of an event, its attributes go, too. Whoever sends the name again
// teaches it again.
[[nodiscard]] v1::SchemaChange removal_of(const std::string& tenant, const Known& known, int64_t now_us);

}  // namespace freshet::schema
