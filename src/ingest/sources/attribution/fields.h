// What a partner says, flat: names with JSON values, of an object or of a query string. A query is untrusted and made
// by a template that somebody wrote by hand, so it is read as it comes: what says nothing is noted as named and left
// out.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/items/item.h"

namespace freshet::ingest {

class Fields {
 public:
  // Beyond them fields are left out with a warning.
  static constexpr size_t kMax = 500;

  // Both add to what is there; of a name that occurs twice the last value counts. An object is walked at its top level.
  // It is read in JsonBuffer::kBody.
  Outcome read_json(Item& item, std::string_view object);
  // Names and values as a form has them ('+' is a blank). A '%' that begins no escape stands for itself, and what is no
  // UTF-8 is left out, both with a warning.
  Outcome read_query(Item& item, std::string_view query);

  // What a name says, which is then gone: a text, a number as its text, true or false. nullopt: it is not named, or is
  // an object or a list, which stays; "": it is blank: no text, blanks, null, or a placeholder that nobody filled in
  // ("{idfa}").
  [[nodiscard]] std::optional<std::string> take(std::string_view name);
  // The first of these that says something; all of them are gone.
  [[nodiscard]] std::string take_first(std::initializer_list<std::string_view> names);
  // The same as take() gives, "" if it is not named; it stays.
  [[nodiscard]] std::string_view text(std::string_view name) const;
  // A flag, as ingest::read_flag() takes it; it stays. What is not named or blank leaves `out` as it was.
  Outcome read_flag(Item& item, std::string_view name, bool& out) const;
  // The members of an object, or of a text that is one; then the name is gone. False: it is none.
  Outcome take_object(Item& item, std::string_view name, Fields& members, bool& is_object);
  void drop_prefix(std::string_view prefix);
  // Names that are here already keep their values.
  void add_missing(Fields&& others);

  // One JSON object; the blank ones only if asked for.
  [[nodiscard]] std::string json(bool with_blank) const;

 private:
  struct Field {
    std::string name;
    std::string json;
    std::string text;  // of a scalar
    bool scalar = true;
    bool blank = false;
  };

  [[nodiscard]] const Field* find(std::string_view name) const;
  Outcome read_value(Item& item, std::string_view name, ondemand::value value);
  void set(Item& item, Field field);

  std::vector<Field> fields_;
};

}  // namespace freshet::ingest
