// Reads what Segment's libraries say about the device, the app and the user around a call. A part
// (device, os, app, traits, externalIds) is taken as a whole from the message or from its batch,
// never mixed of both: half of one device and half of another would be a third one.

#include "ingest/sources/segment/segment_context.h"

#include "ingest/items/identity.h"

namespace freshet::ingest {
namespace {

constexpr size_t kExternalIdsMax = 20;

// Calls read(name, value) for each field of a value that should be an object; anything else is left out with a warning.
template <class Read>
Outcome each_field_of(Item& item, ondemand::value value, const Read& read) {
  ondemand::json_type type{};
  FRESHET_JSON(value.type().get(type), item.broken);
  if (type == ondemand::json_type::null) return read_null(item, value);
  ondemand::object object;
  if (type != ondemand::json_type::object) return item.warn("bad_field"), Outcome::kOk;
  FRESHET_JSON(value.get_object().get(object), item.broken);
  return each_field(item, object, read);
}

// The parts below are marked as seen even if they hold nothing: an empty part of the message still
// hides the batch's.
Outcome read_device(Item& item, ondemand::value value, SegmentContext& out) {
  out.has_device = true;
  return each_field_of(item, value, [&](std::string_view name, ondemand::value v) {
    if (name == "id") return read_scalar(item, v, out.device_id);
    if (name == "advertisingId") return read_scalar(item, v, out.advertising_id);
    if (name == "type") return read_scalar(item, v, out.device_type);
    if (name == "token") return read_scalar(item, v, out.push_token);
    if (name == "model") return read_scalar(item, v, out.model);
    if (name == "name") return read_scalar(item, v, out.device_name);
    if (name == "manufacturer") return read_scalar(item, v, out.manufacturer);
    // iOS and Android send the advertising id even if tracking is switched off; it must not be used
    // then.
    if (name == "adTrackingEnabled") {
      bool enabled = true;
      FRESHET_ITEM(read_flag(item, name, v, enabled));
      out.ad_tracking_off = out.ad_tracking_off || !enabled;
    }
    // RudderStack's libraries for Apple say what the user answered: 3 is yes (ATTrackingManager.AuthorizationStatus).
    if (name == "attTrackingStatus") {
      std::optional<std::string_view> status;
      FRESHET_ITEM(read_scalar(item, v, status));
      out.ad_tracking_off = out.ad_tracking_off || (status && *status != "3");
    }
    return Outcome::kOk;
  });
}

Outcome read_external_ids(Item& item, ondemand::value value, SegmentContext& out) {
  out.has_external_ids = true;
  ondemand::json_type kind{};
  FRESHET_JSON(value.type().get(kind), item.broken);
  if (kind != ondemand::json_type::array) return item.warn("bad_field"), Outcome::kOk;
  ondemand::array array;
  FRESHET_JSON(value.get_array().get(array), item.broken);
  for (auto element : array) {
    ondemand::value entry;
    FRESHET_JSON(element.get(entry), item.broken);
    std::optional<std::string_view> type, id;
    FRESHET_ITEM(each_field_of(item, entry, [&](std::string_view name, ondemand::value v) {
      if (name == "type") return read_scalar(item, v, type);
      if (name == "id") return read_scalar(item, v, id);
      return Outcome::kOk;
    }));
    if (out.external_ids.size() >= kExternalIdsMax) return item.warn("list_cut"), Outcome::kOk;
    if (type && id) out.external_ids.emplace_back(*type, *id);
  }
  return Outcome::kOk;
}

Outcome read_traits(Item& item, ondemand::value value, SegmentContext& out) {
  out.has_traits = true;
  ondemand::json_type type{};
  FRESHET_JSON(value.type().get(type), item.broken);
  if (type != ondemand::json_type::object) return Outcome::kOk;
  return open_for_later(item, value, out.traits);
}

// Libraries disagree about case: "Android", "android", "iOS", "ios".
bool starts_with_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  for (size_t i = 0; i < lower.size(); ++i)
    if ((text[i] | 0x20) != lower[i]) return false;
  return true;
}

// gaid or idfa, by the kind of device; "" if that is not known, so that the id can't be used: the
// two are different identifiers.
std::string_view advertising_type(const SegmentContext& context) {
  for (const auto& hint : {context.device_type, context.os_name}) {
    if (!hint) continue;
    if (starts_with_ignoring_case(*hint, "android")) return "gaid";
    for (const std::string_view apple : {"ios", "ipad", "iphone", "tvos", "watchos", "visionos"})
      if (starts_with_ignoring_case(*hint, apple)) return "idfa";
  }
  return {};
}

Outcome add_device_attributes(Item& item, const SegmentContext& context) {
  using Field = std::pair<std::string_view, const std::optional<std::string_view>&>;
  auto& ops = *item.envelope.mutable_device_attributes();
  for (const auto& [name, value] :
       {Field{"model", context.model}, Field{"manufacturer", context.manufacturer}, Field{"type", context.device_type},
        Field{"name", context.device_name}, Field{"carrier", context.carrier}, Field{"os_name", context.os_name},
        Field{"os_version", context.os_version}, Field{"app_name", context.app_name},
        Field{"app_version", context.app_version}, Field{"app_build", context.app_build},
        Field{"locale", context.locale}, Field{"timezone", context.timezone}})
    if (value && !value->empty())
      FRESHET_ITEM(add_attribute_text(item, schema::Subject::kDeviceAttribute, name, *value, ops));
  return Outcome::kOk;
}

}  // namespace

void SegmentContext::clear() {
  auto kept = std::move(external_ids);
  kept.clear();
  *this = SegmentContext();
  external_ids = std::move(kept);
}

Outcome read_context(Item& item, ondemand::object context, SegmentContext& out) {
  const bool had_device = out.has_device, had_os = out.has_os, had_app = out.has_app, had_traits = out.has_traits,
             had_external_ids = out.has_external_ids, had_network = out.has_network;
  for (auto result : context) {
    ondemand::field field;
    FRESHET_JSON(std::move(result).get(field), item.broken);
    std::string_view name;
    FRESHET_ITEM(read_name(item, field, name));
    const ondemand::value value = field.value();
    if (name == "device" && !had_device) {
      FRESHET_ITEM(read_device(item, value, out));
    } else if (name == "os" && !had_os) {
      out.has_os = true;
      FRESHET_ITEM(each_field_of(item, value, [&](std::string_view key, ondemand::value v) {
        if (key == "name") return read_scalar(item, v, out.os_name);
        if (key == "version") return read_scalar(item, v, out.os_version);
        return Outcome::kOk;
      }));
    } else if (name == "app" && !had_app) {
      out.has_app = true;
      FRESHET_ITEM(each_field_of(item, value, [&](std::string_view key, ondemand::value v) {
        if (key == "name") return read_scalar(item, v, out.app_name);
        if (key == "version") return read_scalar(item, v, out.app_version);
        return key == "build" ? read_scalar(item, v, out.app_build) : Outcome::kOk;
      }));
    } else if (name == "network" && !had_network) {
      out.has_network = true;
      FRESHET_ITEM(each_field_of(item, value, [&](std::string_view key, ondemand::value v) {
        return key == "carrier" ? read_scalar(item, v, out.carrier) : Outcome::kOk;
      }));
    } else if (name == "locale" && !out.locale) {
      FRESHET_ITEM(read_scalar(item, value, out.locale));
    } else if (name == "timezone" && !out.timezone) {
      FRESHET_ITEM(read_scalar(item, value, out.timezone));
    } else if (name == "traits" && !had_traits) {
      FRESHET_ITEM(read_traits(item, value, out));
    } else if ((name == "externalIds" || name == "externalId") && !had_external_ids) {
      FRESHET_ITEM(read_external_ids(item, value, out));
    }
  }
  return Outcome::kOk;
}

// A type that the tenant does not list is no identifier here: whoever sends external ids of a new
// type must not make them join profiles.
Outcome apply_context(Item& item, const SegmentContext& context) {
  add_optional_identifier(item, v1::ENTITY_KIND_DEVICE, "device_id", context.device_id);
  add_optional_identifier(item, v1::ENTITY_KIND_DEVICE, "push_token", context.push_token);
  if (context.advertising_id && !context.ad_tracking_off)
    if (const std::string_view type = advertising_type(context); !type.empty())
      add_optional_identifier(item, v1::ENTITY_KIND_DEVICE, type, context.advertising_id);
  const auto& listed = item.context.tenant.rules.user_priority();
  for (const auto& [type, id] : context.external_ids)
    if (is_listed(listed, type)) add_identifier(item, v1::ENTITY_KIND_USER, type, id);
  // Attributes of a device need a device; without an identifier of one they would have no home.
  return item.envelope.device().empty() ? Outcome::kOk : add_device_attributes(item, context);
}

Outcome add_traits(Item& item, ondemand::object traits) {
  return add_attributes(item, traits, schema::Subject::kUserAttribute, NullPolicy::kUnset,
                        *item.envelope.mutable_attributes());
}

}  // namespace freshet::ingest
