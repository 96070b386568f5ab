// What a client says, and how it looks in a request body: a line of /v1/records or a message of a Segment batch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace freshet::sim {

using Named = std::vector<std::pair<std::string, std::string>>;  // pairs of a name and a text

// What one message says.
struct Item {
  std::string message_id;
  Named user, device;  // pairs of type and value
  Named set;           // pairs of name and JSON
  std::vector<std::string> unset;
  Named add, remove;  // pairs of set attribute and element
  std::string event;
  std::string properties;  // JSON
  int64_t time_ms = 0;
  std::optional<int64_t> sent_at_ms;
  // The JSON member of a merge, erase, unlink or unsuppress, instead of all but id and times.
  std::string command;
  bool blocked = false;   // it names nobody, so it is to be rejected
  bool stranger = false;  // somebody made up claims what is another's: it never comes with a server key
  bool vouched = false;   // it always comes with one
};

// A whole request.
struct Request {
  uint32_t node = 0;  // the ingest node to which its client is pinned
  std::string path, body;
  std::string tenant;
  bool by_server = true;                        // which of the tenant's keys it comes with
  std::vector<std::string> accepted, rejected;  // message ids
};

// The item as a line of /v1/records.
[[nodiscard]] std::string record_line(const Item& item);
// Whether it has only what Segment's calls can say: user_id, anonymous_id, one event or attributes
// that are set.
[[nodiscard]] bool fits_segment(const Item& item);
[[nodiscard]] std::string segment_message(const Item& item);
// An object such as {"user_id":"u1"}; several values of one name become a list.
[[nodiscard]] std::string json_object(const Named& members);
// A Segment batch if all items fit it, else lines of /v1/records.
[[nodiscard]] Request make_request(uint32_t node, const std::string& tenant, const std::vector<Item>& items);
// The key of web pages and the one of backends.
[[nodiscard]] inline std::string write_key_of(const std::string& tenant) { return "web-" + tenant; }
[[nodiscard]] inline std::string server_key_of(const std::string& tenant) { return tenant; }

}  // namespace freshet::sim
