// Values meet their tenant's schema: what is over a limit is left out, what is not in the plan of a strict tenant
// rejects its item, and what is of another type than was learned is settled as the tenant wants it
// (docs/operations/schema.md).
#pragma once

#include <string>
#include <string_view>

#include "ingest/items/item.h"

namespace freshet::ingest {

// One value, of which the schema is asked.
struct Question {
  schema::Subject subject;
  std::string_view of;  // the event, of a property
  std::string_view name;
  schema::Type type;
  std::string_view where = {};  // how messages to the sender begin
};

struct Advice {
  bool kept = true;       // else it is left out
  bool converts = false;  // into `expected`, if it says the same there: convert_scalar()
  bool widened = false;   // and that is noted already
  schema::Expected expected = {};
};

// Asks, and says what the sender and the tenant hear of it.
Outcome ask_schema(Item& item, const Question& question, Advice& advice);

// A scalar on its way into an envelope: as schema::coerced() has it.
struct Scalar {
  schema::Type type;
  std::string text;
  bool alone_in_list = false;
};
// What becomes of a scalar that was sent so (as schema::coerced() wants it). If it says something else in the expected
// type, it stays what it was, or rejects its item. REQUIRES: advice.converts.
Outcome convert_scalar(Item& item, const Question& question, const Advice& advice, std::string_view sent, Scalar& out);

// Into an attribute, or at the end of JSON. Over the limit of texts it is cut, or left out: then *kept is false.
void put_scalar(Item& item, const Scalar& scalar, v1::Value& out, bool& kept);
void append_scalar(Item& item, const Scalar& scalar, std::string& json, bool& kept);

// Puts a number into a value. One that is whole is the same however its sender's language writes it: 1, 1.0, 1e0.
void put_number(std::string_view text, double number, v1::Value& out);

}  // namespace freshet::ingest
