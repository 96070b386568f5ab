// A dead letter as JSON. Its body is shown as what it is as far as that can be read: people look
// here because something could not be read.

#include <google/protobuf/util/json_util.h>
#include <simdjson.h>

#include "base/hash.h"
#include "console/letters.h"
#include "freshet/v1/change.pb.h"
#include "freshet/v1/envelope.pb.h"
#include "model/json.h"
#include "model/time.h"

namespace freshet::console {
namespace {

void append_text(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  out += ",\"";
  out += name;
  out += "\":";
  model::append_json_string(out, text);
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

void append_body(std::string& out, std::string_view name, const std::string& json, std::string_view body) {
  out += ",\"";
  out += name;
  if (!json.empty()) {
    out += "\":" + json;
  } else if (is_utf8(body)) {
    out += "_text\":";
    model::append_json_string(out, body);
  } else {
    out += "_hex\":\"" + to_hex(body) + "\"";
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
  std::string out = "{\"id\":";
  model::append_json_string(out, letter.id());
  append_text(out, "tenant", letter.tenant());
  append_text(out, "source", letter.source());
  append_text(out, "code", letter.code());
  append_text(out, "reason", letter.reason());
  append_text(out, "endpoint", letter.endpoint());
  append_text(out, "message_id", letter.message_id());
  append_text(out, "received_at", model::format_time(letter.received_at_us()));
  if (letter.sent_at_us() != 0) append_text(out, "sent_at", model::format_time(letter.sent_at_us()));
  if (letter.line() != 0) out += ",\"line\":" + std::to_string(letter.line());
  append_text(out, "body_type", name_of(letter.body_type()));
  out += ",\"body_bytes\":" + std::to_string(letter.body().size());
  if (whole) {
    append_body(out, "body", json_of_body(letter), letter.body());
    if (!letter.context().empty())
      append_body(out, "context", is_json(letter.context()) ? letter.context() : "", letter.context());
  }
  return out + "}";
}

}  // namespace freshet::console
