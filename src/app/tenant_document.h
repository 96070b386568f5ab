// A tenant as text, as it is kept in the log and compared: what its map in the configuration says, or the body of a
// request, with keys sorted, without its name, and with hashes in the place of keys and secrets.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "base/result.h"
#include "model/tenant.h"
#include "yaml/node.h"

namespace freshet::app {

// Of a tenant's document; a longer one is refused.
inline constexpr size_t kTenantBytesMax = 256u << 10;

// The document of a tenant's map: YAML, without its plan, which has one of its own (app/plan_document.h). The same map,
// the same text.
[[nodiscard]] std::string document_of(yaml::Node tenant);

// What is sent as a tenant, or was kept as its document.
struct TenantText {
  model::Tenant tenant;
  std::string document;
  std::string plan;  // its plan's document; "": the text says nothing of a plan
};
// What was kept may be of a release that did not look at as much.
enum class TenantIs : uint8_t { kSent, kKept };
// Reads YAML (so JSON, too). A name in it must be this one. nullopt: `problems` says what is wrong, and where.
[[nodiscard]] std::optional<TenantText> read_tenant(const std::string& name, std::string_view text,
                                                    yaml::Problems& problems, TenantIs is = TenantIs::kKept);

// JSON that YAML reads as it is meant: what JSON spells as two halves (\ud83d\ude00), YAML does not know. Any other
// text is returned as it is.
[[nodiscard]] std::string without_surrogates(std::string_view text);

// Sorts the keys of the node's maps, and writes it as JSON.
[[nodiscard]] std::string sorted_json(yaml::Node& node);
// The same of one that stays as it is.
[[nodiscard]] inline std::string json_of(yaml::Node node) { return sorted_json(node); }

// The document as JSON for people: without keys and secrets, but with how many there are and the first digits of their
// hashes. REQUIRES: a document.
void write_settings(JsonWriter& json, std::string_view document);
void write_keys(JsonWriter& json, const model::Tenant& tenant);

}  // namespace freshet::app
