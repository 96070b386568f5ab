// Documents of a MongoDB database and what changes in them, in its order: from change streams, or from the oplog of a
// server that has none. For `freshet capture`; nothing of the driver is in sight. Tests have their own.
//
// Ids and documents are canonical Extended JSON without spaces, so an id's text is the same wherever it comes from.
// Everything is read from the primary and as a majority has it: what is told was not and will not be rolled back, and a
// document that is looked up is never older than the change that asked for it.
//
// Errors say who recovers (Code): kRetry the server is away or has changed its primary; kNotFound the server no longer
// has the changes after the position; kFatal and kInvalid the operator.
//
// One thread uses it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/names.h"
#include "base/result.h"
#include "env/clock.h"

namespace freshet::docstore {

struct DocumentText {
  std::string id;
  std::string text;     // "" with a problem
  std::string problem;  // why it has no text; "": it has
};

enum class ChangeKind : uint8_t { kInsert, kUpdate, kReplace, kDelete, kDropped, kRenamed, kAllDropped };
[[nodiscard]] constexpr auto names_of(ChangeKind) {
  using enum ChangeKind;
  return std::to_array<Name<ChangeKind>>({{kInsert, "insert"},
                                          {kUpdate, "update"},
                                          {kReplace, "replace"},
                                          {kDelete, "delete"},
                                          {kDropped, "drop"},
                                          {kRenamed, "rename"},
                                          {kAllDropped, "drop_database"}});
}
// Such a change tells of whole collections.
[[nodiscard]] constexpr bool is_of_collection(ChangeKind kind) { return kind >= ChangeKind::kDropped; }

struct DocumentChange {
  ChangeKind kind = ChangeKind::kInsert;
  std::string collection;             // "": kAllDropped
  std::string to;                     // kRenamed: "" if it has left the database
  std::string id;                     // "" of one that is of a collection
  std::optional<std::string> before;  // where the server keeps it and it was asked for
  // As the change left it, or a later state of it. nullopt: a delete, or it is gone by now, and a delete follows.
  std::optional<std::string> after;
  std::string problem;  // why `before` or `after` could not be told; "": they were
  int64_t at_ms = 0;    // of the server's clock, in seconds or finer
};

struct DocumentChanges {
  std::vector<DocumentChange> list;
  std::string next;  // the position behind them; it goes on while nothing comes, too
};

struct DocumentPage {
  std::vector<DocumentText> documents;
  bool last = false;  // nothing is left behind them
};

class ChangeReader {
 public:
  virtual ~ChangeReader() = default;
  // A position from which on every change is told that begins after this call.
  [[nodiscard]] virtual Result<std::string> now() = 0;
  // The names of the captured collections that there are, sorted; without views.
  [[nodiscard]] virtual Result<std::vector<std::string>> collections() = 0;
  // The documents behind the id, by id; from the beginning: "". About bytes_max of text at most. Of a collection that
  // there is not: none.
  [[nodiscard]] virtual Result<DocumentPage> documents(const std::string& collection, const std::string& after_id,
                                                       size_t documents_max, size_t bytes_max) = 0;
  // Those of the ids that no document has. What is not the text of an id counts as there.
  [[nodiscard]] virtual Result<std::vector<std::string>> gone(const std::string& collection,
                                                              const std::vector<std::string>& ids) = 0;
  // The changes behind a position; waits for the first one up to timeout_us. One that is of a collection is the last
  // one of its list.
  [[nodiscard]] virtual Result<DocumentChanges> changes(const std::string& position, env::TimeUs timeout_us) = 0;
};

// How changes are read. kAuto: from change streams if the server has them.
enum class ChangeSource : uint8_t { kAuto, kStream, kOplog };
[[nodiscard]] constexpr auto names_of(ChangeSource) {
  using enum ChangeSource;
  return std::to_array<Name<ChangeSource>>({{kAuto, "auto"}, {kStream, "stream"}, {kOplog, "oplog"}});
}

// Whether changes tell the document before them, where the server keeps it (change streams of 6.0 and later).
enum class Before : uint8_t { kNone, kAvailable };
[[nodiscard]] constexpr auto names_of(Before) {
  using enum Before;
  return std::to_array<Name<Before>>({{kNone, "none"}, {kAvailable, "available"}});
}

struct ChangeReaderOptions {
  std::string uri;
  std::string database;
  std::vector<std::string> collections;  // patterns (base/pattern.h)
  ChangeSource source = ChangeSource::kAuto;
  Before before = Before::kNone;
};

// The server has answered and taken the credentials. Fails as Client::open does.
[[nodiscard]] Result<std::unique_ptr<ChangeReader>> open_change_reader(const ChangeReaderOptions& options,
                                                                       env::Clock& clock);

}  // namespace freshet::docstore
