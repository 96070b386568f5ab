// Reads topic `deadletters` from its end backwards, in bounded pieces: people look for the newest
// letters.
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

// Where a page ended: for each partition the offset from which on letters have been seen. As text
// it is "0.17-3.9"; the empty text is the end of the topic.
using LetterCursor = std::map<uint32_t, eventlog::Offset>;
[[nodiscard]] Result<LetterCursor> parse_cursor(std::string_view text);
[[nodiscard]] std::string cursor_text(const LetterCursor& cursor);

// Which letters are wanted.
struct LetterFilter {
  std::string tenant;
  std::string code;              // if it is empty, any code
  std::vector<std::string> ids;  // if it is empty, any id
};

struct LetterPage {
  std::vector<v1::DeadLetter> letters;  // the newest first, by received_at, then by id
  std::optional<LetterCursor> next;     // nullopt if nothing older is left
};

// How much one page may cost.
struct LetterBounds {
  size_t limit = 50;            // letters of the page
  size_t records_max = 50'000;  // looked at in each partition before the page ends short, with a cursor
};

// Reads one page. No letter is on two pages or on none, as long as the topic keeps it.
[[nodiscard]] Result<LetterPage> read_letters(eventlog::EventLog& log, const LetterFilter& filter,
                                              const LetterCursor& after, const LetterBounds& bounds);

// With `whole` the letter has its body: as JSON if it is some, else as text or as hex.
[[nodiscard]] std::string letter_json(const v1::DeadLetter& letter, bool whole);

}  // namespace freshet::console
