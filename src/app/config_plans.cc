// `plan` of a tenant, in the configuration or in a file of its own.
#include <filesystem>
#include <fstream>
#include <utility>

#include "app/config_tenants.h"
#include "app/plan_document.h"

namespace freshet::app {
namespace {

// What is wrong in the file is told with its own name and places.
std::optional<PlanText> read_plan_file(const yaml::Node& plan, const std::string& path, yaml::Problems& problems) {
  std::error_code error;
  std::ifstream file;
  if (std::filesystem::is_regular_file(plan.text, error)) file.open(plan.text, std::ios::binary);
  // One byte more than may be shows that there are too many.
  std::string text(model::kPlanBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (!file.is_open()) {
    problems.add(plan.at, path + ": the file " + plan.text + " can't be read");
    return std::nullopt;
  }
  yaml::Problems of_file(plan.text);
  auto read = read_plan(text, of_file);
  if (!of_file.empty()) problems.add(plan.at, path + ": " + of_file.text());
  return read;
}

void take_plan(yaml::Node& tenant, const std::string& path, yaml::Problems& problems,
               std::map<std::string, ReadPlan>& plans) {
  for (size_t i = 0; i < tenant.keys.size(); ++i) {
    if (tenant.keys[i].text != "plan") continue;
    yaml::Node& plan = tenant.items[i];
    auto read = plan.kind == yaml::Node::Kind::kScalar ? read_plan_file(plan, path + ".plan", problems)
                                                       : read_plan(std::move(plan), path + ".plan", problems);
    const yaml::Node* const name = tenant.find("name");
    if (read && name != nullptr) plans[name->text] = {std::move(read->plan), PackedText(read->document)};
    tenant.keys.erase(tenant.keys.begin() + static_cast<ptrdiff_t>(i));
    tenant.items.erase(tenant.items.begin() + static_cast<ptrdiff_t>(i));
    return;
  }
}

}  // namespace

std::map<std::string, ReadPlan> take_plans(yaml::Node& root, yaml::Problems& problems) {
  std::map<std::string, ReadPlan> plans;
  for (size_t i = 0; i < root.keys.size(); ++i) {
    if (root.keys[i].text != "tenants") continue;
    std::vector<yaml::Node>& tenants = root.items[i].items;
    for (size_t t = 0; t < tenants.size(); ++t)
      take_plan(tenants[t], "tenants[" + std::to_string(t) + "]", problems, plans);
  }
  return plans;
}

void write_plan_schema(JsonWriter& json) {
  json.key("anyOf").begin_array();
  json.begin_object().member("type", "string").member("minLength", 1).end_object();
  json.begin_object().member("type", "object").member("additionalProperties", false);
  json.key("required").begin_array().value("events").end_array();
  json.key("properties").begin_object().key("events").begin_object().member("type", "object").end_object().end_object();
  json.end_object().end_array();
}

}  // namespace freshet::app
