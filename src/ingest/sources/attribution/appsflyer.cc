#include "ingest/sources/attribution/appsflyer.h"

#include <array>

namespace freshet::ingest {
namespace {

constexpr std::array<DeviceField, 8> kAppsFlyerIds = {{{"appsflyer_id", "appsflyer_id"},
                                                       {"idfv", "idfv"},
                                                       {"android_id", "android_id"},
                                                       {"imei", "imei"},
                                                       {"idfa", "idfa", true},
                                                       {"advertising_id", "gaid", true},
                                                       {"oaid", "oaid", true},
                                                       {"amazon_aid", "amazon_aid", true}}};

using Names = std::pair<std::string_view, std::string_view>;
constexpr std::array<Names, 4> kAppsFlyerAttributes = {
    {{"platform", "os_name"}, {"os_version", "os_version"}, {"app_version", "app_version"}, {"device_model", "model"}}};

// While a re-engagement counts, AppsFlyer reports each event twice: for the source that it goes to, and, with
// is_primary_attribution false, for the one that brought the install. It is one event, so what they have in common is
// its id; whichever comes first is the one that is kept.
std::string same_in_both(const Fields& fields) {
  const std::string_view id = fields.text("appsflyer_id"), time = fields.text("event_time");
  if (id.empty() || time.empty()) return {};
  std::string out;
  for (const std::string_view part : {fields.text("app_id"), id, fields.text("event_name"), time,
                                      fields.text("event_value"), fields.text("event_revenue")})
    out.append(part).append("\n");
  return out;
}

}  // namespace

Outcome read_appsflyer(Item& item, Fields& fields, Report& report) {
  if (std::string same = same_in_both(fields); !same.empty()) report.repeated = std::move(same);
  report.event = fields.take("event_name").value_or("");
  report.user_id = fields.take("customer_user_id").value_or("");
  report.time = fields.take("event_time").value_or("");
  report.is_install = report.event == "install";
  if (report.time.empty() && report.is_install) report.time = fields.text("install_time");
  FRESHET_ITEM(fields.read_flag(item, "is_primary_attribution", report.decides));
  bool is_lat = false, limited = false;
  FRESHET_ITEM(fields.read_flag(item, "is_lat", is_lat));
  FRESHET_ITEM(fields.read_flag(item, "limit_ad_tracking", limited));
  take_device(fields, kAppsFlyerIds, is_lat || limited, report);
  take_device_attributes(fields, kAppsFlyerAttributes, report);
  report.touch = {fields.take("media_source"), fields.take("campaign"), fields.take("af_adset"), fields.take("af_ad"),
                  fields.take("af_channel")};
  report.touch_is_whole = true;
  // What the app itself says of the event, as a text of JSON. AppsFlyer's own words come first.
  Fields values;
  bool is_object = false;
  FRESHET_ITEM(fields.take_object(item, "event_value", values, is_object));
  fields.add_missing(std::move(values));
  return Outcome::kOk;
}

}  // namespace freshet::ingest
