#include "ingest/sources/attribution/adjust.h"

#include <algorithm>
#include <array>

namespace freshet::ingest {
namespace {

constexpr std::array<DeviceField, 9> kAdjustIds = {{{"adid", "adjust_id"},
                                                    {"idfv", "idfv"},
                                                    {"android_id", "android_id"},
                                                    {"external_device_id", "device_id"},
                                                    {"push_token", "push_token"},
                                                    {"idfa", "idfa", true},
                                                    {"gps_adid", "gaid", true},
                                                    {"oaid", "oaid", true},
                                                    {"fire_adid", "amazon_aid", true}}};

using Names = std::pair<std::string_view, std::string_view>;
constexpr std::array<Names, 6> kAdjustAttributes = {{{"os_name", "os_name"},
                                                     {"os_version", "os_version"},
                                                     {"app_version", "app_version"},
                                                     {"device_name", "model"},
                                                     {"device_manufacturer", "manufacturer"},
                                                     {"device_type", "type"}}};

// "Network::Campaign::Adgroup::Creative": the name of a tracker says all four, as far as it has them.
void read_tracker_name(std::string_view name, Touch& touch) {
  for (std::optional<std::string>* const part : {&touch.source, &touch.campaign, &touch.adset, &touch.ad}) {
    const size_t end = std::min(name.find("::"), name.size());
    if (!*part) *part = std::string(name.substr(0, end));
    name.remove_prefix(std::min(end + 2, name.size()));
  }
}

// Which event it is, by the name that the customer gave it, or else by its token.
std::string adjust_event(Fields& fields) {
  const std::string_view kind = fields.text("activity_kind");
  if (!kind.empty() && kind != "event") return std::string(kind);
  std::string name = fields.take("event_name").value_or("");
  return name.empty() ? fields.take("event").value_or("") : name;
}

}  // namespace

Outcome read_adjust(Item& item, Fields& fields, Report& report) {
  // Both are made anew for each attempt.
  for (const std::string_view name : {"random", "nonce"}) (void)fields.take(name);
  report.repeated = fields.json(true);
  report.is_install = fields.text("activity_kind") == "install";
  report.event = adjust_event(fields);
  report.user_id = fields.take_first({"user_id", "customer_user_id", "external_id"});
  report.time = fields.take_first({"created_at_milli", "created_at"});
  bool enabled = true, tracking_limited = false, limited = false;
  FRESHET_ITEM(fields.read_flag(item, "tracking_enabled", enabled));
  FRESHET_ITEM(fields.read_flag(item, "tracking_limited", tracking_limited));
  FRESHET_ITEM(fields.read_flag(item, "limit_ad_tracking", limited));
  take_device(fields, kAdjustIds, !enabled || tracking_limited || limited, report);
  take_device_attributes(fields, kAdjustAttributes, report);
  report.touch = {fields.take("network_name"),
                  fields.take("campaign_name"),
                  fields.take("adgroup_name"),
                  fields.take("creative_name"),
                  {}};
  if (const std::string_view tracker = fields.text("tracker_name"); !tracker.empty())
    read_tracker_name(tracker, report.touch);
  return Outcome::kOk;
}

}  // namespace freshet::ingest
