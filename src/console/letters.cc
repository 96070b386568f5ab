// Pages of dead letters, merged over the partitions. The log can only be read forwards, so each
// partition is read in pieces, from the last one to the first, and each piece is turned round.

#include "console/letters.h"

#include <algorithm>
#include <charconv>

#include "base/assert.h"

namespace freshet::console {
namespace {

using eventlog::Offset;
using eventlog::Topic;
using eventlog::TopicPartition;

// Small enough that a page of a busy tenant reads little that it does not need.
constexpr Offset kPieceOffsets = 512;
constexpr size_t kPieceBytes = 4u << 20;

// A letter with its place, from which the cursor is made.
struct Found {
  v1::DeadLetter letter;
  Offset offset = 0;
};

// Whether `a` comes before `b` on a page: the newest letter is first.
bool is_newer(const Found& a, const Found& b) {
  if (a.letter.received_at_us() != b.letter.received_at_us())
    return a.letter.received_at_us() > b.letter.received_at_us();
  return a.letter.id() > b.letter.id();
}

bool matches(const LetterFilter& filter, const v1::DeadLetter& letter) {
  if (letter.tenant() != filter.tenant) return false;
  if (!filter.code.empty() && letter.code() != filter.code) return false;
  return filter.ids.empty() || std::find(filter.ids.begin(), filter.ids.end(), letter.id()) != filter.ids.end();
}

// Walks one partition backwards.
class Walker {
 public:
  Walker(eventlog::EventLog& log, const LetterFilter& filter, uint32_t partition)
      : log_(log), filter_(filter), partition_(partition) {}

  // Collects up to `bounds.limit` matching letters below `end`, or fewer if it has looked at enough
  // records.
  Status walk(std::optional<Offset> end, const LetterBounds& bounds);

  [[nodiscard]] const Found* head() const { return taken_ < found_.size() ? &found_[taken_] : nullptr; }
  v1::DeadLetter take() {
    FRESHET_ASSERT(taken_ < found_.size());
    return std::move(found_[taken_++].letter);
  }
  // All matching letters from this offset on have been taken.
  [[nodiscard]] Offset taken_from() const { return taken_ < found_.size() ? found_[taken_].offset + 1 : position_; }
  [[nodiscard]] Offset low() const { return low_; }
  [[nodiscard]] uint32_t partition() const { return partition_; }

 private:
  // The matching letters of [from, to), by rising offset.
  Result<std::vector<Found>> piece(Offset from, Offset to);

  eventlog::EventLog& log_;
  const LetterFilter& filter_;
  uint32_t partition_;
  std::vector<Found> found_;  // by falling offset
  size_t taken_ = 0;
  Offset position_ = 0;  // all matching letters from here on are in found_
  Offset low_ = 0;
  size_t looked_at_ = 0;
};

Result<std::vector<Found>> Walker::piece(Offset from, Offset to) {
  std::vector<Found> out;
  while (from < to) {
    auto fetched = log_.read(TopicPartition{Topic::kDeadLetters, partition_}, from, kPieceBytes);
    if (!fetched) return tl::unexpected<Error>(std::move(fetched).error());
    for (const auto& record : fetched->records) {
      if (record.offset >= to) break;
      ++looked_at_;
      Found found{{}, record.offset};
      // A letter that can't be read can't be replayed either, so it is passed over.
      if (!found.letter.ParseFromArray(record.value.data(), static_cast<int>(record.value.size()))) continue;
      if (matches(filter_, found.letter)) out.push_back(std::move(found));
    }
    // Nothing moves any more: the end of the log, or of what it keeps.
    if (fetched->next <= from) break;
    from = fetched->next;
  }
  return out;
}

Status Walker::walk(std::optional<Offset> end, const LetterBounds& bounds) {
  const auto marks = log_.watermarks(TopicPartition{Topic::kDeadLetters, partition_});
  if (!marks) return tl::unexpected<Error>(marks.error());
  low_ = marks->low;
  position_ = std::max(low_, std::min(marks->high, end.value_or(marks->high)));
  while (position_ > low_ && found_.size() < bounds.limit && looked_at_ < bounds.records_max) {
    const Offset from = std::max(low_, position_ - kPieceOffsets);
    auto letters = piece(from, position_);
    if (!letters) return tl::unexpected<Error>(std::move(letters).error());
    std::move(letters->rbegin(), letters->rend(), std::back_inserter(found_));
    position_ = from;
  }
  // What is over the limit belongs to the next page.
  if (found_.size() > bounds.limit) {
    found_.resize(bounds.limit);
    position_ = found_.back().offset;
  }
  FRESHET_ASSERT(found_.size() <= bounds.limit && position_ >= low_);
  return {};
}

// Numbers of a cursor come from a client and may be anything.
template <class Number>
bool parse_number(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= 0;
}

}  // namespace

Result<LetterCursor> parse_cursor(std::string_view text) {
  LetterCursor cursor;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find('-'));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    const size_t dot = part.find('.');
    uint32_t partition = 0;
    Offset offset = 0;
    if (dot == std::string_view::npos || !parse_number(part.substr(0, dot), partition) ||
        !parse_number(part.substr(dot + 1), offset)) {
      return fail(Code::kInvalid, "after must be the \"next\" of an earlier answer");
    }
    cursor[partition] = offset;
  }
  return cursor;
}

std::string cursor_text(const LetterCursor& cursor) {
  std::string out;
  for (const auto& [partition, offset] : cursor) {
    if (!out.empty()) out += '-';
    out += std::to_string(partition) + "." + std::to_string(offset);
  }
  return out;
}

Result<LetterPage> read_letters(eventlog::EventLog& log, const LetterFilter& filter, const LetterCursor& after,
                                const LetterBounds& bounds) {
  std::vector<Walker> walkers;
  for (uint32_t partition = 0; partition < log.partitions(Topic::kDeadLetters); ++partition) {
    const auto from = after.find(partition);
    walkers.emplace_back(log, filter, partition);
    FRESHET_TRY(walkers.back().walk(from == after.end() ? std::nullopt : std::optional(from->second), bounds));
  }
  // The page is merged by time, but each partition is taken in the order of its offsets, so that
  // one offset says what has been taken.
  LetterPage page;
  while (page.letters.size() < bounds.limit) {
    Walker* newest = nullptr;
    for (Walker& walker : walkers) {
      if (walker.head() != nullptr && (newest == nullptr || is_newer(*walker.head(), *newest->head())))
        newest = &walker;
    }
    if (newest == nullptr) break;
    page.letters.push_back(newest->take());
  }
  LetterCursor next;
  bool is_end = true;
  for (const Walker& walker : walkers) {
    next[walker.partition()] = walker.taken_from();
    is_end = is_end && walker.taken_from() <= walker.low();
  }
  if (!is_end) page.next = std::move(next);
  return page;
}

}  // namespace freshet::console
