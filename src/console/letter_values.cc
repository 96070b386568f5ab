// Which values a dead letter may have of a person who is erased. What could not be read has no fields to look into, so
// every piece of it counts; it is better to remove one letter too many than to keep an address. Pieces of less than
// four bytes are passed over, where nothing says that they identify somebody: "true", "7" and "de" are in nearly all.
#include "console/letter_values.h"

#include <google/protobuf/message.h>
#include <simdjson.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "base/utf8.h"
#include "console/text_pieces.h"
#include "freshet/v1/change.pb.h"
#include "freshet/v1/envelope.pb.h"
#include "model/identifier.h"
#include "model/phone.h"

namespace freshet::console {
namespace {

constexpr size_t kShortBytes = 4;
constexpr std::string_view kJsonBlanks = " \t\r\n";
constexpr std::string_view kEndOrEscape = "\"\\";  // of a text of JSON

using Visit = VisitPiece;

bool names_an_id(std::string_view name) {
  const auto is = [](char c, char lower) { return c == lower || c == lower - 'a' + 'A'; };
  return name.size() >= 2 && is(name[name.size() - 2], 'i') && is(name.back(), 'd');
}

// Names of members are the sender's words ("email", "utm_source", "Plan type"), unless they have something that words
// have not: {"a@b.c": 1}.
bool is_a_word(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (is_name_char(c) && !is_digit(c)) || c == '-' || c == '.' || c == '$' || c == ' ';
  });
}

// A value that is a text of its own: as a whole, and whatever is within it.
bool any_in_value_text(std::string_view text, bool is_id, const Visit& visit) {
  if ((is_id || text.size() >= kShortBytes) && visit(text)) return true;
  return any_piece(text, {.bytes_min = kShortBytes, .words = false}, visit);
}

// Numbers as they are written, since that is what ingest takes for an id; "12.0" is 12 there.
bool any_in_number(std::string_view number, bool is_id, const Visit& visit) {
  if (is_id || number.size() >= kShortBytes) {
    if (visit(number)) return true;
    const size_t point = number.find('.');
    if (point != std::string_view::npos && number.find_first_not_of('0', point + 1) == std::string_view::npos)
      return visit(number.substr(0, point));
  }
  return false;
}

// The text between the quote at the begin of `json` and the next one that is not escaped; takes it away.
std::string_view take_string(std::string_view& json) {
  size_t end = json.find_first_of(kEndOrEscape, 1);
  while (end < json.size() && json[end] != kEndOrEscape.front()) end = json.find_first_of(kEndOrEscape, end + 2);
  end = std::min(end, json.size());
  const std::string_view text = json.substr(1, end - 1);
  json.remove_prefix(std::min(end + 1, json.size()));
  return text;
}

// Token by token, and not by a parser's values: numbers count as they are written, and what is broken has tokens, too.
bool any_in_json(std::string_view json, const Visit& visit) {
  bool is_id = false;  // of the member whose value comes
  while (!json.empty()) {
    if (json.front() == '"') {
      const std::string text = unescaped(take_string(json));
      const size_t next = json.find_first_not_of(kJsonBlanks);
      const bool is_name = next != std::string_view::npos && json[next] == ':';
      if (is_name) is_id = names_an_id(text);
      if ((!is_name || !is_a_word(text)) && any_in_value_text(text, is_id && !is_name, visit)) return true;
    } else if (json.front() == '-' || is_digit(json.front())) {
      const size_t end = std::min(json.find_first_not_of("+-.0123456789eE"), json.size());
      if (any_in_number(json.substr(0, end), is_id, visit)) return true;
      json.remove_prefix(end);
    } else {
      if (json.front() == '}') is_id = false;
      json.remove_prefix(1);
    }
  }
  return false;
}

bool any_in_value(const v1::Value& value, const Visit& visit) {
  for (const std::string* text : {&value.text(), &value.decimal()})
    if (!text->empty() && any_in_value_text(*text, false, visit)) return true;
  if (value.integer() != 0 && any_in_number(std::to_string(value.integer()), false, visit)) return true;
  if (!value.json().empty() && any_in_json(value.json(), visit)) return true;
  return std::any_of(value.list().values().begin(), value.list().values().end(),
                     [&](const v1::Value& item) { return any_in_value(item, visit); });
}

// Records, changes, and the messages of partitions to one another, which have records, identifiers and values wherever
// they need them.
bool any_in_message(const google::protobuf::Message& message, const Visit& visit) {
  const google::protobuf::Descriptor* const type = message.GetDescriptor();
  if (type == v1::Identifier::descriptor()) return visit(static_cast<const v1::Identifier&>(message).value());
  if (type == v1::Value::descriptor()) return any_in_value(static_cast<const v1::Value&>(message), visit);
  if (type == v1::Event::descriptor() && any_in_json(static_cast<const v1::Event&>(message).properties(), visit))
    return true;
  const google::protobuf::Reflection& look = *message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  look.ListFields(message, &fields);
  return std::any_of(fields.begin(), fields.end(), [&](const google::protobuf::FieldDescriptor* field) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) return false;
    if (!field->is_repeated()) return any_in_message(look.GetMessage(message, field), visit);
    for (int i = 0; i < look.FieldSize(message, field); ++i)
      if (any_in_message(look.GetRepeatedMessage(message, field, i), visit)) return true;
    return false;
  });
}

bool any_in_text(std::string_view text, size_t bytes_min, const Visit& visit) {
  return any_piece(text, {.bytes_min = bytes_min}, visit);
}

// What is broken JSON, or none, has tokens like JSON, or pieces like any text.
bool any_in_body(std::string_view body, const Visit& visit) {
  if (any_in_json(body, visit)) return true;
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const bool is_json = !body.empty() && parser.parse(body.data(), body.size()).get(root) == simdjson::SUCCESS;
  return !is_json && any_in_text(body, kShortBytes, visit);
}

bool any_in_letter(const v1::DeadLetter& letter, const Visit& visit) {
  if (any_in_text(letter.reason(), kShortBytes, visit) || any_in_body(letter.context(), visit)) return true;
  if (letter.body_type() == v1::DeadLetter::ENVELOPE) {
    v1::Envelope record;
    if (record.ParseFromString(letter.body())) return any_in_message(record, visit);
  }
  if (letter.body_type() == v1::DeadLetter::CHANGE) {
    v1::Change change;
    if (change.ParseFromString(letter.body())) return any_in_message(change, visit);
  }
  // A column of a CSV file may be a short number that is somebody's id, so there nothing is too short.
  if (letter.body_type() == v1::DeadLetter::CSV_ROW) return any_in_text(letter.body(), 1, visit);
  return any_in_body(letter.body(), visit);
}

}  // namespace

// Values are kept as ingest normalizes them: an address in small letters, beyond ASCII too, a phone number in its one
// spelling, and nothing with blanks of whatever kind around it. A letter has what was sent.
bool any_value(const v1::DeadLetter& letter, const std::function<bool(std::string_view)>& visit) {
  static const v1::TenantRules no_rules;
  return any_in_letter(letter, [&](std::string_view value) {
    if (visit(value)) return !model::is_blocked_identifier(value, no_rules);
    if (const std::string number = model::normal_phone(value, {}); number != value && visit(number)) return true;
    return !is_ascii(value) &&
           (visit(model::normalize_identifier("", value)) || visit(model::normalize_identifier("email", value)));
  });
}

}  // namespace freshet::console
