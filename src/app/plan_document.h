// A tracking plan as text: what `plan` of a tenant says, or the body of a request.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "model/plan.h"
#include "yaml/node.h"

namespace freshet::app {

struct PlanText {
  std::shared_ptr<const model::Plan> plan;
  std::string document;  // JSON, with the keys of maps sorted
};

// {events: {NAME: JSON Schema of its properties}}. Every keyword must be one that is checked, so none is without
// effect. nullopt: `problems` says what is wrong, and where. `path`: what its keys are called behind.
[[nodiscard]] std::optional<PlanText> read_plan(yaml::Node plan, const std::string& path, yaml::Problems& problems);
// The same of a text, YAML or JSON.
[[nodiscard]] std::optional<PlanText> read_plan(std::string_view text, yaml::Problems& problems);
// The plan of such a document; it is read only if nobody has it yet. Null: `problems` says what is wrong.
[[nodiscard]] std::shared_ptr<const model::Plan> plan_of_document(std::string_view document, yaml::Problems& problems);

}  // namespace freshet::app
