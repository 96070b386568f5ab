// What attribution partners report of installs and of what is done in apps: one report a request, as a JSON object or
// as a query string. Each partner's own words are read by a function of its own (appsflyer.h, adjust.h, branch.h) into
// one Report, which becomes an event, identifiers, and attributes of the person and of the device.
// docs/sources/attribution.md.
#pragma once

#include <google/protobuf/arena.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ingest/sources/attribution/fields.h"

namespace freshet::ingest {

inline constexpr std::string_view kAttributionSource = "attribution";
inline constexpr size_t kAttributionBytesMax = 128u << 10;

// What led somebody to the app. nullopt: the report does not say; "": it says that there is none.
struct Touch {
  std::optional<std::string> source, campaign, adset, ad, channel;
};

// What a partner calls an identifier of a device, and what it is called here.
struct DeviceField {
  std::string_view field;
  std::string_view type;
  bool advertising = false;  // not to be used by whoever limits ad tracking
};

struct Report {
  std::string event;
  std::string user_id;
  std::vector<std::pair<std::string_view, std::string>> device;  // identifier types and values
  std::vector<std::pair<std::string_view, std::string>> device_attributes;
  std::string time;      // as it was sent
  std::string repeated;  // what is the same whenever the same thing is reported again
  bool is_install = false;
  bool decides = true;  // what it says of the touch is what counts for the person and the device
  Touch touch;
  bool touch_is_whole = false;  // what it does not say of the touch, there is not
};

// A partner's words. `fields` is left with what becomes properties of the event under its own name.
using ReadReport = Outcome (*)(Item& item, Fields& fields, Report& report);

// Moves identifiers of a device out of the fields. Where ad tracking is limited, those for advertising are dropped, and
// with them what is made of them (idfa_md5).
void take_device(Fields& fields, std::span<const DeviceField> known, bool limited, Report& report);
// Moves attributes of a device out of the fields: a field's name, and the attribute's.
void take_device_attributes(Fields& fields, std::span<const std::pair<std::string_view, std::string_view>> known,
                            Report& report);

// The body of a request, or its query. `partner` is appsflyer, adjust or branch. kInvalid: it is empty, or damaged
// JSON.
[[nodiscard]] ParseResult parse_attribution(std::string_view body, std::string_view partner,
                                            const AdapterContext& context, google::protobuf::Arena& arena);

}  // namespace freshet::ingest
