// From a report to an envelope. It counts once however often a partner sends it: its message id is made of what it
// says.

#include "ingest/sources/attribution/attribution.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "ingest/items/identity.h"
#include "ingest/items/properties.h"
#include "ingest/sources/attribution/adjust.h"
#include "ingest/sources/attribution/appsflyer.h"
#include "ingest/sources/attribution/branch.h"
#include "model/identifier.h"
#include "model/padding.h"

namespace freshet::ingest {
namespace {

struct Partner {
  std::string_view name;
  ReadReport read;
};
constexpr std::array<Partner, 3> kPartners = {
    {{"appsflyer", read_appsflyer}, {"adjust", read_adjust}, {"branch", read_branch}}};

// What a report that names no source means where it is one of an install: nobody has paid for it.
constexpr std::string_view kOrganic = "organic";

Outcome apply_identifiers(Item& item, const Report& report) {
  if (!report.user_id.empty()) add_identifier(item, v1::ENTITY_KIND_USER, model::kUserId, report.user_id);
  for (const auto& [type, value] : report.device) add_identifier(item, v1::ENTITY_KIND_DEVICE, type, value);
  return finish_identifiers(item);
}

Outcome apply_time(Item& item, const Report& report) {
  std::optional<model::TimeUs> time;
  if (!report.time.empty()) time = model::parse_time(report.time);
  if (!report.time.empty() && !time) item.warn("bad_time");
  // Partners' servers write these times, so there is no client's clock to correct.
  item.envelope.set_time_us(model::correct_clock(time, std::nullopt, item.context.received_at_us));
  return Outcome::kOk;
}

Outcome apply_event(Item& item, const Report& report, std::string_view partner, const Fields& fields) {
  v1::Event* event = nullptr;
  if (model::without_padding(report.event).empty())
    return item.reject("missing_event",
                       "the report names no event: event_name of AppsFlyer, activity_kind or event of "
                       "Adjust, name of Branch");
  FRESHET_ITEM(set_event(item, report.event, event));
  event->set_time_us(item.envelope.time_us());
  const std::string text = fields.json(false);
  JsonBody json(JsonBuffer::kBody, text);
  ondemand::document document;
  ondemand::object root;
  std::string_view raw;
  FRESHET_JSON(json.open(json.text(), document, root, raw), item.broken);
  PropertiesWriter writer(item, event->name(), properties_buffer());
  FRESHET_ITEM(writer.write(root));
  FRESHET_ITEM(writer.add_text("provider", partner));
  const Touch& touch = report.touch;
  using Named = std::pair<std::string_view, const std::optional<std::string>&>;
  for (const auto& [name, value] :
       {Named{"media_source", touch.source}, Named{"campaign", touch.campaign}, Named{"adset", touch.adset},
        Named{"ad", touch.ad}, Named{"channel", touch.channel}})
    if (value && !value->empty()) FRESHET_ITEM(writer.add_text(name, *value));
  writer.finish();
  event->set_properties(properties_buffer());
  return Outcome::kOk;
}

// The parts of one touch belong together: a campaign of the last one beside the source of this one would be a lie. So
// what this one does not have is unset.
Outcome set_touch(Item& item, const Report& report, std::string_view partner, schema::Subject subject,
                  AttributeOps& ops) {
  const Touch& touch = report.touch;
  FRESHET_ITEM(add_attribute_text(item, subject, "attribution_provider", partner, ops));
  FRESHET_ITEM(add_attribute_text(item, subject, "attribution_source", *touch.source, ops));
  using Named = std::pair<std::string_view, const std::optional<std::string>&>;
  for (const auto& [name, value] :
       {Named{"attribution_campaign", touch.campaign}, Named{"attribution_adset", touch.adset},
        Named{"attribution_ad", touch.ad}, Named{"attribution_channel", touch.channel}}) {
    if (value && !value->empty())
      FRESHET_ITEM(add_attribute_text(item, subject, name, *value, ops));
    else if (value || report.touch_is_whole)
      FRESHET_ITEM(add_unset(item, subject, name, ops));
  }
  if (!report.is_install) return Outcome::kOk;
  FRESHET_ITEM(add_attribute_text(item, subject, "install_source", *touch.source, ops));
  if (touch.campaign && !touch.campaign->empty())
    FRESHET_ITEM(add_attribute_text(item, subject, "install_campaign", *touch.campaign, ops));
  return add_attribute_text(item, subject, "installed_at", model::format_time(item.envelope.time_us()), ops);
}

Outcome apply_attributes(Item& item, Report& report, std::string_view partner) {
  v1::Envelope& envelope = item.envelope;
  std::optional<std::string>& source = report.touch.source;
  if (report.is_install && (source ? source->empty() : report.touch_is_whole)) source = kOrganic;
  if (report.decides && source && !source->empty()) {
    if (!envelope.user().empty())
      FRESHET_ITEM(set_touch(item, report, partner, schema::Subject::kUserAttribute, *envelope.mutable_attributes()));
    if (!envelope.device().empty())
      FRESHET_ITEM(
          set_touch(item, report, partner, schema::Subject::kDeviceAttribute, *envelope.mutable_device_attributes()));
  }
  if (envelope.device().empty()) return Outcome::kOk;
  for (const auto& [name, value] : report.device_attributes)
    FRESHET_ITEM(add_attribute_text(item, schema::Subject::kDeviceAttribute, name, value,
                                    *envelope.mutable_device_attributes()));
  return Outcome::kOk;
}

Outcome apply_report(Item& item, const Partner& partner, Fields& fields, const std::string& sent) {
  Report report;
  report.repeated = sent;
  FRESHET_ITEM(partner.read(item, fields, report));
  FRESHET_ITEM(set_message_id(item, {}, true, std::string(partner.name) + "\n" + report.repeated));
  item.envelope.set_kind(v1::Envelope::TRACK);
  FRESHET_ITEM(apply_time(item, report));
  FRESHET_ITEM(apply_identifiers(item, report));
  FRESHET_ITEM(apply_attributes(item, report, partner.name));
  return apply_event(item, report, partner.name, fields);
}

}  // namespace

void take_device(Fields& fields, std::span<const DeviceField> known, bool limited, Report& report) {
  for (const DeviceField& device : known) {
    std::string value = fields.take(device.field).value_or("");
    if (device.advertising && limited) {
      fields.drop_prefix(device.field);
    } else if (!value.empty()) {
      report.device.emplace_back(device.type, std::move(value));
    }
  }
}

void take_device_attributes(Fields& fields, std::span<const std::pair<std::string_view, std::string_view>> known,
                            Report& report) {
  for (const auto& [field, attribute] : known)
    if (std::string value = fields.take(field).value_or(""); !value.empty())
      report.device_attributes.emplace_back(attribute, std::move(value));
}

ParseResult parse_attribution(std::string_view body, std::string_view partner, const AdapterContext& context,
                              google::protobuf::Arena& arena) {
  const std::string_view text = trim(without_mark(body), " \t\r\n");
  const auto* const known =
      std::find_if(kPartners.begin(), kPartners.end(), [&](const Partner& p) { return p.name == partner; });
  if (known == kPartners.end())
    return fail(Code::kInvalid, "there is no such partner; there are appsflyer, adjust and branch");
  if (text.empty())
    return fail(Code::kInvalid, "the report is empty; it is a JSON object in the body, or a query in the address");
  Parsed parsed;
  Item item(context, parsed, arena, kAttributionSource, parsed.item_count++, text);
  Fields fields;
  Outcome outcome = Outcome::kOk;
  const bool is_json = text.front() == '{' || text.front() == '[';
  if (text.size() > kItemBytesMax) {
    outcome = item.reject("too_large", "the report has " + std::to_string(text.size()) + " bytes; 32768 are allowed");
  } else {
    outcome = is_json ? fields.read_json(item, text) : fields.read_query(item, text);
  }
  if (!is_json) (void)fields.take("verdicts");  // This is for us.
  // Of a query it is kept decoded: escaped, nobody who looks for a person would find what names one.
  const std::string sent = is_json ? std::string(text) : fields.json(true);
  if (outcome == Outcome::kOk) outcome = apply_report(item, *known, fields, sent);
  if (outcome == Outcome::kBroken) return bad_body(text, bad_json(item.error).value());
  end_item(item, outcome, sent);
  return parsed;
}

}  // namespace freshet::ingest
