// CSV by RFC 4180, read row by row from a stream in any chunks, with what real files need besides:
// LF or CRLF, a byte-order mark, blank lines (skipped), quoted line ends, literal quotes inside a
// cell that does not begin with one, and no line end at the end. A CR alone ends no line; it is told where it must have
// been meant to (bad_line_end, and when the header is bound to a mapping). Memory is bounded by
// kCsvRowBytesMax.
//
// The same bytes give the same rows, however they were cut: what a row is depends only on the bytes
// from where it begins, never on where a chunk ends. A cursor is all the state there is between
// rows, so reading can go on elsewhere, later.
//
// A row that breaks the rules costs only itself: the line where it begins is reported, and reading
// goes on with the next line.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace freshet::ingest {

inline constexpr size_t kCsvRowBytesMax = 256u << 10;  // with its line end
inline constexpr size_t kCsvColumnsMax = 2000;

// Where reading goes on.
struct CsvCursor {
  uint64_t offset = 0;    // of the next byte, from the start of the content
  uint64_t line = 1;      // of the next byte
  uint64_t row = 0;       // rows so far, good and bad; the header is row 0
  bool skipping = false;  // inside a line that is longer than a row may be: everything up to its end is ignored
};

// One row as it was read.
struct CsvRow {
  uint64_t row = 0;
  uint64_t line = 0;                     // where it begins, from 1
  std::string_view raw;                  // as it was sent, without the line end; cut at kCsvRowBytesMax
  std::vector<std::string_view> fields;  // unquoted; views into the data or into `unquoted`
  std::string_view code;                 // "" for a good row, else one of the codes in check_text() and explain()
  std::string_view message;              // says what is wrong and what would be right
  std::string unquoted;                  // the text of fields with doubled quotes
};

// Reads one row from the front of `data`, removes what was read and moves the cursor. It returns
// false if `data` has no whole row any more (blank or skipped lines may have been removed): more
// bytes are needed, or with `last` the content is done. `last` says that nothing follows `data`.
// The row's views are valid until the next call with the same row, and as long as the data is.
[[nodiscard]] bool next_csv_row(std::string_view& data, bool last, CsvCursor& cursor, CsvRow& row);

// Does the same for the header, the first row of the content. A line in front of it that tells spreadsheets the
// separator ("sep=,") is passed over, and columns without a name at its end are none.
[[nodiscard]] bool next_csv_header(std::string_view& data, bool last, CsvCursor& cursor, CsvRow& row);

// Does the same for a stream: it keeps the bytes of a row that is not whole yet, at most
// kCsvRowBytesMax.
class CsvReader {
 public:
  using Visit = std::function<void(const CsvRow&)>;
  void feed(std::string_view chunk, const Visit& visit) { read(chunk, false, visit); }
  void finish(const Visit& visit) { read({}, true, visit); }
  [[nodiscard]] const CsvCursor& cursor() const { return cursor_; }

 private:
  void read(std::string_view chunk, bool last, const Visit& visit);

  CsvCursor cursor_;
  CsvRow row_;
  std::string rest_;
};

}  // namespace freshet::ingest
