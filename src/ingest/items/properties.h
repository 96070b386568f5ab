// Takes values from JSON into envelopes, within the tenant's limits and told to the schema: event
// properties as minified JSON in one pass, attributes as operations. What is over a limit is left
// out with a warning and the item goes in. The exceptions are nesting beyond limits.depth and what
// a strict schema does not know: they reject the item.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ingest/items/item.h"

namespace freshet::ingest {

using AttributeOps = google::protobuf::RepeatedPtrField<v1::AttributeOp>;

// Writes the properties of one event. Numbers keep their text; of a name that occurs twice the last
// value stays. A thread uses one writer at a time, because they share a buffer of members.
class PropertiesWriter {
 public:
  // Empties `out`. `event` is the event's name.
  PropertiesWriter(Item& item, std::string_view event, std::string& out);

  Outcome write(ondemand::object object);
  // Adds a property from elsewhere in the item, unless the sender has set one of this name.
  Outcome add_text(std::string_view name, std::string_view text);
  // Completes the JSON.
  void finish();

  // Writes one value as JSON, for attributes that are objects. If it is left out, *kept is false.
  Outcome write_value(ondemand::value value, uint32_t depth, bool& kept);

 private:
  struct Member {
    size_t begin;    // in out_: "name":value,
    size_t key_end;  // behind the name
    size_t end;
    size_t hash;  // of the name: most members are told apart by it
  };

  Outcome write_members(ondemand::object object, uint32_t depth);
  Outcome write_member(ondemand::field& field, uint32_t depth, size_t level_begin);
  Outcome write_object(ondemand::value value, uint32_t depth);
  Outcome write_list(ondemand::value value, uint32_t depth);
  // Ends the member that begins at `begin`; an earlier one of the same name goes.
  void end_member(Member member, size_t level_begin);

  Item& item_;
  std::string_view event_;
  std::string& out_;
  std::vector<Member>& members_;  // of all open levels, the innermost last
};

// A buffer of this thread for a PropertiesWriter.
[[nodiscard]] std::string& properties_buffer();

// What a null does: it unsets the attribute, is left out with a warning, or rejects the item.
enum class NullPolicy : uint8_t { kUnset, kDrop, kReject };

// Makes a SET of each member of `object`; of a name that occurs twice (also in `ops` already) the
// last one stays. Members of the names `adds` and `removes`, if given, are objects for
// add_elements.
Outcome add_attributes(Item& item, ondemand::object object, schema::Subject subject, NullPolicy nulls,
                       AttributeOps& ops, std::string_view adds = {}, std::string_view removes = {});
Outcome add_attribute_text(Item& item, schema::Subject subject, std::string_view name, std::string_view text,
                           AttributeOps& ops);
// Makes one operation of each member of an object such as {"tags":["x"],"color":"red"}; a scalar
// counts as a list of one.
Outcome add_elements(Item& item, ondemand::object object, schema::Subject subject, v1::AttributeOp::Type type,
                     AttributeOps& ops);
// The same of one text, whole: it names something, as an identifier does.
Outcome add_element_name(Item& item, schema::Subject subject, std::string_view name, std::string_view text,
                         AttributeOps& ops);
// Cuts a name at a whole character, with a warning, so that it stays valid UTF-8.
void limit_name(Item& item, std::string_view& name);
// Reads a list of attribute names, or one name.
Outcome read_names(Item& item, ondemand::value value, std::vector<std::string_view>& names);
// Makes an UNSET of the name if the schema knows it or has room for it. REQUIRES: the name is no longer
// than limits.name_length.
Outcome add_unset(Item& item, schema::Subject subject, std::string_view name, AttributeOps& ops);
// Makes an UNSET of each name that the schema knows or has room for. A name that `ops` sets already is
// refused: the record contradicts itself.
Outcome add_unsets(Item& item, const std::vector<std::string_view>& names, AttributeOps& ops);

// Walks attributes that are not to be kept, only for those that name somebody: item.promoted.
Outcome read_promoted(Item& item, ondemand::object object);
// Makes identifiers of item.promoted: of users where the tenant lists the type. Call it when all attributes are read,
// because the last value of one counts: an overridden one would join strangers.
void promote_identifiers(Item& item);

// Cuts a text over the limit, with a warning. It returns false for a URL, which leads nowhere when
// cut: leave it out.
bool limit_text(Item& item, std::string_view& text);

}  // namespace freshet::ingest
