// Values on their way from JSON to envelopes. Properties stay JSON text (decision 0004): action
// copies the bytes, and sums keep the digits that were sent. Attributes become typed values,
// because they are compared and merged.

#include "ingest/items/properties.h"

#include <algorithm>
#include <functional>
#include <set>

#include "base/assert.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "ingest/items/identity.h"
#include "ingest/items/typing.h"
#include "model/json.h"
#include "model/limits.h"

namespace freshet::ingest {
namespace {

using ondemand::json_type;

// A scheme has letters, digits, + - and . (RFC 3986, section 3.1); 16 of them are enough for every
// one in use.
bool is_url(std::string_view text) {
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0 || colon > 16) return false;
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon),
                     [](char c) { return is_letter_or_digit(c) || c == '+' || c == '-' || c == '.'; });
}

schema::Type schema_type(json_type type) {
  switch (type) {
    case json_type::number: return schema::Type::kNumber;
    case json_type::boolean: return schema::Type::kBoolean;
    case json_type::array: return schema::Type::kList;
    case json_type::object: return schema::Type::kObject;
    default: return schema::Type::kText;
  }
}

Outcome too_deep(Item& item) {
  return item.reject("too_deep",
                     "a value is nested deeper than " + std::to_string(item.limits.depth) + " levels; flatten it");
}

Outcome read_type(Item& item, ondemand::value& value, json_type& type) {
  FRESHET_JSON(value.type().get(type), item.broken);
  return Outcome::kOk;
}

// The value of a text, the digits of a number, true or false.
Outcome read_sent_text(Item& item, ondemand::value value, json_type type, std::string_view& text) {
  if (type == json_type::string)
    return value.get_string().get(text) == simdjson::SUCCESS ? Outcome::kOk : reject_text(item);
  text = trim_right(value.raw_json_token());
  double number = 0;
  bool flag = false;
  if (type == json_type::boolean) {
    FRESHET_JSON(value.get_bool().get(flag), item.broken);
    text = flag ? "true" : "false";
  } else if (value.get_double().get(number) != simdjson::SUCCESS) {
    return reject_number(item);
  }
  return Outcome::kOk;
}

Outcome read_value(Item& item, ondemand::value value, json_type type, uint32_t depth, v1::Value& out, bool& kept);

Outcome read_number(Item& item, ondemand::value value, v1::Value& out) {
  const std::string_view text = trim_right(value.raw_json_token());
  double number = 0;
  if (value.get_double().get(number) != simdjson::SUCCESS) return reject_number(item);
  put_number(text, number, out);
  return Outcome::kOk;
}

// Where the value of this attribute is noted if it names somebody, else nullptr.
std::string_view* promoted_slot(Item& item, schema::Subject subject, std::string_view name) {
  if (subject != item.promotions->subject) return nullptr;
  const std::span<const Promotion> list = item.promotions->list;
  FRESHET_ASSERT(list.size() <= item.promoted.size());
  for (size_t i = 0; i < list.size(); ++i)
    if (list[i].attribute == name) return &item.promoted[i];
  return nullptr;
}

// A phone number is often sent as a number. One with a fraction, or a power and not all digits, names nobody.
std::string_view name_of_number(Item& item, std::string_view number) {
  const std::string_view text = text_of_number(item, number);
  return text.find_first_not_of("-0123456789") == std::string_view::npos ? text : std::string_view();
}

// Reads an attribute that names somebody. *whole is the text as it was sent, because a cut one would name somebody
// else; it stays without data where the value is no name.
Outcome read_promoted_value(Item& item, ondemand::value value, json_type type, std::string_view& whole, v1::Value& out,
                            bool& kept) {
  if (type == json_type::string) {
    std::string_view text;
    if (value.get_string().get(text) != simdjson::SUCCESS) return reject_text(item);
    whole = text;
    kept = limit_text(item, text);
    out.set_text(text.data(), text.size());
    return Outcome::kOk;
  }
  if (type == json_type::number) {
    whole = name_of_number(item, trim_right(value.raw_json_token()));
  }
  return read_value(item, value, type, 0, out, kept);
}

// Reads a scalar that is not of the type that its name has.
Outcome read_converted(Item& item, ondemand::value value, json_type type, const Question& question,
                       const Advice& advice, std::string_view* promoted, v1::Value& out, bool& kept) {
  std::string_view text;
  FRESHET_ITEM(read_sent_text(item, value, type, text));
  if (promoted != nullptr && type == json_type::string) *promoted = text;
  if (promoted != nullptr && type == json_type::number) *promoted = name_of_number(item, text);
  Scalar scalar;
  FRESHET_ITEM(convert_scalar(item, question, advice, text, scalar));
  return put_scalar(item, scalar, out, kept), Outcome::kOk;
}

Outcome read_list(Item& item, ondemand::value value, uint32_t depth, v1::Value& out, bool& kept) {
  if (depth >= item.limits.depth) return too_deep(item);
  ondemand::array array;
  FRESHET_JSON(value.get_array().get(array), item.broken);
  auto& values = *out.mutable_list()->mutable_values();
  json_type first{};
  for (auto element : array) {
    ondemand::value inner;
    FRESHET_JSON(element.get(inner), item.broken);
    if (static_cast<uint32_t>(values.size()) >= item.limits.list_length) {
      item.warn("list_cut");
      break;
    }
    json_type type{};
    FRESHET_ITEM(read_type(item, inner, type));
    // A null in a list says nothing, and would make any list one of several types.
    if (type == json_type::null) continue;
    if (values.empty()) first = type;
    // A list of several types has no order and no set operations, so it is left out.
    if (type != first) {
      item.warn("mixed_list");
      kept = false;
      break;
    }
    bool inner_kept = true;
    FRESHET_ITEM(read_value(item, inner, type, depth + 1, *values.Add(), inner_kept));
    if (!inner_kept) values.RemoveLast();
  }
  return Outcome::kOk;
}

// An object within an attribute is kept as its JSON text.
Outcome read_object(Item& item, ondemand::value value, uint32_t depth, v1::Value& out, bool& kept) {
  std::string json;
  PropertiesWriter writer(item, {}, json);
  FRESHET_ITEM(writer.write_value(value, depth, kept));
  if (kept) out.set_json(std::move(json));
  return Outcome::kOk;
}

// REQUIRES: type is not null.
Outcome read_value(Item& item, ondemand::value value, json_type type, uint32_t depth, v1::Value& out, bool& kept) {
  kept = true;
  switch (type) {
    case json_type::string: {
      std::string_view text;
      if (value.get_string().get(text) != simdjson::SUCCESS) return reject_text(item);
      kept = limit_text(item, text);
      out.set_text(text.data(), text.size());
      return Outcome::kOk;
    }
    case json_type::number: return read_number(item, value, out);
    case json_type::boolean: {
      bool flag = false;
      FRESHET_JSON(value.get_bool().get(flag), item.broken);
      out.set_boolean(flag);
      return Outcome::kOk;
    }
    case json_type::array: return read_list(item, value, depth, out, kept);
    default: return read_object(item, value, depth, out, kept);
  }
}

uint32_t ops_max(const Item& item) { return std::min(item.limits.user_attributes, model::kAttributeOpsMax); }

size_t elements_of(const AttributeOps& ops) {
  size_t elements = 0;
  for (const v1::AttributeOp& op : ops) elements += static_cast<size_t>(op.elements_size());
  return elements;
}

// Finds the operation of this name that replaces the whole attribute, or makes a new one; nullptr
// means that there is no room.
v1::AttributeOp* slot_for(Item& item, std::string_view name, AttributeOps& ops) {
  for (v1::AttributeOp& op : ops) {
    const bool whole = op.type() == v1::AttributeOp::SET || op.type() == v1::AttributeOp::UNSET;
    if (!whole || op.name() != name) continue;
    // The last of two values counts, as in every JSON object here; the place of the first one is
    // used again.
    op.Clear();
    return &op;
  }
  if (static_cast<uint32_t>(ops.size()) >= ops_max(item)) {
    item.warn("too_many_attributes");
    return nullptr;
  }
  return ops.Add();
}

Outcome add_attribute(Item& item, std::string_view name, ondemand::value value, schema::Subject subject,
                      NullPolicy nulls, AttributeOps& ops) {
  json_type type{};
  FRESHET_ITEM(read_type(item, value, type));
  std::string_view* const promoted = promoted_slot(item, subject, name);
  if (promoted != nullptr) *promoted = {};
  limit_name(item, name);
  if (type == json_type::null) {
    // What null means depends on the source, see NullPolicy.
    if (nulls == NullPolicy::kReject)
      return item.reject("null_value", "null can't be set; list the name in \"unset\" to remove the attribute", name);
    FRESHET_ITEM(read_null(item, value));
    if (nulls == NullPolicy::kDrop) return item.warn("null_value"), Outcome::kOk;
    return add_unset(item, subject, name, ops);
  }
  bool kept = true;
  const Question question{subject, {}, name, schema_type(type)};
  Advice advice;
  FRESHET_ITEM(ask_schema(item, question, advice));
  if (!advice.kept && promoted == nullptr) return Outcome::kOk;
  v1::Value read;
  FRESHET_ITEM(advice.converts       ? read_converted(item, value, type, question, advice, promoted, read, kept)
               : promoted == nullptr ? read_value(item, value, type, 0, read, kept)
                                     : read_promoted_value(item, value, type, *promoted, read, kept));
  if (!advice.kept || !kept) return Outcome::kOk;
  if (v1::AttributeOp* const op = slot_for(item, name, ops); op != nullptr) {
    op->set_type(v1::AttributeOp::SET);
    op->set_name(name.data(), name.size());
    op->mutable_value()->Swap(&read);
  }
  return Outcome::kOk;
}

}  // namespace

std::string& properties_buffer() {
  thread_local std::string buffer;
  return buffer;
}

bool limit_text(Item& item, std::string_view& text) {
  const size_t kept = prefix_of(text, item.limits.value_length);
  if (kept == text.size()) return true;
  if (is_url(text)) {
    item.warn("url_too_long");
    return false;
  }
  text = text.substr(0, kept);
  item.warn("value_cut");
  return true;
}

PropertiesWriter::PropertiesWriter(Item& item, std::string_view event, std::string& out)
    : item_(item), event_(event), out_(out), members_([]() -> std::vector<Member>& {
        thread_local std::vector<Member> members;
        return members;
      }()) {
  out_.clear();
  members_.clear();
}

Outcome PropertiesWriter::write(ondemand::object object) {
  if (out_.empty()) out_ += '{';
  return write_members(object, 0);
}

Outcome PropertiesWriter::add_text(std::string_view name, std::string_view text) {
  if (out_.empty()) out_ += '{';
  const size_t begin = out_.size();
  // The name is compared as it stands in the JSON: quoted the same way, equal names have equal
  // bytes.
  append_json_string(out_, name);
  const std::string_view key(out_.data() + begin, out_.size() - begin);
  const bool is_new = std::none_of(members_.begin(), members_.end(), [&](const Member& m) {
    return key == std::string_view(out_.data() + m.begin, m.key_end - m.begin);
  });
  const Question question{schema::Subject::kEventAttribute, event_, name, schema::Type::kText};
  Advice advice;
  if (is_new) FRESHET_ITEM(ask_schema(item_, question, advice));
  bool kept = is_new && advice.kept;
  Scalar scalar{schema::Type::kText, std::string(text)};
  if (kept && advice.converts) FRESHET_ITEM(convert_scalar(item_, question, advice, text, scalar));
  out_ += ':';
  if (kept) append_scalar(item_, scalar, out_, kept);
  out_ += ',';
  if (!kept) out_.resize(begin);
  return Outcome::kOk;
}

void PropertiesWriter::finish() {
  if (out_.empty()) out_ += '{';
  // Every member ends with a comma; the last one becomes the bracket.
  if (out_.back() == ',') {
    out_.back() = '}';
  } else {
    out_ += '}';
  }
}

Outcome PropertiesWriter::write_members(ondemand::object object, uint32_t depth) {
  const size_t level_begin = members_.size();
  for (auto result : object) {
    ondemand::field field;
    FRESHET_JSON(std::move(result).get(field), item_.broken);
    FRESHET_ITEM(write_member(field, depth, level_begin));
  }
  // The top level's members are kept for add_text(); those of an inner level are of no use any
  // more.
  if (depth > 0) members_.resize(level_begin);
  return Outcome::kOk;
}

Outcome PropertiesWriter::write_member(ondemand::field& field, uint32_t depth, size_t level_begin) {
  std::string_view name;
  FRESHET_ITEM(read_name(item_, field, name));
  if (name.empty()) return Outcome::kOk;
  limit_name(item_, name);
  ondemand::value value = field.value();
  json_type type{};
  FRESHET_ITEM(read_type(item_, value, type));
  // Only the top level is told to the schema: names deeper down are data, such as ids as keys.
  bool kept = true;
  const Question question{schema::Subject::kEventAttribute, event_, name, schema_type(type)};
  Advice advice;
  if (depth == 0 && type != json_type::null) FRESHET_ITEM(ask_schema(item_, question, advice));
  if (!advice.kept) return Outcome::kOk;

  Member member{out_.size(), 0, 0, 0};
  append_json_string(out_, name);
  member.key_end = out_.size();
  out_ += ':';
  if (advice.converts) {
    Scalar scalar;
    std::string_view text;
    FRESHET_ITEM(read_sent_text(item_, value, type, text));
    FRESHET_ITEM(convert_scalar(item_, question, advice, text, scalar));
    append_scalar(item_, scalar, out_, kept);
  } else {
    FRESHET_ITEM(write_value(value, depth, kept));
  }
  out_ += ',';
  if (kept) {
    end_member(member, level_begin);
  } else {
    out_.resize(member.begin);
  }
  // The limit counts what is there after repetitions are gone, so it is looked at after each
  // member; the newest one goes.
  if (members_.size() - level_begin > item_.limits.event_attributes) {
    out_.resize(members_.back().begin);
    members_.pop_back();
    item_.warn("too_many_event_attributes");
  }
  return Outcome::kOk;
}

void PropertiesWriter::end_member(Member member, size_t level_begin) {
  member.end = out_.size();
  FRESHET_ASSERT(member.begin < member.key_end && member.key_end < member.end && level_begin <= members_.size());
  const std::string_view key(out_.data() + member.begin, member.key_end - member.begin);
  const auto begin = members_.begin() + static_cast<std::ptrdiff_t>(level_begin);
  member.hash = std::hash<std::string_view>{}(key);
  const auto earlier = std::find_if(begin, members_.end(), [&](const Member& m) {
    return m.hash == member.hash && key == std::string_view(out_.data() + m.begin, m.key_end - m.begin);
  });
  if (earlier != members_.end()) {
    // The earlier member is cut out of the text, so everything behind it moves to the front.
    const size_t gone = earlier->end - earlier->begin;
    out_.erase(earlier->begin, gone);
    const auto shift = [gone](Member& m) {
      m.begin -= gone;
      m.key_end -= gone;
      m.end -= gone;
    };
    std::for_each(earlier + 1, members_.end(), shift);
    members_.erase(earlier);
    shift(member);
  }
  members_.push_back(member);
}

Outcome PropertiesWriter::write_value(ondemand::value value, uint32_t depth, bool& kept) {
  kept = true;
  json_type type{};
  FRESHET_ITEM(read_type(item_, value, type));
  switch (type) {
    case json_type::string: {
      const std::string_view raw = trim_right(value.raw_json_token());
      std::string_view text;
      if (value.get_string().get(text) != simdjson::SUCCESS) return reject_text(item_);
      const size_t whole = text.size();
      kept = limit_text(item_, text);
      // An untouched text keeps the sender's own escapes, so that it is neither unescaped nor
      // escaped again.
      if (text.size() == whole) {
        out_ += raw;  // as the sender escaped it
      } else {
        append_json_string(out_, text);
      }
      return Outcome::kOk;
    }
    case json_type::number: {
      const std::string_view raw = trim_right(value.raw_json_token());
      double number = 0;
      if (value.get_double().get(number) != simdjson::SUCCESS) return reject_number(item_);
      out_ += raw;
      return Outcome::kOk;
    }
    case json_type::boolean: {
      bool flag = false;
      FRESHET_JSON(value.get_bool().get(flag), item_.broken);
      out_ += flag ? "true" : "false";
      return Outcome::kOk;
    }
    case json_type::null:
      FRESHET_ITEM(read_null(item_, value));
      out_ += "null";
      return Outcome::kOk;
    case json_type::object: return write_object(value, depth);
    default: return write_list(value, depth);
  }
}

Outcome PropertiesWriter::write_object(ondemand::value value, uint32_t depth) {
  if (depth >= item_.limits.depth) return too_deep(item_);
  ondemand::object object;
  FRESHET_JSON(value.get_object().get(object), item_.broken);
  out_ += '{';
  const size_t begin = out_.size();
  FRESHET_ITEM(write_members(object, depth + 1));
  if (out_.size() > begin) out_.pop_back();  // the last comma
  out_ += '}';
  return Outcome::kOk;
}

Outcome PropertiesWriter::write_list(ondemand::value value, uint32_t depth) {
  if (depth >= item_.limits.depth) return too_deep(item_);
  ondemand::array array;
  FRESHET_JSON(value.get_array().get(array), item_.broken);
  out_ += '[';
  uint32_t count = 0;
  const size_t begin = out_.size();
  for (auto element : array) {
    ondemand::value inner;
    FRESHET_JSON(element.get(inner), item_.broken);
    if (++count > item_.limits.list_length) {
      item_.warn("list_cut");
      break;
    }
    const size_t inner_begin = out_.size();
    bool kept = true;
    FRESHET_ITEM(write_value(inner, depth + 1, kept));
    if (kept) {
      out_ += ',';
    } else {
      out_.resize(inner_begin);
    }
  }
  if (out_.size() > begin) out_.pop_back();
  out_ += ']';
  return Outcome::kOk;
}

Outcome add_attributes(Item& item, ondemand::object object, schema::Subject subject, NullPolicy nulls,
                       AttributeOps& ops, std::string_view adds, std::string_view removes) {
  return each_field(item, object, [&](std::string_view name, ondemand::value value) -> Outcome {
    if (name.empty()) return Outcome::kOk;
    if (name != adds && name != removes) return add_attribute(item, name, value, subject, nulls, ops);
    bool absent = false;
    FRESHET_ITEM(read_absent(item, value, Shape::kObject, absent));
    if (absent) return Outcome::kOk;
    ondemand::object elements;
    if (value.get_object().get(elements) != simdjson::SUCCESS)
      return item.reject("bad_field", "\"" + std::string(name) + "\" must be an object of attribute names and values",
                         name);
    const auto type = name == adds ? v1::AttributeOp::ADD_TO_SET : v1::AttributeOp::REMOVE_FROM_SET;
    return add_elements(item, elements, subject, type, ops);
  });
}

Outcome add_attribute_text(Item& item, schema::Subject subject, std::string_view name, std::string_view text,
                           AttributeOps& ops) {
  const Question question{subject, {}, name, schema::Type::kText};
  Advice advice;
  FRESHET_ITEM(ask_schema(item, question, advice));
  if (!advice.kept) return Outcome::kOk;
  Scalar scalar{schema::Type::kText, std::string(text)};
  if (advice.converts) FRESHET_ITEM(convert_scalar(item, question, advice, text, scalar));
  v1::Value value;
  bool kept = true;
  put_scalar(item, scalar, value, kept);
  if (!kept) return Outcome::kOk;
  if (v1::AttributeOp* const op = slot_for(item, name, ops); op != nullptr) {
    op->set_type(v1::AttributeOp::SET);
    op->set_name(name.data(), name.size());
    op->mutable_value()->Swap(&value);
  }
  return Outcome::kOk;
}

Outcome read_promoted(Item& item, ondemand::object object) {
  return each_field(item, object, [&](std::string_view name, ondemand::value value) -> Outcome {
    std::string_view* const promoted = promoted_slot(item, item.promotions->subject, name);
    if (promoted == nullptr) return Outcome::kOk;
    json_type type{};
    FRESHET_ITEM(read_type(item, value, type));
    *promoted = {};
    std::optional<std::string_view> text;
    if (type == json_type::null) return read_null(item, value);
    if (type == json_type::string || type == json_type::number) FRESHET_ITEM(read_scalar(item, value, text));
    if (text) *promoted = type == json_type::number ? name_of_number(item, *text) : *text;
    return Outcome::kOk;
  });
}

void promote_identifiers(Item& item) {
  const Promotions& promotions = *item.promotions;
  for (size_t i = 0; i < promotions.list.size(); ++i) {
    const std::string_view type = promotions.list[i].type;
    if (item.promoted[i].data() == nullptr) continue;
    if (promotions.kind == v1::ENTITY_KIND_USER && !is_listed(item.context.tenant.rules.user_priority(), type))
      continue;
    add_identifier(item, promotions.kind, type, item.promoted[i]);
  }
}

Outcome add_elements(Item& item, ondemand::object object, schema::Subject subject, v1::AttributeOp::Type type,
                     AttributeOps& ops) {
  return each_field(item, object, [&](std::string_view name, ondemand::value value) -> Outcome {
    if (name.empty()) return Outcome::kOk;
    limit_name(item, name);
    json_type json{};
    FRESHET_ITEM(read_type(item, value, json));
    if (json == json_type::null) {
      item.warn("null_value");
      return Outcome::kOk;
    }
    // Set operations are not joined per name, so the bound is on the operations themselves.
    if (static_cast<uint32_t>(ops.size()) >= ops_max(item)) {
      item.warn("too_many_attributes");
      return Outcome::kOk;
    }
    if (elements_of(ops) >= model::kSetElementsMax) {
      item.warn("too_many_elements");
      return Outcome::kOk;
    }
    Advice advice;
    FRESHET_ITEM(ask_schema(item, {subject, {}, name, schema::Type::kList}, advice));
    if (!advice.kept) return Outcome::kOk;
    bool kept = true;
    v1::Value read;
    FRESHET_ITEM(read_value(item, value, json, 0, read, kept));
    if (!kept) return Outcome::kOk;
    v1::AttributeOp& op = *ops.Add();
    op.set_type(type);
    op.set_name(name.data(), name.size());
    if (read.has_list()) {
      op.mutable_elements()->Swap(read.mutable_list()->mutable_values());
    } else {
      op.add_elements()->Swap(&read);
    }
    return Outcome::kOk;
  });
}

Outcome add_element_name(Item& item, schema::Subject subject, std::string_view name, std::string_view text,
                         AttributeOps& ops) {
  Advice advice;
  FRESHET_ITEM(ask_schema(item, {subject, {}, name, schema::Type::kList}, advice));
  if (!advice.kept) return Outcome::kOk;
  v1::AttributeOp& op = *ops.Add();
  op.set_type(v1::AttributeOp::ADD_TO_SET);
  op.set_name(name.data(), name.size());
  op.add_elements()->set_text(text.data(), text.size());
  return Outcome::kOk;
}

Outcome read_names(Item& item, ondemand::value value, std::vector<std::string_view>& names) {
  const auto wrong = [&] { return item.reject("bad_unset", "\"unset\" must be a list of attribute names", "unset"); };
  json_type type{};
  FRESHET_ITEM(read_type(item, value, type));
  const auto add = [&](ondemand::value text) {
    std::string_view name;
    if (text.get_string().get(name) != simdjson::SUCCESS) return reject_text(item);
    // As the names of values are, so that an unset meets what was set.
    return limit_name(item, name), names.push_back(name), Outcome::kOk;
  };
  if (type == json_type::string) return add(value);
  ondemand::array array;
  if (type != json_type::array || value.get_array().get(array) != simdjson::SUCCESS) return wrong();
  for (auto element : array) {
    ondemand::value inner;
    FRESHET_JSON(element.get(inner), item.broken);
    FRESHET_ITEM(read_type(item, inner, type));
    if (type != json_type::string) return wrong();
    FRESHET_ITEM(add(inner));
  }
  return Outcome::kOk;
}

void limit_name(Item& item, std::string_view& name) {
  const size_t kept = prefix_of(name, item.limits.name_length);
  if (kept == name.size()) return;
  name = name.substr(0, kept);
  item.warn("name_cut");
}

// An unset leaves its time behind, or else an earlier value that comes later would count. So it takes the place of a
// name in the schema, as a value does: names that nobody has would otherwise fill profiles without a bound.
Outcome add_unset(Item& item, schema::Subject subject, std::string_view name, AttributeOps& ops) {
  Advice advice;
  FRESHET_ITEM(ask_schema(item, {subject, {}, name, schema::Type::kUnknown}, advice));
  if (!advice.kept) return Outcome::kOk;
  if (v1::AttributeOp* const op = slot_for(item, name, ops); op != nullptr) {
    op->set_type(v1::AttributeOp::UNSET);
    op->set_name(name.data(), name.size());
  }
  return Outcome::kOk;
}

Outcome add_unsets(Item& item, const std::vector<std::string_view>& names, AttributeOps& ops) {
  if (names.empty()) return Outcome::kOk;
  const auto subject =
      &ops == &item.envelope.device_attributes() ? schema::Subject::kDeviceAttribute : schema::Subject::kUserAttribute;
  // Names that are unset twice are fine; a name that is set and unset is not.
  std::set<std::string, std::less<>> taken;
  for (const v1::AttributeOp& op : ops) taken.insert(op.name());
  std::set<std::string_view> unset;
  for (const std::string_view name : names) {
    if (name.empty() || !unset.insert(name).second) continue;
    if (taken.contains(name))
      return item.reject("conflicting_operations", "\"" + std::string(name) + "\" is set and unset in one record",
                         name);
    if (static_cast<uint32_t>(ops.size()) >= ops_max(item)) return item.warn("too_many_attributes"), Outcome::kOk;
    FRESHET_ITEM(add_unset(item, subject, name, ops));
  }
  return Outcome::kOk;
}

}  // namespace freshet::ingest
