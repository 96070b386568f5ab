// Whatever the bytes: the rows are the same in one piece and cut anywhere, and all bytes are read.
#include <cstdlib>

#include "ingest/sources/csv/csv_reader.h"

using freshet::ingest::CsvReader;
using freshet::ingest::CsvRow;

namespace {

std::string rows_of(std::string_view text, size_t cut) {
  std::string out;
  CsvReader reader;
  const auto visit = [&](const CsvRow& row) {
    out += std::to_string(row.line) + " " + std::to_string(row.row) + " " + std::string(row.code);
    for (const std::string_view field : row.fields) out.append("|").append(field);
    out += '\n';
  };
  reader.feed(text.substr(0, cut), visit);
  reader.feed(text.substr(cut), visit);
  reader.finish(visit);
  if (reader.cursor().offset != text.size()) std::abort();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (rows_of(text, 0) != rows_of(text, data[0] % (text.size() + 1))) std::abort();
  return 0;
}
