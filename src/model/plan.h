// A tenant's tracking plan: which events it sends, and for each a JSON Schema of its properties, compiled once. It
// never changes, so it is thread-safe. (Valijson; docs/decisions/0020.)
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet::model {

// Bounds of a plan. A check costs at most about (parts of the event's schema) times (values of the event).
inline constexpr size_t kPlanBytesMax = 256u << 10;
inline constexpr size_t kPlanEventsMax = 2000;
inline constexpr size_t kPlanPartsMax = 1000;  // schemas within the schema of one event
inline constexpr size_t kPlanDepthMax = 12;    // of schemas in schemas

struct PlanViolation {
  std::string property;  // as in "total" or "items[2].price"; "": the event as a whole
  std::string rule;      // the keyword that says no: required, type, enum, …
};

class Plan {
 public:
  // Of {"events":{NAME:SCHEMA,…}}. kInvalid: it is none. Keywords and bounds are for the caller to check before, who
  // knows where they stand (app/plan_document.h). `document`: what people have written, by which find() knows it.
  [[nodiscard]] static Result<std::shared_ptr<const Plan>> compile(std::string_view document, std::string_view json);
  [[nodiscard]] static Result<std::shared_ptr<const Plan>> compile(std::string_view json) {
    return compile(json, json);
  }
  // The plan that was compiled of this document, if somebody has it still; else null.
  [[nodiscard]] static std::shared_ptr<const Plan> find(std::string_view document);
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  [[nodiscard]] bool knows(std::string_view event) const;
  // The one `type` that the schema of an event gives a property of it, beside null. "": it gives none, or several.
  [[nodiscard]] std::string_view type_of(std::string_view event, std::string_view property) const;
  // The first thing that is wrong with an event's properties, a JSON object. nullopt: nothing, or the plan does not
  // have the event.
  [[nodiscard]] std::optional<PlanViolation> check(std::string_view event, std::string_view properties) const;

 private:
  struct Schemas;
  explicit Plan(std::unique_ptr<const Schemas> schemas);
  const std::unique_ptr<const Schemas> schemas_;
};

}  // namespace freshet::model
