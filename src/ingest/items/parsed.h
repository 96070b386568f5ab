// What a source's parser turns one request's body into: envelopes, or reasons why not. A parser is pure: it sees no
// socket, no clock and no log, so each is fuzzed and tested alone. Bad items are rejected one by one, and the others go
// in.
#pragma once

#include <google/protobuf/arena.h>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "base/result.h"
#include "freshet/v1/envelope.pb.h"
#include "freshet/v1/event.pb.h"
#include "ingest/items/repeats.h"
#include "model/tenant.h"
#include "schema/registry.h"

namespace freshet::ingest {

struct AdapterContext {
  const model::Tenant& tenant;
  schema::Registry::Session& schema;
  int64_t received_at_us = 0;
  std::string_view endpoint;  // path of the request, kept with dead letters
  // 16 random bytes of this request, for message ids of items that have neither an id nor a
  // client's time.
  std::string_view random_id;
  // A valid W3C traceparent, of the request or of its span here; "" if there is none.
  std::string_view trace_parent = {};
  // When the request was sent, if that is known from elsewhere (replays); 0 means unknown.
  int64_t sent_at_us = 0;
  model::KeyScope scope = model::KeyScope::kWrite;  // of the sender's key
  // What the log takes (log_limit.h).
  size_t record_bytes_max = std::numeric_limits<size_t>::max();
};

// Why one item does not go in. The codes are part of the public surface: docs/format/verdicts.md.
struct Rejection {
  size_t index = 0;             // of the item in its request
  std::string code;             // e.g. missing_identifier, bad_json, too_large, name_too_long
  std::string message;          // says what is wrong, where, and what would be right
  std::string item;             // as it was sent, for the dead letter
  int64_t sent_at_us = 0;       // of the request, if it said so
  std::string message_id = {};  // the id that it would have had
  std::string context = {};     // JSON that the rest of the request said of this item; for replays
  std::string attribute = {};   // the member that is wrong, if one is
};

// A part of an item that was left out or cut while the item itself went in. Warnings are counted by
// code.
struct Warning {
  size_t index = 0;
  std::string_view code;  // lives for ever
  uint64_t count = 1;
};
// So many of a request are kept one by one; the rest is only counted, so that a body of nothing else costs no memory.
inline constexpr size_t kWarningsKept = 64;

// An event that is not as the tenant's plan says, or a value of another type than was learned: then `found` is that
// type. Depending on the tenant its item is rejected, or goes in.
struct PlanMiss {
  std::string event;
  std::string property;
  std::string rule;
  std::string message_id;
  std::string found = {};
  schema::Subject subject = schema::Subject::kEventAttribute;
  uint64_t count = 1;

  [[nodiscard]] bool is_like(const PlanMiss& other) const {
    return property == other.property && rule == other.rule && event == other.event && found == other.found &&
           subject == other.subject;
  }
};
// The rule of a value that is of another type than was learned, and the code of its item's rejection or warning.
inline constexpr std::string_view kWrongType = "wrong_type";

// What came of a body. Each item ends in exactly one envelope or one rejection.
struct Parsed {
  std::vector<v1::Envelope*> envelopes;  // on the arena
  std::vector<size_t> items;             // envelopes[i] came from item items[i]
  // Orders of `envelopes` again, about whoever is known by the same value as earlier releases spelled it.
  std::vector<v1::Envelope*> respelled;
  std::vector<Rejection> rejected;
  std::vector<Warning> warnings;
  std::vector<PlanMiss> plan_misses;
  size_t item_count = 0;
  RepeatFinder ids;  // of `envelopes`

  // Batches are of a kind: what some of the last ones had already is only counted.
  void miss(PlanMiss miss) {
    constexpr size_t kLookedAt = 64, kAlikeKept = 3;
    const size_t first = plan_misses.size() > kLookedAt ? plan_misses.size() - kLookedAt : 0;
    size_t alike = 0;
    for (size_t i = first; i < plan_misses.size(); ++i)
      if (plan_misses[i].is_like(miss) && ++alike == kAlikeKept) return void(++plan_misses[i].count);
    plan_misses.push_back(std::move(miss));
  }

  // REQUIRES: `code` lives for ever. (Where parsers take an element of an item back, what was only counted stays.)
  void warn(size_t index, std::string_view code) {
    if (warnings.size() >= kWarningsKept)
      for (Warning& known : warnings)
        if (known.code == code) return void(++known.count);
    warnings.push_back({index, code});
  }
};

// A body that is wrong as a whole (it is not JSON, or of no known shape) is an Error: then nothing
// of it goes in.
using ParseResult = Result<Parsed>;

// Each record says whether its sender has proved to be the tenant itself: what it says of a person counts for more.
inline void mark_verified(const std::vector<v1::Envelope*>& envelopes, model::KeyScope scope) {
  for (v1::Envelope* const envelope : envelopes) envelope->set_verified(scope == model::KeyScope::kServer);
}

// Every parser owes this to whoever appends its result: an item that has two ends is answered
// wrongly, one without is lost.
inline void check_every_item_has_one_end(const Parsed& parsed) {
  FRESHET_ASSERT(parsed.envelopes.size() == parsed.items.size());
  FRESHET_ASSERT(parsed.envelopes.size() + parsed.rejected.size() == parsed.item_count);
}

}  // namespace freshet::ingest
