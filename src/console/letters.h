// Reading topic `deadletters` from its end backwards, in bounded pieces.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "eventlog/event_log.h"
#include "freshet/v1/event.pb.h"

namespace freshet::console {

// Where a page ended: per partition, letters at or above the offset have been seen. Text: "0.17-3.9"; empty: the end.
using LetterCursor = std::map<uint32_t, eventlog::Offset>;
[[nodiscard]] Result<LetterCursor> parse_cursor(std::string_view text);
[[nodiscard]] std::string cursor_text(const LetterCursor& cursor);

struct LetterFilter {
  std::string tenant;
  std::string code;              // empty: any
  std::vector<std::string> ids;  // empty: any
};

struct LetterPage {
  std::vector<v1::DeadLetter> letters;  // newest first, by received_at, then id
  std::optional<LetterCursor> next;     // nullopt: nothing older is left
};

struct LetterBounds {
  size_t limit = 50;            // letters of the page
  size_t records_max = 50'000;  // looked at per partition before the page ends short, with a cursor
};

// No letter is on two pages or on none, while the topic keeps it.
[[nodiscard]] Result<LetterPage> read_letters(eventlog::EventLog& log, const LetterFilter& filter,
                                              const LetterCursor& after, const LetterBounds& bounds);

// `whole`: with its body, as JSON if it is some, else as text or in base64.
[[nodiscard]] std::string letter_json(const v1::DeadLetter& letter, bool whole);

}  // namespace freshet::console
