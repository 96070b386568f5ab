// A tracking batch read once, without copies: its items lead into memory of the reader until the next one is read.
#pragma once

#include <simdjson.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "floor/checks.h"

namespace freshet::bench {

struct Trait {
  std::string_view name, value;  // "" if the value is no text
};

struct Item {
  std::string_view type, message_id, user, event, timestamp;
  std::string_view properties;  // JSON text
  size_t traits_begin = 0, traits_end = 0;
  bool fits = true;  // what the checks say; true without them
};

class BatchReader {
 public:
  // `checks` may be null.
  [[nodiscard]] Status read(const std::string& body, Checks* checks);
  [[nodiscard]] const std::vector<Item>& items() const { return items_; }
  [[nodiscard]] std::span<const Trait> traits_of(const Item& item) const {
    return std::span(traits_).subspan(item.traits_begin, item.traits_end - item.traits_begin);
  }

 private:
  void read_item(simdjson::ondemand::object& object, Checks* checks);
  void read_traits(simdjson::simdjson_result<simdjson::ondemand::value> value, Checks* checks, Item& item);

  simdjson::ondemand::parser parser_;
  std::string padded_;
  std::vector<Item> items_;
  std::vector<Trait> traits_;
};

}  // namespace freshet::bench
