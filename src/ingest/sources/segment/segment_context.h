// The `context` of a Segment message: device, os, app, traits and external ids.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "ingest/items/properties.h"

namespace freshet::ingest {

// A context as it was read. Its views and containers live as long as their documents.
struct SegmentContext {
  bool has_device = false, has_os = false, has_app = false, has_network = false, has_traits = false,
       has_external_ids = false;
  std::optional<std::string_view> device_id, advertising_id, device_type, device_name, push_token, model, manufacturer,
      carrier;
  bool ad_tracking_off = false;
  std::optional<std::string_view> os_name, os_version, app_name, app_version, app_build, locale, timezone;
  std::optional<ondemand::object> traits;
  std::vector<std::pair<std::string_view, std::string_view>> external_ids;  // type, id

  // Forgets everything but the memory of the list.
  void clear();
};

// Fills in the parts that `out` does not have yet. Call it with the message's context first and
// then with the batch's.
Outcome read_context(Item& item, ondemand::object context, SegmentContext& out);

// Adds device identifiers and attributes, and external ids of types that the tenant lists.
Outcome apply_context(Item& item, const SegmentContext& context);

// Traits become attributes of the user; item.promoted has those that name the user, too.
Outcome add_traits(Item& item, ondemand::object traits);

}  // namespace freshet::ingest
