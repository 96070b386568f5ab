#include "floor/batch.h"

namespace freshet::bench {
namespace {

std::string_view text_of(simdjson::simdjson_result<simdjson::ondemand::value> value) {
  std::string_view text;
  return value.get_string().get(text) == simdjson::SUCCESS ? text : std::string_view();
}

// Their text; and each of them is looked at, if there are checks. A batch names the event before its properties.
void read_properties(simdjson::simdjson_result<simdjson::ondemand::value> value, Checks* checks, Item& item) {
  simdjson::ondemand::object properties;
  if (value.get_object().get(properties) != simdjson::SUCCESS ||
      properties.raw_json().get(item.properties) != simdjson::SUCCESS) {
    item.properties = {};
    return;
  }
  if (checks == nullptr) return;
  bool empty = false;
  if (properties.reset().get(empty) != simdjson::SUCCESS) return;
  item.fits = checks->fits_event(item.event, properties) && item.fits;
}

}  // namespace

Status BatchReader::read(const std::string& body, Checks* checks) {
  items_.clear();
  traits_.clear();
  padded_.assign(body);
  padded_.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  simdjson::ondemand::document document;
  simdjson::ondemand::array items;
  if (parser_.iterate(padded_.data(), padded_.size(), padded_.capacity()).get(document) != simdjson::SUCCESS ||
      document["batch"].get_array().get(items) != simdjson::SUCCESS) {
    return fail(Code::kInvalid, "the body is not a batch");
  }
  for (auto item : items) {
    simdjson::ondemand::object object;
    if (item.get_object().get(object) != simdjson::SUCCESS) return fail(Code::kInvalid, "an item is not an object");
    read_item(object, checks);
  }
  return {};
}

void BatchReader::read_item(simdjson::ondemand::object& object, Checks* checks) {
  Item& item = items_.emplace_back();
  for (auto field : object) {
    std::string_view key;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS) continue;
    if (key == "type") {
      item.type = text_of(field.value());
    } else if (key == "messageId") {
      item.message_id = text_of(field.value());
    } else if (key == "userId") {
      item.user = text_of(field.value());
    } else if (key == "event") {
      item.event = text_of(field.value());
    } else if (key == "timestamp") {
      item.timestamp = text_of(field.value());
    } else if (key == "traits") {
      read_traits(field.value(), checks, item);
    } else if (key == "properties") {
      read_properties(field.value(), checks, item);
    }
  }
  if (checks != nullptr) item.fits = checks->fits_user(item.user) && item.fits;
}

void BatchReader::read_traits(simdjson::simdjson_result<simdjson::ondemand::value> value, Checks* checks, Item& item) {
  item.traits_begin = item.traits_end = traits_.size();
  simdjson::ondemand::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) return;
  for (auto field : object) {
    std::string_view name;
    if (field.unescaped_key().get(name) != simdjson::SUCCESS) continue;
    const Trait trait{name, text_of(field.value())};
    if (checks != nullptr && !checks->fits_attribute(trait.name, trait.value)) continue;
    traits_.push_back(trait);
  }
  item.traits_end = traits_.size();
}

}  // namespace freshet::bench
