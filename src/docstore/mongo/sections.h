// The parts of a profile as fields of its document in MongoDB.
#pragma once

#include <array>
#include <string_view>

#include "freshet/v1/change.pb.h"

namespace freshet::docstore {

// One part of a profile: the document's field that has it, and its form there.
struct SectionField {
  v1::Section section;
  std::string_view field;
  enum Form {
    kNamed,   // a document, with a field for each name
    kAny,     // the same, and no field at all if there are none
    kList,    // a list, also an empty one
    kTime,    // a time or null
    kHidden,  // a list if there is one, else no field at all
  } form;

  [[nodiscard]] constexpr bool is_named() const { return form == kNamed || form == kAny; }
};

inline constexpr std::array<SectionField, 15> kSectionFields = {{
    {v1::IDENTIFIERS, "identifiers", SectionField::kNamed},
    {v1::ATTRIBUTES, "attributes", SectionField::kNamed},
    {v1::DEVICES, "devices", SectionField::kList},
    {v1::USERS, "users", SectionField::kList},
    {v1::EVENTS, "events", SectionField::kNamed},
    {v1::COMPUTED, "computed", SectionField::kNamed},
    {v1::COMPUTED_SINCE, "computed_since", SectionField::kNamed},
    {v1::FIRST_SEEN, "first_seen", SectionField::kTime},
    {v1::LAST_SEEN, "last_seen", SectionField::kTime},
    {v1::MERGED_FROM, "merged_from", SectionField::kList},
    {v1::HISTORY, "history", SectionField::kHidden},
    {v1::SESSIONS, "sessions", SectionField::kAny},
    {v1::SUBSCRIPTIONS, "subscriptions", SectionField::kAny},
    {v1::PUSH_TOKEN, "push_token", SectionField::kAny},
    {v1::AUDIENCES, "audiences", SectionField::kAny},
}};

// Returns null for a section of a later version.
[[nodiscard]] inline const SectionField* field_of(v1::Section section) {
  for (const SectionField& field : kSectionFields) {
    if (field.section == section) return &field;
  }
  return nullptr;
}

}  // namespace freshet::docstore
