// An adapter turns one request's body into envelopes, or into reasons why not. Pure: no socket, no clock, no log, so
// each is fuzzed and tested alone. One file each. Bad items are rejected one by one; the others go in.
#pragma once

#include <google/protobuf/arena.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "freshet/v1/envelope.pb.h"
#include "freshet/v1/event.pb.h"
#include "model/tenant.h"
#include "schema/registry.h"

namespace freshet::ingest {

struct AdapterContext {
  const model::Tenant& tenant;
  schema::Registry::Session& schema;
  int64_t received_at_us = 0;
  std::string_view endpoint;   // path, for dead letters
  std::string_view random_id;  // 16 random bytes of this request: message ids of items without id and client time
  std::string_view trace_parent = {};  // valid W3C traceparent: of the request, or of its span here; or none
  int64_t sent_at_us = 0;              // of the request, if known from elsewhere (replays); 0: unknown
};

// Codes are part of the public surface: docs/format/verdicts.md.
struct Rejection {
  size_t index = 0;             // of the item in its request
  std::string code;             // e.g. missing_identifier, bad_json, too_large, name_too_long
  std::string message;          // what, where, what would be right
  std::string item;             // as it was sent, for the dead letter
  int64_t sent_at_us = 0;       // of the request, if it said so
  std::string message_id = {};  // the id that it would have had
  std::string context = {};     // what the rest of the request said of this item, JSON; for replays
  std::string attribute = {};   // the member that is wrong, if one is
};

// What was left out or cut while the item itself went in. Counted by code.
struct Warning {
  size_t index = 0;
  std::string code;
};

struct Parsed {
  std::vector<v1::Envelope*> envelopes;  // on the arena
  std::vector<size_t> items;             // envelopes[i] came from item items[i]
  std::vector<Rejection> rejected;
  std::vector<Warning> warnings;
  size_t item_count = 0;
};

// A body that is wrong as a whole (not JSON, no such shape) is an Error: then nothing goes in.
using ParseResult = Result<Parsed>;

}  // namespace freshet::ingest
