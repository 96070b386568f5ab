// Protobuf writes the fields of a message by their numbers, and the elements of a list in their order. So the events of
// a row lie together, sorted by name, and a changed one finds its place among the bytes of the others.
#include "state/entity_slice.h"

#include <algorithm>
#include <cstddef>

#include "base/assert.h"
#include "model/packed_state.h"
#include "state/wire.h"

namespace freshet::state {
namespace {

constexpr uint32_t kEventsField = v1::EntityState::kEventsFieldNumber;

// Where the events lie in a row; where they would, if it has none.
struct EventsPlace {
  size_t begin = 0, end = 0;
};

// False: the row is damaged before they end.
bool find_events(std::string_view row, EventsPlace& place) {
  place = {};
  WireField field;
  for (std::string_view left = row; !left.empty();) {
    if (!next_field(left, field)) return false;
    if (field.number > kEventsField) return true;
    place.end = row.size() - left.size();
    if (field.number < kEventsField) place.begin = place.end;
  }
  return true;
}

// The name is the first field of an element; an empty one is left out. False: it is damaged.
bool name_of_event(const WireField& event, std::string_view& name) {
  name = {};
  if (event.type != kWireBytes) return false;
  WireField first;
  std::string_view inside = event.inside;
  if (inside.empty()) return true;
  if (!next_field(inside, first)) return false;
  if (first.number == v1::NamedStats::kNameFieldNumber) name = first.inside;
  return true;
}

bool names_event(const v1::Envelope& record, std::string_view name) {
  return std::any_of(record.events().begin(), record.events().end(),
                     [&](const v1::Event& event) { return event.name() == name; });
}

// Puts the events of both behind the row, by name. Of a name that both have `changed` counts.
void merge_events(std::string_view old, std::string_view changed, std::string& row) {
  const char* copied = old.data();  // of `old`: up to there
  WireField one, other;
  std::string_view name, other_name;
  while (!changed.empty()) {
    bool whole = next_field(changed, one) && name_of_event(one, name);
    FRESHET_ASSERT(whole);
    const char* stays = old.data();  // of `old`: what comes before the changed one ends here
    while (!old.empty()) {
      std::string_view rest = old;
      whole = next_field(rest, other) && name_of_event(other, other_name);
      FRESHET_ASSERT(whole);  // read() has gone through them.
      if (other_name > name) break;
      old = rest;
      if (other_name == name) break;
      stays = old.data();
    }
    row.append(copied, static_cast<size_t>(stays - copied)).append(one.bytes);
    copied = old.data();
  }
  row.append(copied, static_cast<size_t>(old.data() + old.size() - copied));
}

}  // namespace

bool EntitySlice::read(std::string_view row, const v1::Envelope& record, v1::EntityState& entity) {
  EventsPlace place;
  if (!find_events(row, place)) return false;
  events_.assign(row, place.begin, place.end - place.begin);
  bytes_.assign(row, 0, place.begin).append(row, place.end);
  if (!entity.ParseFromString(bytes_) || !entity.events().empty()) return false;
  WireField event;
  std::string_view name, last;
  for (std::string_view left = events_; !left.empty(); last = name) {
    if (!next_field(left, event) || !name_of_event(event, name) || name < last) return false;
    if (!names_event(record, name)) continue;
    if (!entity.add_events()->ParseFromArray(event.inside.data(), static_cast<int>(event.inside.size()))) return false;
  }
  return true;
}

void EntitySlice::write(v1::EntityState& entity, std::string& row) {
  model::pack(entity);
  entity.SerializeToString(&bytes_);
  EventsPlace place;
  const bool whole = find_events(bytes_, place);
  FRESHET_ASSERT(whole);
  const std::string_view made = bytes_;
  row.assign(made, 0, place.begin);
  merge_events(events_, made.substr(place.begin, place.end - place.begin), row);
  row.append(made, place.end);
}

}  // namespace freshet::state
