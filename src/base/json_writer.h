// JSON text, written at the end of a string that the caller owns. Nothing is allocated but what that string needs.
//
//   std::string out;
//   JsonWriter json(out);
//   json.begin_object().member("name", name).key("sizes").begin_array();
//   for (const uint64_t size : sizes) json.value(size);
//   json.end_array().end_object();
#pragma once

#include <bitset>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace freshet {

// Appends `text` as a JSON string with its quotes: the only place that knows what must be escaped. REQUIRES: valid
// UTF-8.
void append_json_string(std::string& out, std::string_view text);

// Writes exactly one value: an object, a list, or something simple. It puts the commas and asserts that what is written
// is JSON: a name before each value of an object and nowhere else, ends that fit their beginnings, at most kDepthMax
// levels, and one whole value when the writer goes away. For one thread.
class JsonWriter {
 public:
  static constexpr uint32_t kDepthMax = 128;

  explicit JsonWriter(std::string& out) : out_(out) {}
  ~JsonWriter();
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  JsonWriter& begin_object() { return begin('{', true); }
  JsonWriter& end_object() { return end('}', true); }
  JsonWriter& begin_array() { return begin('[', false); }
  JsonWriter& end_array() { return end(']', false); }

  // The name of the next value. Names are not checked for being different.
  JsonWriter& key(std::string_view name);

  // A string. REQUIRES: valid UTF-8.
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  template <std::integral Number>
  JsonWriter& value(Number number) {
    if constexpr (std::same_as<Number, bool>) {
      return raw(number ? "true" : "false");
    } else if constexpr (std::signed_integral<Number>) {
      return integer(int64_t{number});
    } else {
      return integer(uint64_t{number});
    }
  }
  JsonWriter& value(char) = delete;  // a string of one character, or its number?
  JsonWriter& null() { return raw("null"); }
  // Any value that is JSON text already. REQUIRES: `json` is one value, whole.
  JsonWriter& raw(std::string_view json);

  // null if there is none.
  template <class T>
  JsonWriter& value(const std::optional<T>& v) {
    return v ? value(*v) : null();
  }

  template <class T>
  JsonWriter& member(std::string_view name, const T& v) {
    return key(name).value(v);
  }

  // A list of what `write(json, item)` writes for each of the items, or of the items themselves.
  template <class Items, class Write>
  JsonWriter& array(const Items& items, const Write& write) {
    begin_array();
    for (const auto& item : items) write(*this, item);
    return end_array();
  }
  template <class Items>
  JsonWriter& array(const Items& items) {
    return array(items, [](JsonWriter& json, const auto& item) { json.value(item); });
  }

  // White space before what is written next, behind its comma: for files that people read. REQUIRES: `blanks` lives
  // until then.
  JsonWriter& space(std::string_view blanks);

 private:
  JsonWriter& begin(char bracket, bool object);
  JsonWriter& end(char bracket, bool object);
  JsonWriter& integer(int64_t number);
  JsonWriter& integer(uint64_t number);
  void begin_value();  // checks that one may stand here; its comma
  void put_space();
  [[nodiscard]] bool in_object() const { return depth_ > 0 && objects_[depth_ - 1]; }

  std::string& out_;
  std::string_view space_;
  std::bitset<kDepthMax> objects_;  // by level: whether it is an object, else a list
  uint32_t depth_ = 0;
  bool has_key_ = false;    // a name waits for its value
  bool has_value_ = false;  // something stands before, at this level
};

}  // namespace freshet
