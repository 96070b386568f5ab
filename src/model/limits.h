// What one record may hold, whatever its tenant's own limits (model/tenant.h) are: no record makes more than bounded
// work, for ingest or for action. What is beyond is left out with a warning, or rejects the record: the codes are in
// docs/format/verdicts.md.
#pragma once

#include <cstdint>

namespace freshet::model {

inline constexpr uint32_t kAttributeOpsMax = 1000;     // operations on attributes: too_many_attributes
inline constexpr uint32_t kSetElementsMax = 2000;      // elements that are added and removed: too_many_elements
inline constexpr uint32_t kUnsetPatternsMax = 32;      // unsets by a pattern of names: too_many_patterns
inline constexpr uint32_t kIdentifiersOfTypeMax = 50;  // identifiers of one type: too_many_identifiers

}  // namespace freshet::model
