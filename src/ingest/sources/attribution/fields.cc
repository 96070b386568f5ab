#include "ingest/sources/attribution/fields.h"

#include <algorithm>
#include <utility>

#include "base/json_writer.h"
#include "base/text.h"
#include "http/text.h"

namespace freshet::ingest {
namespace {

using ondemand::json_type;

// "__CAMPAIGN_NAME__" and "{{campaign.name}}" of networks' links.
bool is_macro(std::string_view text) {
  const auto is_of_name = [](char c) { return is_name_char(c) && !(c >= 'a' && c <= 'z'); };
  return text.size() > 4 && text.starts_with("__") && text.ends_with("__") &&
         std::all_of(text.begin(), text.end(), is_of_name);
}

// "{idfa}" of Adjust and "${(name)!}" of Branch, where the partner knows no such name or has nothing to put there.
bool is_placeholder(std::string_view text) {
  if (is_macro(text)) return true;
  if (text.starts_with('$')) text.remove_prefix(1);
  if (text.starts_with("{{") && text.ends_with("}}")) text = text.substr(1, text.size() - 2);
  if (text.size() < 3 || !text.starts_with('{') || !text.ends_with('}')) return false;
  text = text.substr(1, text.size() - 2);
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_name_char(c) || std::string_view(".~+$!()").find(c) != std::string_view::npos;
  });
}

bool says_nothing(std::string_view text) {
  text = trim(text, " \t\r\n");
  return text.empty() || text == "null" || is_placeholder(text);
}

// Templates are filled in without escaping by some, so a discount of "50%" is no reason to lose the rest.
std::string decode_part(Item& item, std::string_view part) {
  if (auto decoded = http::percent_decode(part, true)) return std::move(*decoded);
  item.warn("bad_escape");
  return std::string(part);
}

}  // namespace

const Fields::Field* Fields::find(std::string_view name) const {
  const auto found = std::find_if(fields_.begin(), fields_.end(), [&](const Field& f) { return f.name == name; });
  return found == fields_.end() ? nullptr : &*found;
}

void Fields::set(Item& item, Field field) {
  if (field.name.empty()) return item.warn("empty_name");
  field.blank = field.scalar && says_nothing(field.text);
  const auto same = std::find_if(fields_.begin(), fields_.end(), [&](const Field& f) { return f.name == field.name; });
  if (same != fields_.end()) {
    *same = std::move(field);
  } else if (fields_.size() < kMax) {
    fields_.push_back(std::move(field));
  } else {
    item.warn("too_many_event_attributes");
  }
}

Outcome Fields::read_json(Item& item, std::string_view object) {
  JsonBody json(JsonBuffer::kBody, object);
  ondemand::document document;
  ondemand::object root;
  std::string_view raw;
  FRESHET_JSON(json.open(json.text(), document, root, raw), item.broken);
  return each_field(item, root, [&](std::string_view name, ondemand::value v) { return read_value(item, name, v); });
}

Outcome Fields::read_value(Item& item, std::string_view name, ondemand::value value) {
  Field field{std::string(name), {}, {}};
  json_type type{};
  std::string_view text;
  FRESHET_JSON(value.type().get(type), item.broken);
  if (type == json_type::object || type == json_type::array) {
    field.scalar = false;
    ondemand::object object;
    ondemand::array array;
    if (type == json_type::object) {
      FRESHET_JSON(value.get_object().get(object), item.broken);
      FRESHET_JSON(object.raw_json().get(text), item.broken);
    } else {
      FRESHET_JSON(value.get_array().get(array), item.broken);
      FRESHET_JSON(array.raw_json().get(text), item.broken);
    }
    field.json = trim_right(text);
  } else if (type == json_type::string) {
    field.json = trim_right(value.raw_json_token());
    if (value.get_string().get(text) != simdjson::SUCCESS) return reject_text(item, name);
    field.text = text;
  } else if (type == json_type::number) {
    double number = 0;
    field.json = trim_right(value.raw_json_token());
    if (value.get_double().get(number) != simdjson::SUCCESS) return reject_number(item, name);
    field.text = text_of_number(item, field.json);
  } else if (type == json_type::boolean) {
    bool flag = false;
    FRESHET_JSON(value.get_bool().get(flag), item.broken);
    field.json = field.text = flag ? "true" : "false";
  } else {
    bool is_null = false;
    FRESHET_JSON(value.is_null().get(is_null), item.broken);
    if (!is_null) return item.broken(simdjson::N_ATOM_ERROR);
    field.json = "null";
  }
  set(item, std::move(field));
  return Outcome::kOk;
}

Outcome Fields::read_query(Item& item, std::string_view query) {
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    if (part.empty()) continue;
    const size_t equals = std::min(part.find('='), part.size());
    Field field{decode_part(item, part.substr(0, equals)),
                {},
                decode_part(item, part.substr(std::min(equals + 1, part.size())))};
    if (!simdjson::validate_utf8(field.name) || !simdjson::validate_utf8(field.text)) {
      item.warn("bad_text");
      continue;
    }
    append_json_string(field.json, field.text);
    set(item, std::move(field));
  }
  return Outcome::kOk;
}

std::optional<std::string> Fields::take(std::string_view name) {
  const Field* const found = find(name);
  if (found == nullptr || !found->scalar) return std::nullopt;
  std::string text = found->blank ? std::string() : found->text;
  fields_.erase(fields_.begin() + (found - fields_.data()));
  return text;
}

std::string Fields::take_first(std::initializer_list<std::string_view> names) {
  std::string first;
  for (const std::string_view name : names) {
    std::string text = take(name).value_or("");
    if (first.empty()) first = std::move(text);
  }
  return first;
}

std::string_view Fields::text(std::string_view name) const {
  const Field* const found = find(name);
  return found == nullptr || found->blank ? std::string_view() : std::string_view(found->text);
}

Outcome Fields::read_flag(Item& item, std::string_view name, bool& out) const {
  const Field* const found = find(name);
  if (found == nullptr || found->blank) return Outcome::kOk;
  const auto flag = found->scalar ? flag_of(found->text) : std::nullopt;
  if (!flag) return reject_flag(item, name);
  out = *flag;
  return Outcome::kOk;
}

Outcome Fields::take_object(Item& item, std::string_view name, Fields& members, bool& is_object) {
  const Field* const found = find(name);
  is_object = found != nullptr && trim(found->scalar ? found->text : found->json, " \t\r\n").starts_with('{');
  if (!is_object) return Outcome::kOk;
  const std::string json = found->scalar ? found->text : found->json;
  const bool is_text = found->scalar;
  const Outcome outcome = members.read_json(item, json);
  if (outcome == Outcome::kBroken && is_text) {
    // A text that looks like JSON and is none stays what it is: a text.
    is_object = false;
    members.fields_.clear();
    return Outcome::kOk;
  }
  FRESHET_ITEM(outcome);
  fields_.erase(fields_.begin() + (found - fields_.data()));
  return Outcome::kOk;
}

void Fields::drop_prefix(std::string_view prefix) {
  std::erase_if(fields_, [&](const Field& f) { return std::string_view(f.name).starts_with(prefix); });
}

void Fields::add_missing(Fields&& others) {
  for (Field& other : others.fields_)
    if (find(other.name) == nullptr && fields_.size() < 2 * kMax) fields_.push_back(std::move(other));
}

std::string Fields::json(bool with_blank) const {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  for (const Field& field : fields_)
    if (with_blank || !field.blank) json.key(field.name).raw(field.json);
  json.end_object();
  return out;
}

}  // namespace freshet::ingest
