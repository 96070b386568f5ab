// A profile document: how changes are folded, how they apply to a document, how a document reads as JSON. Pure; all
// stores and the reaction share it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "freshet/v1/change.pb.h"

namespace freshet::model {

// Folds `later` into `earlier`, of the same entity; the result has later's version, and the effect of one after the other.
// REQUIRES: earlier.version() < later.version().
void fold_change(v1::Change& earlier, v1::Change&& later);

// Applies a change unless document.version() >= change.version(). False if it was stale.
bool apply_change(v1::Document& document, const v1::Change& change);

// The public shape (docs/format/document.md): {"id":…,"tenant":…,"kind":"user","identifiers":{…},…}.
[[nodiscard]] std::string document_json(std::string_view tenant, v1::EntityKind kind, std::string_view id,
                                        const v1::Document& document);

}  // namespace freshet::model
