// Bodies of requests. They are made by hand and not by the product's writers, so a mistake there
// can't hide here.

#include "items.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"

namespace freshet::sim {
namespace {

// An object with its members in their order; several values of one name become a list.
std::string object_of(const Named& members, bool values_are_json) {
  std::string out;
  for (size_t i = 0; i < members.size(); ++i) {
    const auto same = [&](const auto& m) { return m.first == members[i].first; };
    if (std::any_of(members.begin(), members.begin() + static_cast<std::ptrdiff_t>(i), same)) continue;
    std::string values;
    size_t count = 0;
    for (const auto& [name, value] : members) {
      if (name != members[i].first) continue;
      if (count++ > 0) values += ',';
      values += values_are_json ? value : fmt::format("\"{}\"", value);
    }
    if (!out.empty()) out += ',';
    out += fmt::format("\"{}\":", members[i].first) + (count > 1 ? "[" + values + "]" : values);
  }
  return "{" + out + "}";
}

// Neighbours of one name share a list.
std::string lists_of(const Named& elements) {
  std::string out;
  for (size_t i = 0; i < elements.size(); ++i) {
    if (i > 0 && elements[i].first == elements[i - 1].first) {
      out.insert(out.size() - 1, fmt::format(",\"{}\"", elements[i].second));
    } else {
      out += fmt::format("{}\"{}\":[\"{}\"]", out.empty() ? "" : ",", elements[i].first, elements[i].second);
    }
  }
  return "{" + out + "}";
}

}  // namespace

std::string json_object(const Named& members) { return object_of(members, false); }

std::string record_line(const Item& item) {
  std::string line = fmt::format(R"({{"message_id":"{}","timestamp":{})", item.message_id, item.time_ms);
  if (item.sent_at_ms) line += fmt::format(R"(,"sent_at":{})", *item.sent_at_ms);
  if (!item.command.empty()) return line + "," + item.command + "}";
  if (!item.user.empty()) line += ",\"user\":" + json_object(item.user);
  if (!item.device.empty()) line += ",\"device\":" + json_object(item.device);
  if (!item.set.empty()) line += ",\"set\":" + object_of(item.set, true);
  if (!item.unset.empty()) line += fmt::format(R"(,"unset":["{}"])", joined(item.unset, R"(",")"));
  if (!item.add.empty()) line += ",\"add_to_set\":" + lists_of(item.add);
  if (!item.remove.empty()) line += ",\"remove_from_set\":" + lists_of(item.remove);
  if (!item.event.empty()) line += fmt::format(R"(,"event":"{}")", item.event);
  if (!item.properties.empty()) line += ",\"properties\":" + item.properties;
  return line + "}";
}

bool fits_segment(const Item& item) {
  const auto known = [](const auto& i) { return i.first == "user_id" || i.first == "anonymous_id"; };
  const auto count = [&](const char* type) {
    return std::count_if(item.user.begin(), item.user.end(), [&](const auto& i) { return i.first == type; });
  };
  return item.command.empty() && item.device.empty() && item.unset.empty() && item.add.empty() && item.remove.empty() &&
         item.event.empty() == !item.set.empty() && std::all_of(item.user.begin(), item.user.end(), known) &&
         count("user_id") <= 1 && count("anonymous_id") <= 1;
}

std::string segment_message(const Item& item) {
  std::string out = fmt::format(R"({{"type":"{}","messageId":"{}","timestamp":{})",
                                item.event.empty() ? "identify" : "track", item.message_id, item.time_ms);
  for (const auto& [type, value] : item.user)
    out += fmt::format(R"(,"{}":"{}")", type == "user_id" ? "userId" : "anonymousId", value);
  if (item.sent_at_ms) out += fmt::format(R"(,"sentAt":{})", *item.sent_at_ms);
  if (!item.set.empty()) out += ",\"traits\":" + object_of(item.set, true);
  if (!item.event.empty()) out += fmt::format(R"(,"event":"{}")", item.event);
  if (!item.properties.empty()) out += ",\"properties\":" + item.properties;
  return out + "}";
}

Request make_request(uint32_t node, const std::string& tenant, const std::vector<Item>& items) {
  Request request;
  request.node = node;
  request.tenant = tenant;
  const bool segment = std::all_of(items.begin(), items.end(), fits_segment);
  for (const Item& item : items) {
    (item.blocked ? request.rejected : request.accepted).push_back(item.message_id);
    if (segment && !request.body.empty()) request.body += ',';
    request.body += segment ? segment_message(item) : record_line(item) + "\n";
  }
  request.path = segment ? "/v1/batch" : "/v1/records";
  if (segment) request.body = "{\"batch\":[" + request.body + "]}";
  return request;
}

}  // namespace freshet::sim
