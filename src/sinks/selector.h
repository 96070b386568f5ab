// Which records of a topic concern a sink: those of its tenant that meet its conditions. One thread uses it.
//
// A name in `where` is a property of the event, or an attribute of a change; "enriched.NAME" is what an event was
// enriched with, "computed.NAME" a computed attribute. A change meets a test if it says something of what the test
// names, and that passes; of the tests of a sink one at least must be met so. What a change says nothing of is looked
// up in the profile.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sinks/sink.h"

namespace freshet::sinks {

class Selector {
 public:
  explicit Selector(const Around& around);
  ~Selector();

  // nullopt: the record is none of this sink's. An error: the profile can't be read at the moment.
  // Of `deadletters`: who of the tenant was erased, whatever the conditions are.
  [[nodiscard]] Result<std::optional<Item>> pick(eventlog::Topic topic, const eventlog::RecordView& record);

 private:
  struct Parser;

  [[nodiscard]] std::optional<Item> pick_event(const eventlog::RecordView& record);
  [[nodiscard]] std::optional<Item> pick_erasure(const eventlog::RecordView& record) const;
  [[nodiscard]] Result<std::optional<Item>> pick_change(const eventlog::RecordView& record);
  [[nodiscard]] Result<bool> meets(const v1::Change& change, eventlog::Offset offset);

  const std::string tenant_;
  const model::Sink sink_;
  const ReadProfile read_profile_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace freshet::sinks
