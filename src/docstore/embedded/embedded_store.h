// Profiles in a key-value store of their own. Writes are blind merges: the change itself is the operand and MergeFn
// folds operands into the document, so that a write costs neither a read nor the document's size. Two kinds of writes
// read first and put the whole document:
// - a change of identifiers, so that index rows, which hold identifiers in clear, come and go with their document,
//   whatever is replayed;
// - every 16th write of a key, so that a hot key stays cheap to read.
// Rows: docs/format/embedded-store.md.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "docstore/doc_store.h"
#include "kv/store.h"

namespace freshet::docstore {

// Options of a store for profiles, with the MergeFn set. Damaged rows and operands count as
// freshet_docstore_damaged_total and are skipped.
[[nodiscard]] kv::Options embedded_options(std::string path, std::shared_ptr<kv::MemoryBudget> memory);

// REQUIRES: `store` was opened with embedded_options (or has its MergeFn). Durability of writes: kLogged, until sync().
// write() calls `done` before it returns.
[[nodiscard]] std::unique_ptr<DocStore> open_embedded_store(std::unique_ptr<kv::Store> store);

// The MergeFn: existing Document or none, operands Change, oldest first. Damaged operands are skipped; a damaged document
// is kept as it is (so that readers see the damage) until a change that replaces it.
[[nodiscard]] std::string merge_document(std::optional<std::string_view> existing,
                                         std::span<const std::string_view> operands);

}  // namespace freshet::docstore
