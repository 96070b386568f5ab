// A dead letter as JSON. Its body is shown as what it is as far as that can be read: people look
// here because something could not be read.

#include <google/protobuf/util/json_util.h>
#include <simdjson.h>

#include "base/hash.h"
#include "base/json_writer.h"
#include "console/letters.h"
#include "freshet/v1/change.pb.h"
#include "freshet/v1/envelope.pb.h"
#include "model/time.h"

namespace freshet::console {
namespace {

void write_text(JsonWriter& json, std::string_view name, std::string_view text) {
  if (!text.empty()) json.member(name, text);
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

bool is_json(std::string_view text) {
  simdjson::dom::parser parser;
  return !text.empty() && parser.parse(text.data(), text.size()).error() == simdjson::SUCCESS;
}

// Field names are those of the .proto files, which the documentation uses.
template <class Message>
std::string message_json(const std::string& bytes) {
  Message message;
  std::string out;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  if (!message.ParseFromString(bytes) || !google::protobuf::util::MessageToJsonString(message, &out, options).ok())
    return "";
  return out;
}

std::string json_of_body(const v1::DeadLetter& letter) {
  switch (letter.body_type()) {
    case v1::DeadLetter::ENVELOPE: return message_json<v1::Envelope>(letter.body());
    case v1::DeadLetter::CHANGE: return message_json<v1::Change>(letter.body());
    default: return is_json(letter.body()) ? letter.body() : "";
  }
}

void write_body(JsonWriter& json, const std::string& name, const std::string& body_json, std::string_view body) {
  if (!body_json.empty()) {
    json.key(name).raw(body_json);
  } else if (is_utf8(body)) {
    json.member(name + "_text", body);
  } else {
    json.member(name + "_hex", to_hex(body));
  }
}

std::string_view name_of(v1::DeadLetter::Body type) {
  switch (type) {
    case v1::DeadLetter::JSON_ITEM: return "json_item";
    case v1::DeadLetter::ENVELOPE: return "envelope";
    case v1::DeadLetter::CHANGE: return "change";
    case v1::DeadLetter::CSV_ROW: return "csv_row";
    default: return "unknown";
  }
}

}  // namespace

std::string letter_json(const v1::DeadLetter& letter, bool whole) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("id", letter.id());
  write_text(json, "tenant", letter.tenant());
  write_text(json, "source", letter.source());
  write_text(json, "code", letter.code());
  write_text(json, "reason", letter.reason());
  write_text(json, "endpoint", letter.endpoint());
  write_text(json, "message_id", letter.message_id());
  write_text(json, "received_at", model::format_time(letter.received_at_us()));
  if (letter.sent_at_us() != 0) json.member("sent_at", model::format_time(letter.sent_at_us()));
  if (letter.line() != 0) json.member("line", letter.line());
  const uint64_t bytes = letter.cut_bytes() != 0 ? letter.cut_bytes() : letter.body().size();
  json.member("body_type", name_of(letter.body_type())).member("body_bytes", bytes);
  if (letter.cut_bytes() != 0) json.member("kept_bytes", letter.body().size());
  if (whole) {
    write_body(json, "body", json_of_body(letter), letter.body());
    if (!letter.context().empty())
      write_body(json, "context", is_json(letter.context()) ? letter.context() : "", letter.context());
  }
  json.end_object();
  return out;
}

}  // namespace freshet::console
