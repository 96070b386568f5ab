// Profiles in a key-value store of their own. It is written behind, as action's state is: changes
// wait in memory, where readers find them, until sync() writes them in one sorted file, one merge
// operand for each document. There is no write-ahead log; what is lost with the process is read
// again from `changes`. A merge costs neither a read nor the document's size.
//
// A change of identifiers (or of the whole document) is written at once and in one batch with its
// index rows. Index rows hold identifiers in clear, so they must come and go with the document,
// whatever is replayed: a row that stays would show an erased identifier. Which rows these are is
// read from the document, or known if its identifiers were written lately.
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

// Options of a store for profiles, with the MergeFn set. Damaged rows and operands are counted as
// freshet_docstore_damaged_total and skipped.
[[nodiscard]] kv::Options embedded_options(std::string path, std::shared_ptr<kv::MemoryBudget> memory);

// `pending_bytes_max` bounds the changes that wait: from there on the store wants a sync, and from
// twice as much on a write does it itself. write() calls `done` before it returns. REQUIRES:
// `store` was opened with embedded_options (or has its MergeFn).
[[nodiscard]] std::unique_ptr<DocStore> open_embedded_store(std::unique_ptr<kv::Store> store,
                                                            size_t pending_bytes_max = 32u << 20);

// The MergeFn: `existing` is a Document or none, `operands` are Changes, the oldest first. Damaged
// operands are skipped. A damaged document is kept as it is, so that readers see the damage, until
// a change replaces it.
[[nodiscard]] std::string merge_document(std::optional<std::string_view> existing,
                                         std::span<const std::string_view> operands);

}  // namespace freshet::docstore
