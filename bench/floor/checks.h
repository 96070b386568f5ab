// What a schema with limits asks of an item: known names, one type for each, and nothing too long or too much. Names
// are learned as they come, as long as there is room.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <simdjson.h>

#include <string>
#include <string_view>

namespace freshet::bench {

class Checks {
 public:
  // Not too long, and none of the values that stand for nobody.
  [[nodiscard]] bool fits_user(std::string_view value) const;
  [[nodiscard]] bool fits_attribute(std::string_view name, std::string_view value);
  [[nodiscard]] bool fits_event(std::string_view event, simdjson::ondemand::object& properties);

 private:
  using Type = simdjson::ondemand::json_type;
  using Names = absl::flat_hash_map<std::string, Type>;
  // True: the name is known with this type, or there was room for it.
  [[nodiscard]] static bool knows(Names& names, std::string_view name, Type type, size_t most);

  absl::flat_hash_map<std::string, Names> events_;
  Names attributes_;
};

}  // namespace freshet::bench
