// `plan` of a tenant, where it is in a file of its own.
#include <filesystem>
#include <fstream>

#include "app/config_tenants.h"
#include "app/plan_document.h"

namespace freshet::app {
namespace {

// What is wrong in the file is told with its own name and places.
void read_plan_file(yaml::Node& plan, const std::string& path, yaml::Problems& problems) {
  std::error_code error;
  std::ifstream file;
  if (std::filesystem::is_regular_file(plan.text, error)) file.open(plan.text, std::ios::binary);
  // One byte more than may be shows that there are too many.
  std::string text(model::kPlanBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (!file.is_open()) return problems.add(plan.at, path + ": the file " + plan.text + " can't be read");
  yaml::Problems of_file(plan.text);
  static_cast<void>(read_plan(text, of_file));
  if (!of_file.empty()) return problems.add(plan.at, path + ": " + of_file.text());
  auto root = yaml::parse(text, {}, of_file);
  if (root) plan = std::move(*root);
}

}  // namespace

void read_plan_files(yaml::Node& root, yaml::Problems& problems) {
  for (size_t i = 0; i < root.keys.size(); ++i) {
    if (root.keys[i].text != "tenants") continue;
    std::vector<yaml::Node>& tenants = root.items[i].items;
    for (size_t t = 0; t < tenants.size(); ++t) {
      for (size_t k = 0; k < tenants[t].keys.size(); ++k) {
        yaml::Node& value = tenants[t].items[k];
        if (tenants[t].keys[k].text == "plan" && value.kind == yaml::Node::Kind::kScalar)
          read_plan_file(value, "tenants[" + std::to_string(t) + "].plan", problems);
      }
    }
  }
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
