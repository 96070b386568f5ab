// Which values a dead letter may have of a person who is erased. What could not be read has no fields to look into, so
// every piece of it counts; it is better to remove one letter too many than to keep an address. Pieces of less than
// four bytes are passed over, where nothing says that they identify somebody: "true", "7" and "de" are in nearly all.
#include "console/letter_values.h"

#include <simdjson.h>

#include <algorithm>
#include <string>

#include "freshet/v1/change.pb.h"
#include "freshet/v1/envelope.pb.h"
#include "model/phone.h"

namespace freshet::console {
namespace {

constexpr size_t kShortBytes = 4;
constexpr int kDepthMax = 64;

using Visit = std::function<bool(std::string_view)>;

bool names_an_id(std::string_view name) {
  const auto is = [](char c, char lower) { return c == lower || c == lower - 'a' + 'A'; };
  return name.size() >= 2 && is(name[name.size() - 2], 'i') && is(name.back(), 'd');
}

bool any_in_json(const simdjson::dom::element& element, bool is_id, int depth, const Visit& visit) {
  if (depth > kDepthMax) return false;
  switch (element.type()) {
    case simdjson::dom::element_type::STRING: {
      const std::string_view text = element.get_string().value();
      return (is_id || text.size() >= kShortBytes) && visit(text);
    }
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64: {
      const std::string text = simdjson::minify(element);
      return (is_id || text.size() >= kShortBytes) && visit(text);
    }
    case simdjson::dom::element_type::ARRAY:
      for (const auto item : simdjson::dom::array(element))
        if (any_in_json(item, is_id, depth + 1, visit)) return true;
      return false;
    case simdjson::dom::element_type::OBJECT:
      for (const auto field : simdjson::dom::object(element))
        if (any_in_json(field.value, names_an_id(field.key), depth + 1, visit)) return true;
      return false;
    default: return false;
  }
}

// The pieces between any of `delimiters`.
bool any_piece(std::string_view text, std::string_view delimiters, size_t bytes_min, const Visit& visit) {
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(delimiters), text.size());
    if (end >= bytes_min && end > 0 && visit(text.substr(0, end))) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

// What parts the pieces of a text depends on what it was: lines, columns of a file, or the parameters of an address.
bool any_in_text(std::string_view text, size_t bytes_min, const Visit& visit) {
  return any_piece(text, "\"\r\n", bytes_min, visit) || any_piece(text, "\",;\t|\r\n", bytes_min, visit) ||
         any_piece(text, "\"',;:=&?<>()[]{}\\/ \t|\r\n", bytes_min, visit);
}

bool any_identifier(const google::protobuf::RepeatedPtrField<v1::Identifier>& identifiers, const Visit& visit) {
  return std::any_of(identifiers.begin(), identifiers.end(), [&](const auto& i) { return visit(i.value()); });
}

// Messages between partitions carry identifiers in places of their own, and may have a whole record within them.
bool any_in_record(const v1::Envelope& record, const Visit& visit) {
  if (any_identifier(record.user(), visit) || any_identifier(record.device(), visit)) return true;
  if (record.has_other() && visit(record.other().value())) return true;
  if (!record.has_loop()) return false;
  if (visit(record.loop().identifier().value())) return true;
  for (const v1::IdentifierUse& use : record.loop().chunk().identifiers())
    if (visit(use.identifier().value())) return true;
  return record.loop().has_record() && any_in_record(record.loop().record(), visit);
}

bool any_in_value(const v1::Value& value, const Visit& visit) {
  if (!value.text().empty() && visit(value.text())) return true;
  return std::any_of(value.list().values().begin(), value.list().values().end(),
                     [&](const v1::Value& item) { return any_in_value(item, visit); });
}

bool any_in_change(const v1::Change& change, const Visit& visit) {
  return std::any_of(change.ops().begin(), change.ops().end(),
                     [&](const v1::ChangeOp& op) { return any_in_value(op.value(), visit); });
}

bool any_in_body(std::string_view body, size_t bytes_min, const Visit& visit) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (!body.empty() && parser.parse(body.data(), body.size()).get(root) == simdjson::SUCCESS)
    return any_in_json(root, false, 0, visit);
  return any_in_text(body, bytes_min, visit);
}

}  // namespace

// A column of a CSV file may be a short number that is somebody's id, so there nothing is too short.
bool any_value(const v1::DeadLetter& letter, const std::function<bool(std::string_view)>& looks_for) {
  // A number that is erased has the spelling that ingest stores, and a letter the one that was sent.
  const Visit visit = [&](std::string_view text) {
    if (looks_for(text)) return true;
    const std::string number = model::normal_phone(text, {});
    return number != text && looks_for(number);
  };
  if (any_in_text(letter.reason(), kShortBytes, visit) || any_in_body(letter.context(), kShortBytes, visit))
    return true;
  if (letter.body_type() == v1::DeadLetter::ENVELOPE) {
    v1::Envelope record;
    if (record.ParseFromString(letter.body())) return any_in_record(record, visit);
  }
  if (letter.body_type() == v1::DeadLetter::CHANGE) {
    v1::Change change;
    if (change.ParseFromString(letter.body())) return any_in_change(change, visit);
  }
  if (letter.body_type() == v1::DeadLetter::CSV_ROW) return any_in_text(letter.body(), 1, visit);
  return any_in_body(letter.body(), kShortBytes, visit);
}

}  // namespace freshet::console
