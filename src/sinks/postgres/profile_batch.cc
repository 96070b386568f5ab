// Changes say what is different, rows say what is: so the profiles that a batch is about are read, changed here and
// written back, all in one transaction.
#include "sinks/postgres/profile_batch.h"

#include <string_view>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "model/document.h"
#include "model/json.h"
#include "model/kind.h"
#include "model/time.h"

namespace freshet::sinks {

std::optional<std::string> column_of_profile(const v1::Document& document, const std::string& name) {
  constexpr std::string_view kComputedPrefix = "computed.";
  const bool computed = name.starts_with(kComputedPrefix);
  const v1::Value* const value =
      model::find_field(document, computed ? v1::COMPUTED : v1::ATTRIBUTES,
                        computed ? std::string_view(name).substr(kComputedPrefix.size()) : std::string_view(name));
  if (value == nullptr) return std::nullopt;
  if (value->kind_case() == v1::Value::kText) return value->text();
  if (value->kind_case() == v1::Value::kTimeUs) return model::format_time(value->time_us());
  std::string out;
  model::append_json_value(out, *value);
  return out;
}

Result<std::string> ProfileBatch::begin(const Batch& batch) {
  changes_.clear();
  profiles_.clear();
  merged_.clear();
  for (const Item& item : batch.items) {
    v1::Change& change = changes_.emplace_back();
    if (!change.ParseFromString(item.value)) return fail(Code::kInvalid, "the record is no change of a profile");
    Profile& profile = profiles_[to_hex(change.id())];
    profile.kind = change.kind();
    profile.id = change.id();
  }
  std::string ids;
  JsonWriter json(ids);
  json.array(profiles_, [](JsonWriter& list, const auto& one) { list.value(one.first); });
  return ids;
}

// The row has the document as Freshet keeps it, beside what people read.
Status ProfileBatch::know(const std::string& id, const std::string& state_hex) {
  const auto found = profiles_.find(id);
  FRESHET_ASSERT(found != profiles_.end());
  if (!found->second.document.ParseFromString(from_hex(state_hex)) || found->second.document.version() == 0)
    return fail(Code::kFatal,
                "the column state of profile " + id + " is not what Freshet has written: remove that row");
  return {};
}

// A change that does not follow what the row has (the table is younger than the profile, or records are missing) can't
// be applied to it: then the whole profile is taken from the store, which has it at that version or a later one.
Status ProfileBatch::apply(const Batch& batch) {
  FRESHET_ASSERT(changes_.size() == batch.items.size());
  for (size_t i = 0; i < changes_.size(); ++i) {
    const v1::Change& change = changes_[i];
    Profile& profile = profiles_[to_hex(change.id())];
    v1::Document& document = profile.document;
    if (document.version() >= change.version()) continue;
    const bool complete = change.remove() || change.whole() || model::follows(document.version(), change);
    if (complete) {
      model::apply_change(document, change);
      if (change.whole()) note_merged(document);
    } else {
      FRESHET_ASSIGN(auto stored, around_.read_profile(change, batch.from, batch.items[i].offset, ProfileAs::kSettled));
      if (!stored) continue;  // It was removed since: that change comes, too.
      document = std::move(*stored);
      note_merged(document);
    }
    profile.updated_at_us = change.received_at_us();
    profile.changed = true;
  }
  return {};
}

// That they were removed was said with changes that the table may not have had.
void ProfileBatch::note_merged(const v1::Document& whole) {
  const v1::Value* const merged = model::find_field(whole, v1::MERGED_FROM, "");
  if (merged == nullptr) return;
  for (const v1::Value& id : merged->list().values()) merged_.insert(id.text());
}

void ProfileBatch::write_row(JsonWriter& json, const std::string& hex, const Profile& profile) const {
  json.begin_object().member("id", hex);
  json.member("kind", model::kind_name(profile.kind));
  json.member("version", profile.document.version());
  json.member("updated_at", model::format_time(profile.updated_at_us));
  json.key("profile").raw(model::document_json(around_.tenant, profile.kind, profile.id, profile.document));
  json.member("state", to_hex(profile.document.SerializeAsString()));
  for (const std::string& name : around_.sink.columns) json.member(name, column_of_profile(profile.document, name));
  json.end_object();
}

std::string ProfileBatch::rows() const {
  std::string out;
  size_t count = 0;
  {
    JsonWriter json(out);
    json.begin_array();
    for (const auto& [hex, profile] : profiles_) {
      if (!profile.changed || profile.document.removed()) continue;
      write_row(json, hex, profile);
      ++count;
    }
    json.end_array();
  }
  return count > 0 ? out : "";
}

std::string ProfileBatch::removed() const {
  std::string out;
  size_t count = 0;
  {
    JsonWriter json(out);
    json.begin_array();
    for (const auto& [hex, profile] : profiles_) {
      if (!profile.changed || !profile.document.removed()) continue;
      json.value(hex);
      ++count;
    }
    for (const std::string& hex : merged_) json.value(hex);
    count += merged_.size();
    json.end_array();
  }
  return count > 0 ? out : "";
}

}  // namespace freshet::sinks
