// What records do to a profile, and what then has to be said of it. Pure functions edit a v1::EntityState and note what
// changed; the caller makes one Change of it, so that a record with ten attributes is one write of the document.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "action/events/computed.h"
#include "action/rules.h"
#include "freshet/v1/change.pb.h"
#include "freshet/v1/envelope.pb.h"
#include "freshet/v1/event.pb.h"

namespace freshet::action {

// Notes which parts of a document changed. A part is said once, however often it was noted.
class Touched {
 public:
  // The name within the section: of MERGED_FROM the id, in hex; empty where a section has one part only.
  void add(v1::Section section, std::string_view name = {});
  // An element was added to the attribute's set or removed from it. What is said is that element, where it can be: who
  // has a set of a thousand need not tell of all of them each time.
  void add_element(std::string_view attribute, const v1::Value& value);
  // The whole document is to be said.
  void all() { all_ = true; }
  // Notes all that a chunk of an entity's state speaks of.
  void add_parts_of(v1::EntityState& part, v1::EntityKind kind);
  [[nodiscard]] bool any() const { return all_ || some_; }
  [[nodiscard]] bool is_all() const { return all_; }
  // Calls visit_one(section, name) for each note, which may come more than once.
  template <class F>
  void visit(const F& visit_one) const {
    for (size_t i = 0; i < count_; ++i) visit_one(parts_[i].section, std::string_view(parts_[i].name));
  }
  // named: false if nobody asks what was touched, but only whether anything was: a name takes longer to note than what
  // it stands for.
  void clear(bool named = true);
  // Writes an operation for each part, from what the entity is now; sorted by (section, name). REQUIRES: named.
  void describe(v1::EntityState& entity, const Tenant& tenant, v1::Change& change);

 private:
  struct Part {
    v1::Section section;
    std::string name;
    std::optional<v1::Value> element;  // nullopt: the part as a whole, which comes before its elements
  };
  [[nodiscard]] static int compare_names(const Part& a, const Part& b);
  Part& push(v1::Section section, std::string_view name);
  void put_elements(v1::EntityState& entity, size_t begin, size_t end, v1::Change& change) const;

  std::vector<Part> parts_;  // count_ of them are in use: their strings keep their memory
  size_t count_ = 0;
  bool named_ = true;
  bool some_ = false;
  bool all_ = false;
};

// Applies the attribute operations, events and times of a data record. Identifiers and the count of messages are not
// its business.
void apply_record(v1::EntityState& entity, const v1::Envelope& record, const Tenant& tenant, PropertyReader& properties,
                  Touched& touched);

// Adds everything that a merged profile (or a chunk of it) had counted and known.
void absorb_profile(v1::EntityState& entity, const v1::EntityState& from, const Tenant& tenant);

// `events` topic: one event as JSON, or as EnrichedEvent. `device`: hex or empty.
[[nodiscard]] std::string enriched_event_json(v1::EntityState& entity, std::string_view id_hex,
                                              std::string_view device_hex, const v1::Envelope& record,
                                              const v1::Event& event, const Tenant& tenant);
[[nodiscard]] std::string enriched_event_protobuf(v1::EntityState& entity, std::string_view id_hex,
                                                  std::string_view device_hex, const v1::Envelope& record,
                                                  const v1::Event& event, const Tenant& tenant);

}  // namespace freshet::action
