#include "state/row_ranges.h"

#include "base/assert.h"
#include "base/big_endian.h"
#include "state/seen_messages.h"

namespace freshet::state {
namespace {

constexpr char kMessages = 's';

std::string begin_of(RowKind kind, uint32_t spans_later) {
  if (kind.letter != kMessages) return std::string(1, kind.letter);
  FRESHET_ASSERT(kind.span >= spans_later);
  return seen_rows_of(kind.span - spans_later);
}

// The first text that is behind all that begin with this one.
std::string behind(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  FRESHET_ASSERT(!prefix.empty());
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace

KeyRange keys_of(RowKind kind, uint64_t from, uint64_t to, uint32_t spans_later) {
  FRESHET_ASSERT(from < to && to <= kHashesEnd);
  const std::string prefix = begin_of(kind, spans_later);
  KeyRange range{prefix, prefix};
  if (from > 0) append_big_endian(range.begin, static_cast<uint32_t>(from));
  if (to == kHashesEnd) {
    range.end = behind(prefix);
  } else {
    append_big_endian(range.end, static_cast<uint32_t>(to));
  }
  return range;
}

std::vector<KeyRange> keys_between_kinds() {
  return {{"", "a"}, {behind("a"), "e"}, {behind("e"), "l"}, {behind("l"), "s"}, {behind("s"), ""}};
}

// Each look begins where the next span would, so it costs a seek for each that is there.
Result<std::vector<uint32_t>> spans_in(kv::Store& store, uint32_t lowest) {
  std::vector<uint32_t> spans;
  const std::string end = behind(std::string(1, kMessages));
  std::string at = seen_rows_of(lowest);
  for (bool more = true; more && at < end;) {
    more = false;
    Status status;
    FRESHET_TRY(store.scan(at, end, [&](std::string_view key, std::string_view) {
      const auto span = span_of_seen_row(key);
      if (!span) {
        status = fail(Code::kCorrupt, "a row of messages without a span (" + to_hex(key) + ")");
        return false;
      }
      spans.push_back(*span);
      at = behind(seen_rows_of(*span));
      more = true;
      return false;
    }));
    FRESHET_TRY(std::move(status));
  }
  return spans;
}

}  // namespace freshet::state
