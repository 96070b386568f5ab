// A record of a state topic is read twice: its value by people and other systems, as JSON, and its header freshet.state
// by `freshet profiles restore`, which needs every bit of the document back, of removed profiles too: a tombstone has
// no value, and says in its headers what was removed and when.
#include "sinks/topic/record.h"

#include "base/hash.h"
#include "base/json_writer.h"
#include "model/document.h"
#include "model/kind.h"

namespace freshet::sinks {
namespace {

constexpr std::string_view kVersionHeader = "freshet.version";
constexpr std::string_view kKindHeader = "freshet.kind";
constexpr std::string_view kStateHeader = "freshet.state";
constexpr size_t kIdBytes = 16;
constexpr size_t kFrameBytes = 64;  // of a record and its headers, beside names and values

std::optional<std::string_view> header_of(const cluster::Record& record, std::string_view name) {
  for (const cluster::Header& header : record.headers)
    if (header.name == name) return header.value;
  return std::nullopt;
}

}  // namespace

std::vector<cluster::Header> StateRecord::headers() const {
  std::vector<cluster::Header> out = {{kVersionHeader, version}, {kKindHeader, kind}};
  if (state) out.push_back({kStateHeader, *state});
  return out;
}

size_t StateRecord::bytes() const {
  return key.size() + (value ? value->size() : 0) + version.size() + kind.size() + (state ? state->size() : 0) +
         kVersionHeader.size() + kKindHeader.size() + kStateHeader.size() + kFrameBytes;
}

StateRecord state_record(std::string_view tenant, v1::EntityKind kind, std::string_view id,
                         const v1::Document& document) {
  StateRecord out;
  out.key = to_hex(id);
  out.version = std::to_string(document.version());
  out.kind = model::kind_name(kind);
  if (!document.removed()) out.value = model::document_json(tenant, kind, id, document);
  out.state = document.SerializeAsString();
  return out;
}

StateRecord set_aside_state(std::string_view tenant, v1::EntityKind kind, std::string_view id, uint64_t version,
                            std::string_view why) {
  StateRecord out;
  out.key = to_hex(id);
  out.version = std::to_string(version);
  out.kind = model::kind_name(kind);
  std::string& json = out.value.emplace();
  JsonWriter(json)
      .begin_object()
      .member("id", out.key)
      .member("tenant", tenant)
      .member("kind", out.kind)
      .member("version", version)
      .member("set_aside", why)
      .end_object();
  return out;
}

Result<std::optional<ProfileState>> read_state(const cluster::Record& record) {
  const auto foreign = [&](const char* what) {
    return fail(Code::kCorrupt, "the record at offset " + std::to_string(record.offset) + " has " + what);
  };
  ProfileState out;
  if (record.key) out.id = from_hex(*record.key);
  if (out.id.size() != kIdBytes) return foreign("no id of a profile as its key");
  const auto kind = model::kind_named(header_of(record, kKindHeader).value_or(""));
  if (!kind) return foreign("no header freshet.kind that says user or device");
  out.kind = *kind;
  const auto state = header_of(record, kStateHeader);
  // What was set aside for its size has a version and no state: the profile is known, and can't be restored from here.
  if (!state && header_of(record, kVersionHeader)) return std::optional<ProfileState>();
  if (!state || !out.document.ParseFromArray(state->data(), static_cast<int>(state->size())) ||
      out.document.version() == 0 || out.document.removed() != !record.value)
    return foreign("no state of a profile in its header freshet.state");
  return std::optional<ProfileState>(std::move(out));
}

v1::Change change_to_state(const std::string& tenant, const ProfileState& state, int64_t received_at_us) {
  v1::Change change;
  change.set_tenant(tenant);
  change.set_kind(state.kind);
  change.set_id(state.id);
  change.set_version(state.document.version());
  change.set_received_at_us(state.document.removed() ? state.document.removed_at_us() : received_at_us);
  change.set_remove(state.document.removed());
  // The store takes it over whatever it has of a lower version.
  change.set_whole(!state.document.removed());
  for (const v1::Field& field : state.document.fields()) {
    v1::ChangeOp& op = *change.add_ops();
    op.set_type(v1::ChangeOp::SET);
    op.set_section(field.section());
    op.set_name(field.name());
    *op.mutable_value() = field.value();
  }
  return change;
}

}  // namespace freshet::sinks
