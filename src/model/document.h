// A profile document: how changes are folded, how they apply to a document, how a document reads as JSON. Pure; all
// stores and the reaction share it. Stored shapes: docs/format/document.md, docs/format/change.md.
//
// The algebra. A document is a map from (section, name) to a value or nothing; each op is a function of one entry:
//   SET v              v  (without a value: UNSET)
//   UNSET              nothing
//   ADD_TO_SET A       elements ∪ A
//   REMOVE_FROM_SET R  elements ∖ R
// where elements are those of the list that is there, and none if anything else or nothing is there. A set operation
// leaves its elements sorted (compare_values) and unique; an entry that it leaves empty is nothing. (A list whose order
// matters, or that may be empty, is changed by SET only.) Ops of one (section, name) take effect in their order.
// Hence two runs of ops on one entry fold into
//   SET or UNSET, if there is one: what follows the last of them is computed into it;
//   else at most one ADD_TO_SET A then one REMOVE_FROM_SET R, disjoint: (A1, R1) then (A2, R2) is
//   ((A1 ∖ R2) ∪ A2, (R1 ∖ A2) ∪ R2).
// Of whole changes: `remove` clears the document and leaves a tombstone, `whole` replaces it and revives a tombstone,
// any other change of a tombstone only raises its version. So folding knows: X then remove = remove; X then whole =
// whole; whole then X = whole with X folded into its ops; remove then X = remove.
//
// All of it holds for a replay too: if a document has had changes up to k, applying the fold of i..n, i <= k < n, has
// the effect of k+1..n.
//
// Ops of a change are sorted by (section, name), as their producer made them and as folding leaves them; unsorted ones
// are sorted first (stable), at a cost.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "freshet/v1/change.pb.h"

namespace freshet::model {

// Folds `later` into `earlier`, of the same entity; the result has the effect of one after the other, later's version,
// and the received_at of the one that decides removed_at (else later's). `later` is left valid, its memory fit for
// reuse. REQUIRES: earlier.version() < later.version().
void fold_change(v1::Change& earlier, v1::Change&& later);

// False: there are changes between that version and this one, which a fold would lack.
[[nodiscard]] bool follows(uint64_t version, const v1::Change& later);

// Applies a change unless document.version() >= change.version(). False if it was stale.
bool apply_change(v1::Document& document, const v1::Change& change);

// The value of a field; null: there is none. O(log fields).
[[nodiscard]] const v1::Value* find_field(const v1::Document& document, v1::Section section, std::string_view name);

// The public shape (docs/format/document.md): {"id":…,"tenant":…,"kind":"user","identifiers":{…},…}. `id`: 16 bytes.
[[nodiscard]] std::string document_json(std::string_view tenant, v1::EntityKind kind, std::string_view id,
                                        const v1::Document& document);

// What made the identity what it is:
// {"id":…,"tenant":…,"kind":"user","identifiers":{…},"merged_from":[…],"history":[…]}.
[[nodiscard]] std::string identity_json(std::string_view tenant, v1::EntityKind kind, std::string_view id,
                                        const v1::Document& document);

}  // namespace freshet::model
