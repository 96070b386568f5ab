// Values between Protobuf and BSON. What comes back may have been written by others, so reading
// trusts nothing.

#include "docstore/mongo/values.h"

#include <simdjson.h>

#include <cmath>
#include <cstdlib>
#include <string>

#include "base/assert.h"
#include "base/json_writer.h"
#include "base/saturated.h"
#include "docstore/mongo/bson.h"
#include "docstore/mongo/names.h"
#include "model/decimal.h"
#include "model/json.h"
#include "model/time.h"

namespace freshet::docstore {
namespace {

using v1::Value;

constexpr int64_t kUsPerMs = 1000;
// Memory of the parser at first; it grows.
constexpr size_t kParserBytes = 4096;

// ---- to BSON ----

bool is_whole(std::string_view number) {
  return number.find_first_not_of("0123456789", number.starts_with('-') ? 1 : 0) == std::string_view::npos;
}

// Decimals beyond 34 digits don't fit decimal128. A whole number of more is some id, whose digits count; a sum is
// rounded.
void append_decimal(bson_t* to, std::string_view key, const std::string& text) {
  bson_decimal128_t decimal;
  if (bson_decimal128_from_string_w_len(text.data(), length_of(text), &decimal)) {
    FRESHET_ASSERT(bson_append_decimal128(to, key.data(), length_of(key), &decimal));
  } else if (is_whole(text)) {
    append_text(to, key, text);
  } else {
    FRESHET_ASSERT(bson_append_double(to, key.data(), length_of(key), std::strtod(text.c_str(), nullptr)));
  }
}

void append_json(bson_t* to, std::string_view key, const simdjson::dom::element& element) {
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::OBJECT:
      return nest_document(to, key, [&](bson_t* child) {
        for (const auto& field : simdjson::dom::object(element))
          append_json(child, escape_name(field.key), field.value);
      });
    case element_type::ARRAY:
      return nest_array(to, key, [&](bson_t* child) {
        size_t index = 0;
        for (const auto& item : simdjson::dom::array(element)) append_json(child, ArrayKey(index++).view(), item);
      });
    case element_type::STRING: return append_text(to, key, std::string_view(element));
    case element_type::INT64: return append_int(to, key, int64_t(element));
    case element_type::UINT64: return append_decimal(to, key, std::to_string(uint64_t(element)));
    case element_type::DOUBLE:
      FRESHET_ASSERT(bson_append_double(to, key.data(), length_of(key), double(element)));
      return;
    case element_type::BOOL: return append_bool(to, key, bool(element));
    default: return append_null(to, key);
  }
}

// Text that is no JSON, or is deeper than BSON may be, stays a text: nothing is lost, only a
// question can't look inside.
void append_json_text(bson_t* to, std::string_view key, const std::string& json) {
  thread_local simdjson::dom::parser parser;
  if (parser.max_depth() != kDepthMax && parser.allocate(kParserBytes, kDepthMax) != simdjson::SUCCESS)
    return append_text(to, key, json);
  simdjson::dom::element element;
  if (parser.parse(json).get(element) != simdjson::SUCCESS) return append_text(to, key, json);
  append_json(to, key, element);
}

// ---- from BSON ----

std::optional<std::string_view> text_in(const bson_iter_t& at) {
  uint32_t size = 0;
  const char* text = bson_iter_utf8(&at, &size);
  if (text == nullptr || !bson_utf8_validate(text, size, true)) return std::nullopt;
  return std::string_view(text, size);
}

std::optional<int64_t> time_of(const bson_iter_t& at) {
  if (!BSON_ITER_HOLDS_DATE_TIME(&at)) return std::nullopt;
  const int64_t ms = bson_iter_date_time(&at);
  if (ms < model::kTimeMin / kUsPerMs || ms > model::kTimeMax / kUsPerMs) return std::nullopt;
  return ms * kUsPerMs;
}

std::optional<std::string> decimal_of(const bson_iter_t& at) {
  bson_decimal128_t decimal;
  char text[BSON_DECIMAL128_STRING];
  if (!bson_iter_decimal128(&at, &decimal)) return std::nullopt;
  bson_decimal128_to_string(&decimal, text);
  // Beyond what Decimal holds there are only whole numbers.
  const auto exact = model::Decimal::parse(text);
  if (exact) return exact->text();
  return is_whole(text) ? std::optional<std::string>(text) : std::nullopt;
}

void write_bson(JsonWriter& json, const bson_iter_t& at, int depth);

void write_elements(JsonWriter& json, const bson_iter_t& at, bool object, int depth) {
  bson_iter_t child;
  object ? json.begin_object() : json.begin_array();
  if (depth < kDepthMax && bson_iter_recurse(&at, &child)) {
    while (bson_iter_next(&child)) {
      const std::string_view key(bson_iter_key(&child), bson_iter_key_len(&child));
      if (object && !bson_utf8_validate(key.data(), key.size(), true)) continue;
      if (object) json.key(unescape_name(key));
      write_bson(json, child, depth + 1);
    }
  }
  object ? json.end_object() : json.end_array();
}

void write_bson(JsonWriter& json, const bson_iter_t& at, int depth) {
  const bool object = BSON_ITER_HOLDS_DOCUMENT(&at);
  if (object || BSON_ITER_HOLDS_ARRAY(&at)) return write_elements(json, at, object, depth);
  model::write_value(json, read_value(at, depth).value_or(Value{}));
}

std::optional<Value> list_of(const bson_iter_t& at, int depth) {
  bson_iter_t child;
  if (depth >= kDepthMax || !bson_iter_recurse(&at, &child)) return std::nullopt;
  Value value;
  v1::ValueList& list = *value.mutable_list();
  while (bson_iter_next(&child)) {
    if (auto element = read_value(child, depth + 1)) *list.add_values() = std::move(*element);
  }
  return value;
}

}  // namespace

void append_value(bson_t* to, std::string_view key, const Value& value, int depth) {
  switch (value.kind_case()) {
    case Value::kText: return append_text(to, key, value.text());
    case Value::kInteger: return append_int(to, key, value.integer());
    case Value::kNumber: FRESHET_ASSERT(bson_append_double(to, key.data(), length_of(key), value.number())); return;
    case Value::kBoolean: return append_bool(to, key, value.boolean());
    case Value::kTimeUs: return append_date(to, key, ms_of_us(value.time_us()));
    case Value::kJson: return append_json_text(to, key, value.json());
    case Value::kDecimal: return append_decimal(to, key, value.decimal());
    case Value::kStats:
      return nest_document(to, key, [&](bson_t* child) {
        append_int(child, "count", static_cast<int64_t>(value.stats().count()));
        append_date(child, "first_at", ms_of_us(value.stats().first_us()));
        append_date(child, "last_at", ms_of_us(value.stats().last_us()));
      });
    case Value::kList:
      return nest_array(to, key, [&](bson_t* child) {
        if (depth >= kDepthMax) return;
        size_t index = 0;
        for (const Value& item : value.list().values()) append_value(child, ArrayKey(index++).view(), item, depth + 1);
      });
    default: return append_null(to, key);
  }
}

std::optional<Value> read_value(const bson_iter_t& at, int depth) {
  Value value;
  switch (bson_iter_type(&at)) {
    case BSON_TYPE_UTF8:
      if (const auto text = text_in(at)) return value.set_text(std::string(*text)), value;
      return std::nullopt;
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64: value.set_integer(bson_iter_as_int64(&at)); return value;
    case BSON_TYPE_DOUBLE: value.set_number(bson_iter_double(&at)); return value;
    case BSON_TYPE_BOOL: value.set_boolean(bson_iter_bool(&at)); return value;
    case BSON_TYPE_DATE_TIME:
      if (const auto time = time_of(at)) return value.set_time_us(*time), value;
      return std::nullopt;
    case BSON_TYPE_DECIMAL128:
      if (auto decimal = decimal_of(at)) return value.set_decimal(std::move(*decimal)), value;
      return std::nullopt;
    case BSON_TYPE_ARRAY: return list_of(at, depth);
    case BSON_TYPE_DOCUMENT: {
      JsonWriter json(*value.mutable_json());
      write_bson(json, at, depth);
      return value;
    }
    default: return std::nullopt;
  }
}

std::optional<Value> read_stats(const bson_iter_t& at) {
  bson_iter_t child;
  if (!BSON_ITER_HOLDS_DOCUMENT(&at) || !bson_iter_recurse(&at, &child)) return std::nullopt;
  Value value;
  v1::EventStats& stats = *value.mutable_stats();
  while (bson_iter_next(&child)) {
    const std::string_view key = bson_iter_key(&child);
    const auto time = time_of(child);
    if (key == "count" && BSON_ITER_HOLDS_NUMBER(&child) && bson_iter_as_int64(&child) > 0) {
      stats.set_count(static_cast<uint64_t>(bson_iter_as_int64(&child)));
    }
    if (key == "first_at" && time) stats.set_first_us(*time);
    if (key == "last_at" && time) stats.set_last_us(*time);
  }
  return value;
}

}  // namespace freshet::docstore
