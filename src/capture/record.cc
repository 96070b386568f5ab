#include "capture/record.h"

#include "base/json_writer.h"

namespace freshet::capture {
namespace {

// `op` comes first: a sweep tells deletes by how a value begins.
void begin(JsonWriter& json, std::string_view op, const docstore::DocumentChange& change) {
  json.begin_object().member("op", op).member("collection", change.collection).member("at_ms", change.at_ms);
}

}  // namespace

std::string value_of(std::string_view op, const docstore::DocumentChange& change) {
  std::string out;
  out.reserve(128 + (change.before ? change.before->size() : 0) + (change.after ? change.after->size() : 0));
  JsonWriter json(out);
  begin(json, op, change);
  if (change.before) json.key("before").raw(*change.before);
  json.key("after");
  if (change.after) json.raw(*change.after);
  if (!change.after) json.null();
  json.end_object();
  return out;
}

std::string set_aside_value(std::string_view op, const docstore::DocumentChange& change, std::string_view reason) {
  std::string out;
  JsonWriter json(out);
  begin(json, op, change);
  json.member("set_aside", reason).key("after").null().end_object();
  return out;
}

}  // namespace freshet::capture
