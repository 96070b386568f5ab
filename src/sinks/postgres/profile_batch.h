// What a batch of changes makes of profiles, as rows for PostgreSQL.
//
// A row has the profile as it is shown, and beside it its state: the document as Freshet folds it, so that the next
// change is folded by the same code as everywhere else. A change that does not follow on what the table has (the table
// is younger than the profile) is completed from the profile store.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json_writer.h"
#include "sinks/sink.h"

namespace freshet::sinks {

class ProfileBatch {
 public:
  // `around` outlives it.
  explicit ProfileBatch(const Around& around) : around_(around) {}

  // The ids of the batch's profiles, as a JSON array. kInvalid: an item is no change.
  [[nodiscard]] Result<std::string> begin(const Batch& batch);
  // What the table has of one of these.
  [[nodiscard]] Status know(const std::string& id, const std::string& state_hex);
  // Applies the changes. kRetry: the profile store is behind.
  [[nodiscard]] Status apply(const Batch& batch);

  // Of what has changed: rows to write, and ids to remove; "": none.
  [[nodiscard]] std::string rows() const;
  [[nodiscard]] std::string removed() const;

 private:
  struct Profile {
    v1::EntityKind kind = v1::ENTITY_KIND_USER;
    std::string id;  // 16 bytes
    v1::Document document;
    env::TimeUs updated_at_us = 0;
    bool changed = false;
  };

  void note_merged(const v1::Document& whole);
  void write_row(JsonWriter& json, const std::string& hex, const Profile& profile) const;

  const Around& around_;
  std::vector<v1::Change> changes_;          // by the batch's items
  std::map<std::string, Profile> profiles_;  // by id in hex
  std::set<std::string> merged_;             // ids in hex of those that became one of them
};

// The value of one of the sink's columns as text; nullopt: the profile has none.
[[nodiscard]] std::optional<std::string> column_of_profile(const v1::Document& document, const std::string& name);

}  // namespace freshet::sinks
