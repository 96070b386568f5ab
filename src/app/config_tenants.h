// The part of the configuration that is about tenants: what config_fields.h needs to describe it, and what must be so
// between its keys. Private to the configuration.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "base/names.h"
#include "base/packed_text.h"
#include "eventlog/kafka/kafka_log.h"
#include "model/tenant.h"
#include "yaml/fields.h"

namespace freshet::app {

enum class OnConflict : uint8_t { kStay, kMove };
[[nodiscard]] constexpr auto names_of(OnConflict) {
  using enum OnConflict;
  return std::to_array<Name<OnConflict>>({{kStay, "stay"}, {kMove, "move"}});
}
enum class SchemaMode : uint8_t { kDiscover, kStrict };
[[nodiscard]] constexpr auto names_of(SchemaMode) {
  using enum SchemaMode;
  return std::to_array<Name<SchemaMode>>({{kDiscover, "discover"}, {kStrict, "strict"}});
}
enum class EventsFormat : uint8_t { kJson, kProtobuf };
[[nodiscard]] constexpr auto names_of(EventsFormat) {
  using enum EventsFormat;
  return std::to_array<Name<EventsFormat>>({{kJson, "json"}, {kProtobuf, "protobuf"}});
}

// What computes an attribute: its key, whose value is the name of an event (count) or of a property.
struct Operation {
  std::string_view name;
  v1::ComputedRule::Op op;
  std::string_view doc;
};
inline constexpr std::array<Operation, 7> kOperations = {{
    {"count", v1::ComputedRule::COUNT, "How many events of this name there were"},
    {"sum", v1::ComputedRule::SUM, "Of this property"},
    {"min", v1::ComputedRule::MIN, "Of this property"},
    {"max", v1::ComputedRule::MAX, "Of this property"},
    {"first", v1::ComputedRule::FIRST, "Of this property"},
    {"last", v1::ComputedRule::LAST, "Of this property"},
    {"unique", v1::ComputedRule::UNIQUE, "How many different values this property had"},
}};

extern const yaml::TextRule kTenantName, kTypeName, kKey, kSecretKey, kSecret, kCallingCode;

// `where` of a computed attribute: {currency: EUR, total: {gt: 5, le: 10}}.
void read_filters(const yaml::Node& where, const std::string& path, yaml::Problems& problems, v1::ComputedRule& rule);
void write_filters_schema(JsonWriter& json);

// A tenant's plan, and its document (app/plan_document.h).
struct ReadPlan {
  std::shared_ptr<const model::Plan> plan;
  PackedText document;
};
// Takes the plans of the file's tenants out of its tree, and returns them by the tenant's name: each is read as it is
// met, so that of many no more than one is there as a tree. What is wrong with one is a problem.
[[nodiscard]] std::map<std::string, ReadPlan> take_plans(yaml::Node& root, yaml::Problems& problems);
void write_plan_schema(JsonWriter& json);

// Values as the file has them; "": none.
[[nodiscard]] std::string text_of_filters(const v1::ComputedRule& rule);
[[nodiscard]] std::string text_of_identifier_limits(const v1::TenantRules& rules);
[[nodiscard]] std::string text_of_conflicts(const v1::TenantRules& rules);
[[nodiscard]] std::string text_of_properties(
    const eventlog::KafkaProperties& properties);  // names only: they may be secret

[[nodiscard]] std::vector<std::string> in_lower_case(std::vector<std::string> list);
[[nodiscard]] inline std::vector<std::string> list_of(const google::protobuf::RepeatedPtrField<std::string>& list) {
  return {list.begin(), list.end()};
}
template <class T>
void assign(const std::vector<T>& list, google::protobuf::RepeatedPtrField<T>& out) {
  out.Assign(list.begin(), list.end());
}

// Completes a tenant that was read from `node`, and adds problems of what must be so between its keys; the same for the
// tenants of the file `root` and between them, and sorts them by name. `path`: what its keys are called behind.
void finish_tenant(const yaml::Node& node, const std::string& path, model::Tenant& tenant, yaml::Problems& problems);
void finish_tenants(const yaml::Node& root, std::vector<model::Tenant>& tenants, yaml::Problems& problems);

}  // namespace freshet::app
