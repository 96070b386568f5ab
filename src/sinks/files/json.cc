#include "sinks/files/json.h"

#include "base/hash.h"
#include "base/json_writer.h"
#include "freshet/v1/event.pb.h"
#include "model/change_json.h"
#include "model/kind.h"
#include "model/time.h"

namespace freshet::sinks {
namespace {

// Ids and times, and nothing else of the person: a list of the erased must not bring them back.
std::string erasure_json(const Item& item) {
  v1::ErasureNotice notice;
  if (!notice.ParseFromString(item.value)) return "";
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("id", to_hex(notice.id()));
  json.member("kind", model::kind_name(notice.kind()));
  json.member("erased_at", model::format_time(item.received_at_us)).key("merged");
  json.array(notice.merged(), [](JsonWriter& list, const std::string& id) { list.value(to_hex(id)); });
  json.end_object();
  return out;
}

}  // namespace

std::string json_of(const Item& item, eventlog::Topic topic) {
  if (topic == eventlog::Topic::kEvents) return item.value;
  if (topic == eventlog::Topic::kDeadLetters) return erasure_json(item);
  v1::Change change;
  return change.ParseFromString(item.value) ? model::change_json(change) : "";
}

}  // namespace freshet::sinks
