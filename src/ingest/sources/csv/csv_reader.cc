// Reads CSV. Most rows have no quote, so they are found by their line end and split at the commas;
// only a line with a quote goes through the slower QuotedRow. A scan never takes bytes: it says how
// far a row goes, and only then the cursor moves, so a row that is not whole can be tried again
// with more bytes.

#include "ingest/sources/csv/csv_reader.h"

#include <simdjson.h>

#include <algorithm>

#include "base/assert.h"
#include "base/text.h"
#include "model/padding.h"

namespace freshet::ingest {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kSeparatorLine = "sep=";
constexpr std::string_view kBadQuoteCode = "bad_quote";
constexpr std::string_view kOtherSeparator =
    "the header has other separators between its quotes: cells must be separated by commas";

// How far a scan came.
enum class Scan : uint8_t {
  kWhole,     // `end` and `next` are set
  kMore,      // needs more bytes
  kTooLarge,  // no end within kCsvRowBytesMax
  kUnclosed,  // the same, or the end of the content, inside quotes
  kBadQuote,  // text after a closing quote
  kBadEnd,    // a CR alone after one
};

struct Extent {
  Scan scan = Scan::kMore;
  size_t end = 0;   // of the row
  size_t next = 0;  // behind its line end
};

// The only place where the cursor moves within the content.
void take(std::string_view& data, size_t bytes, CsvCursor& cursor) {
  FRESHET_ASSERT(bytes <= data.size());
  cursor.line +=
      static_cast<uint64_t>(std::count(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(bytes), '\n'));
  cursor.offset += bytes;
  data.remove_prefix(bytes);
}

// Passes over a byte-order mark at the start of the content. It returns false if more bytes are
// needed to know.
bool skip_byte_order_mark(std::string_view& data, bool last, CsvCursor& cursor) {
  if (cursor.offset != 0) return true;
  // Spreadsheet programs write the mark when they save as UTF-8; left in, it would be part of the
  // first column's name.
  if (data.size() < kByteOrderMark.size() && !last && kByteOrderMark.starts_with(data)) return false;
  if (data.starts_with(kByteOrderMark)) take(data, kByteOrderMark.size(), cursor);
  return true;
}

// Passes over blank lines and the rest of an overlong one. It returns false if `data` is used up,
// except for what may be the first half of a CRLF.
bool skip_lines(std::string_view& data, bool last, CsvCursor& cursor) {
  if (cursor.skipping) {
    const size_t end = data.find('\n');
    cursor.skipping = end == std::string_view::npos;
    take(data, cursor.skipping ? data.size() : end + 1, cursor);
  }
  while (!data.empty()) {
    if (data[0] == '\n') {
      take(data, 1, cursor);
    } else if (data.starts_with("\r\n")) {
      take(data, 2, cursor);
      // A lone CR at the end may be half of a CRLF, so it waits for the next bytes.
    } else if (data == "\r") {
      if (last) take(data, 1, cursor);
      return false;
    } else {
      return true;
    }
  }
  return false;
}

// What it means that no end of the row was found.
Scan missing_end(std::string_view data, bool last, bool quoted) {
  if (data.size() > kCsvRowBytesMax) return quoted ? Scan::kUnclosed : Scan::kTooLarge;
  if (last) return quoted ? Scan::kUnclosed : Scan::kWhole;
  return Scan::kMore;
}

// The row's extent if its line ends at `at` (or the content ends there).
Extent ended(std::string_view data, size_t at) {
  const bool carriage_return = at > 0 && data[at - 1] == '\r';
  return {Scan::kWhole, carriage_return ? at - 1 : at, std::min(at + 1, data.size())};
}

void split(std::string_view line, std::vector<std::string_view>& fields) {
  size_t begin = 0;
  for (size_t comma; (comma = line.find(',', begin)) != std::string_view::npos; begin = comma + 1) {
    fields.push_back(line.substr(begin, comma - begin));
  }
  fields.push_back(line.substr(begin));
}

// A row with quotes. The text of a field goes to row.unquoted where it is not a part of the data as
// it stands.
class QuotedRow {
 public:
  QuotedRow(std::string_view data, bool last, CsvRow& row)
      : data_(data), window_(data.substr(0, kCsvRowBytesMax)), last_(last), row_(row) {
    row_.unquoted.clear();
  }

  Extent scan() {
    while (true) {
      const Extent extent = at_ < window_.size() && window_[at_] == '"' ? quoted_field() : plain_field();
      if (!more_fields_) return extent;
    }
  }

 private:
  // A field that does not begin with a quote may hold quotes as they are: RFC 4180 forbids it, and
  // exports do it.
  Extent plain_field() {
    const size_t begin = at_;
    const size_t end = window_.find_first_of(",\n", begin);
    if (end == std::string_view::npos) return finish(begin, data_.size());
    if (window_[end] == '\n') return finish(begin, end);
    row_.fields.push_back(window_.substr(begin, end - begin));
    at_ = end + 1;
    more_fields_ = true;
    return {};
  }

  // The last field of a row, unquoted. It ends at `end`, of the line or of the content.
  Extent finish(size_t begin, size_t end) {
    more_fields_ = false;
    if (end == data_.size()) {
      if (const Scan scan = missing_end(data_, last_, false); scan != Scan::kWhole) return {scan};
    }
    const Extent extent = ended(data_, end);
    row_.fields.push_back(data_.substr(begin, extent.end < begin ? 0 : extent.end - begin));
    return extent;
  }

  Extent quoted_field() {
    const size_t begin = at_ + 1;
    size_t run = begin;  // start of what is not copied yet
    std::string_view text;
    bool copied = false;
    size_t copy_begin = 0;
    // Quotes come in pairs inside of a quoted field, so each step looks behind the pair.
    for (size_t quote = begin;; quote += 2) {
      quote = window_.find('"', quote);
      if (quote == std::string_view::npos) return stop(missing_end(data_, last_, true));
      if (quote + 1 == window_.size()) {  // the next byte would say whether it is doubled or closes the field
        if (data_.size() > window_.size()) return stop(Scan::kUnclosed);
        if (!last_) return stop(Scan::kMore);
      }
      const bool doubled = quote + 1 < window_.size() && window_[quote + 1] == '"';
      if (doubled || copied) {
        if (!copied) start_copy(copy_begin);
        copied = true;
        row_.unquoted.append(window_, run, quote - run + (doubled ? 1 : 0));
        run = quote + 2;
      }
      if (doubled) continue;
      FRESHET_ASSERT(row_.unquoted.size() <= window_.size());  // a larger one would have moved under its fields
      text = copied ? std::string_view(row_.unquoted).substr(copy_begin) : window_.substr(begin, quote - begin);
      at_ = quote + 1;
      break;
    }
    row_.fields.push_back(text);
    return after_quote();
  }

  // Reserves before the first copy, because fields point into `unquoted`: a later growth would move
  // their text away. All unquoted text of a row is shorter than the row, so this is enough.
  void start_copy(size_t& copy_begin) {
    if (row_.unquoted.empty()) row_.unquoted.reserve(window_.size());
    copy_begin = row_.unquoted.size();
  }

  Extent after_quote() {
    if (at_ == window_.size()) {
      if (data_.size() > window_.size()) return stop(Scan::kTooLarge);
      if (!last_) return stop(Scan::kMore);
      more_fields_ = false;
      return {Scan::kWhole, at_, at_};
    }
    if (window_[at_] == ',') {
      ++at_;
      more_fields_ = true;
      return {};
    }
    more_fields_ = false;
    if (window_[at_] == '\n') return {Scan::kWhole, at_, at_ + 1};
    // Behind a closing quote only a comma or a line end makes sense; anything else means that
    // quotes were not doubled.
    if (window_[at_] != '\r') return {Scan::kBadQuote};
    if (at_ + 1 < window_.size()) {
      return window_[at_ + 1] == '\n' ? Extent{Scan::kWhole, at_, at_ + 2} : Extent{Scan::kBadEnd};
    }
    if (data_.size() > window_.size()) return {Scan::kTooLarge};
    return last_ ? Extent{Scan::kWhole, at_, at_ + 1} : Extent{Scan::kMore};
  }

  Extent stop(Scan scan) {
    more_fields_ = false;
    return {scan};
  }

  std::string_view data_;
  std::string_view window_;
  bool last_;
  CsvRow& row_;
  size_t at_ = 0;
  bool more_fields_ = false;
};

// The window bounds the search: a file without line ends is not read into memory as one row.
Extent scan_row(std::string_view data, bool last, CsvRow& row) {
  row.fields.clear();
  const std::string_view window = data.substr(0, kCsvRowBytesMax);
  const size_t line_end = window.find('\n');
  const std::string_view line = window.substr(0, line_end);
  if (line.find('"') != std::string_view::npos) return QuotedRow(data, last, row).scan();
  if (line_end == std::string_view::npos) {
    if (const Scan scan = missing_end(data, last, false); scan != Scan::kWhole) return {scan};
  }
  const Extent extent = ended(data, std::min(line_end, data.size()));
  split(data.substr(0, extent.end), row.fields);
  return extent;
}

void explain(Scan scan, CsvRow& row) {
  if (scan == Scan::kUnclosed) {
    row.code = "unclosed_quote";
    row.message = "a quote that opens in this line is not closed within 256 KiB or before the end of the file";
  } else if (scan == Scan::kBadEnd) {
    row.code = "bad_line_end";
    row.message = "the line ends with a carriage return (CR) alone: save the file with LF or CRLF line ends";
  } else if (scan == Scan::kBadQuote) {
    row.code = kBadQuoteCode;
    row.message =
        "text after a closing quote: a cell with quotes must be quoted as a whole, with each quote inside doubled";
  } else {
    row.code = "row_too_large";
    row.message =
        "the row is longer than 256 KiB: are the file's line ends CR alone? Save it with LF or CRLF line ends";
  }
}

// "sep=;", which Excel obeys and some write for it. REQUIRES: it is the first line.
bool is_separator_line(std::string_view line) {
  const std::string_view bare = trim(line, "\" \t");
  return bare.size() <= kSeparatorLine.size() + 1 &&
         lower_case(bare.substr(0, kSeparatorLine.size())) == kSeparatorLine;
}

// Cells that are quoted and parted by something else than commas.
bool has_other_separator(std::string_view line) {
  return line.find("\";\"") != std::string_view::npos || line.find("\"\t\"") != std::string_view::npos;
}

// Cells are checked once a row is whole: half of a row may end within a UTF-8 character.
void check_text(CsvRow& row) {
  if (row.fields.size() > kCsvColumnsMax) {
    row.code = "too_many_columns";
    row.message = "the row has more than 2000 cells";
  } else if (!simdjson::validate_utf8(row.raw)) {
    row.code = "bad_utf8";
    row.message = "the row is not valid UTF-8: save the file as UTF-8";
  } else if (row.raw.find('\0') != std::string_view::npos) {
    row.code = "nul_byte";
    row.message = "the row has a NUL byte: is the file UTF-16? Save it as UTF-8";
  }
}

// Takes the first line of a broken row, which is what is reported. It returns false if that line's
// end is not there yet.
bool take_broken_line(std::string_view& data, bool last, CsvCursor& cursor, CsvRow& row) {
  const std::string_view window = data.substr(0, kCsvRowBytesMax);
  const size_t line_end = window.find('\n');
  if (line_end == std::string_view::npos && data.size() <= kCsvRowBytesMax && !last) return false;
  row.raw = window.substr(0, line_end);
  if (row.raw.ends_with('\r')) row.raw.remove_suffix(1);
  row.fields.clear();
  take(data, line_end == std::string_view::npos ? window.size() : line_end + 1, cursor);
  // An overlong line is passed over in pieces as they come, so that it never needs more memory than
  // a row.
  cursor.skipping = line_end == std::string_view::npos && !(last && data.empty());
  return true;
}

}  // namespace

bool next_csv_row(std::string_view& data, bool last, CsvCursor& cursor, CsvRow& row) {
  if (!skip_byte_order_mark(data, last, cursor) || !skip_lines(data, last, cursor)) return false;
  const Extent extent = scan_row(data, last, row);
  if (extent.scan == Scan::kMore) return false;
  row.line = cursor.line;
  row.row = cursor.row;
  row.code = {};
  row.message = {};
  if (extent.scan == Scan::kWhole) {
    FRESHET_ASSERT(extent.end <= extent.next && extent.next > 0);  // else the same bytes would be read for ever
    row.raw = data.substr(0, extent.end);
    check_text(row);
    take(data, extent.next, cursor);
  } else {
    explain(extent.scan, row);
    if (!take_broken_line(data, last, cursor, row)) return false;
  }
  ++cursor.row;
  return true;
}

bool next_csv_header(std::string_view& data, bool last, CsvCursor& cursor, CsvRow& row) {
  if (!next_csv_row(data, last, cursor, row)) return false;
  if (is_separator_line(row.raw)) {
    cursor.row = 0;
    if (!next_csv_row(data, last, cursor, row)) return false;
  }
  if (row.code == kBadQuoteCode && has_other_separator(row.raw)) row.message = kOtherSeparator;
  while (row.fields.size() > 1 && model::without_padding(row.fields.back()).empty()) row.fields.pop_back();
  return true;
}

void CsvReader::read(std::string_view chunk, bool last, const Visit& visit) {
  rest_.append(chunk);
  std::string_view data = rest_;
  while (next_csv_row(data, last, cursor_, row_)) visit(row_);
  rest_.erase(0, rest_.size() - data.size());
  FRESHET_ASSERT(rest_.size() <= kCsvRowBytesMax);
}

}  // namespace freshet::ingest
