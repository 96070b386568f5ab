#include "ingest/sources/attribution/branch.h"

#include <array>

#include "base/text.h"

namespace freshet::ingest {
namespace {

constexpr std::array<DeviceField, 6> kBranchIds = {{{"randomized_device_token", "branch_id"},
                                                    {"idfv", "idfv"},
                                                    {"android_id", "android_id"},
                                                    {"idfa", "idfa", true},
                                                    {"aaid", "gaid", true},
                                                    {"oaid", "oaid", true}}};

using Names = std::pair<std::string_view, std::string_view>;
constexpr std::array<Names, 5> kBranchAttributes = {{{"os", "os_name"},
                                                     {"os_version", "os_version"},
                                                     {"app_version", "app_version"},
                                                     {"model", "model"},
                                                     {"brand", "manufacturer"}}};

// Puts the members of an object where the object stood.
Outcome lift(Item& item, Fields& fields, std::string_view name) {
  Fields members;
  bool is_object = false;
  FRESHET_ITEM(fields.take_object(item, name, members, is_object));
  fields.add_missing(std::move(members));
  return Outcome::kOk;
}

// Branch's own names of a link begin with a tilde, so that the customer's may be anything. Templates write them
// without.
Touch take_touch(Fields& link, bool has_tildes) {
  const auto take = [&](std::string_view name) { return link.take(has_tildes ? name : name.substr(1)); };
  Touch touch{take("~advertising_partner_name"), take("~campaign"), take("~ad_set_name"), take("~ad_name"),
              take("~channel")};
  if (!touch.source || touch.source->empty()) touch.source = touch.channel;
  return touch;
}

}  // namespace

Outcome read_branch(Item& item, Fields& fields, Report& report) {
  if (const std::string_view id = fields.text("id"); !id.empty())
    report.repeated = std::string(id) + "\n" + std::string(fields.text("name"));
  report.event = fields.take("name").value_or("");
  report.time = fields.take_first({"timestamp", "event_timestamp"});
  report.is_install = lower_case(report.event) == "install";
  FRESHET_ITEM(lift(item, fields, "user_data"));
  report.user_id = fields.take("developer_identity").value_or("");
  bool limited = false;
  FRESHET_ITEM(fields.read_flag(item, "limit_ad_tracking", limited));
  take_device(fields, kBranchIds, limited, report);
  take_device_attributes(fields, kBranchAttributes, report);
  // What the app says of the event comes before what the link says that led to it, where both have a name.
  Fields link;
  bool is_object = false;
  FRESHET_ITEM(fields.take_object(item, "last_attributed_touch_data", link, is_object));
  report.touch_is_whole = is_object || fields.take("last_attributed_touch_data").has_value();
  report.touch = report.touch_is_whole ? take_touch(link, true) : take_touch(fields, false);
  FRESHET_ITEM(lift(item, fields, "event_data"));
  FRESHET_ITEM(lift(item, fields, "custom_data"));
  fields.add_missing(std::move(link));
  return Outcome::kOk;
}

}  // namespace freshet::ingest
