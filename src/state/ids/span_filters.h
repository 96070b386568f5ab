// Filters of the message ids that a partition has rows of, one for each span of the window (state/seen_messages.h). The
// rows are what counts; a filter only says of which ids there is surely none, so that a new message, as nearly all of
// them are, does not ask up to seven spans of rows in vain. That costs nearly the same on a partition's first day and
// on any later one.
//
// Filters live in memory alone: no format knows of them. They are whole for the spans from covered_from() on; for lower
// ones the rows are asked. A partition that was opened with rows gathers the filters of its spans from them, the latest
// first, a piece beside each persist. When all of them take more than they may, the oldest goes.
//
// Used by the state's thread; gather() alone may be called on another one, between begin_gather() and end_gather().
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/mutant.h"
#include "base/result.h"
#include "kv/store.h"
#include "state/ids/id_filter.h"

namespace freshet::state {

class SpanFilters {
 public:
  // gathered_at_once: rows that one gather() reads. It stands beside a persist, and should not take longer than that.
  explicit SpanFilters(size_t bytes_max, size_t gathered_at_once = FRESHET_BOUND(1u << 22, 8))
      : bytes_max_(bytes_max), gathered_at_once_(gathered_at_once) {}
  ~SpanFilters();
  SpanFilters(const SpanFilters&) = delete;
  SpanFilters& operator=(const SpanFilters&) = delete;

  // Of a state that was just opened: there are no rows of this span and those after it.
  void begin(uint32_t first_empty_span) { covered_from_ = first_empty_span; }

  // Every row that is ever made is added before it can be looked for.
  void add(uint32_t span, const Hash128& id);
  // Takes out of `ids` those that surely have no row in the span.
  void keep_possible(uint32_t span, std::vector<Hash128>& ids) const;
  // The id surely has no row in `lowest_span` and those after it.
  [[nodiscard]] bool rules_out(uint32_t lowest_span, const Hash128& id) const;
  // Nobody asks for lower spans any more.
  void expire(uint32_t lowest_span);

  // The filter of the latest span that has none is gathered from its rows: begin_gather() with a persist, gather()
  // when the rows of that persist are in the store, end_gather() when it has landed.
  void begin_gather(uint32_t lowest_span);
  [[nodiscard]] Status gather(kv::Store& store);
  void end_gather();

  [[nodiscard]] uint32_t covered_from() const { return covered_from_; }
  [[nodiscard]] size_t bytes() const { return bytes_; }

 private:
  struct Gathering {
    uint32_t span = 0;
    // Of the state's thread.
    IdFilter since;  // ids that came after its begin
    bool given_up = false;
    // Of the thread that gathers.
    IdFilter from_rows;
    std::string next;  // where the rows go on
    size_t bytes_max = 0;
    bool done = false;
  };
  void take(IdFilter& filter, const Hash128& id);
  void shrink();
  void give_up();
  void set_bytes(size_t bytes);

  const size_t bytes_max_, gathered_at_once_;
  size_t bytes_ = 0;
  uint32_t covered_from_ = 0;
  std::map<uint32_t, IdFilter> filters_;  // of spans from covered_from_ on; those with no ids have none
  std::optional<Gathering> gathering_;
  bool full_ = false;  // there was no room for the filter of an older span: none is gathered any more
};

}  // namespace freshet::state
