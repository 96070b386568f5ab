// What a client says, and how it looks in a request body: a line of /v1/records or a message of a Segment batch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace freshet::sim {

using Named = std::vector<std::pair<std::string, std::string>>;  // (name, text)

struct Item {
  std::string message_id;
  Named user, device;  // (type, value)
  Named set;           // (name, JSON)
  std::vector<std::string> unset;
  Named add, remove;  // (set attribute, element)
  std::string event;
  std::string properties;  // JSON
  int64_t time_ms = 0;
  std::optional<int64_t> sent_at_ms;
  std::string command;   // JSON member of merge, erase, unlink or unsuppress, instead of all but id and times
  bool blocked = false;  // names nobody: to be rejected
};

// A whole request.
struct Request {
  uint32_t node = 0;  // of ingest, to which its client is pinned
  std::string path, body;
  std::string write_key;                        // the tenant's name
  std::vector<std::string> accepted, rejected;  // message ids
};

[[nodiscard]] std::string record_line(const Item& item);
// Only user_id, anonymous_id, one event or attributes that are set.
[[nodiscard]] bool fits_segment(const Item& item);
[[nodiscard]] std::string segment_message(const Item& item);
// {"user_id":"u1"} and so on.
[[nodiscard]] std::string json_object(const Named& members);
[[nodiscard]] Request make_request(uint32_t node, const std::string& write_key, const std::vector<Item>& items);

}  // namespace freshet::sim
