// CSV rows to envelopes, by a bound mapping. It is pure: the same row, plan and source give the
// same envelope, so that a repeated import repeats the same message ids.
#pragma once

#include <google/protobuf/arena.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ingest/items/parsed.h"
#include "ingest/sources/csv/csv_mapping.h"
#include "ingest/sources/csv/csv_reader.h"

namespace freshet::ingest {

// What identifies an import, beside its rows.
struct CsvSource {
  std::string content_hash;  // of the whole decompressed content; any bytes
  std::string ledger;        // Envelope.ledger of every row
};

// As source of envelopes and dead letters.
inline constexpr std::string_view kCsvSource = "csv";

// The hex of hash128(content hash, row number, mapping hash).
[[nodiscard]] std::string csv_message_id(const CsvSource& source, uint64_t row, const Hash128& mapping_hash);

// Rows that were read, as the adapters' common result.
struct CsvBatch {
  Parsed parsed;                // indexes count the rows of this batch
  std::vector<uint64_t> lines;  // lines[index]: where the row begins in the file
};

// Turns a data row into an envelope in batch.parsed, or into a rejection there. A bad row never
// costs another one.
void add_csv_row(const CsvPlan& plan, const CsvSource& source, const CsvRow& row, const AdapterContext& context,
                 google::protobuf::Arena& arena, CsvBatch& batch);

// Reads whole rows from the front of `data` into the batch, as many as there are but at most
// `rows_max`, and removes what it has read. REQUIRES: the cursor is past the header.
void read_csv_rows(const CsvPlan& plan, const CsvSource& source, std::string_view& data, bool last, size_t rows_max,
                   CsvCursor& cursor, const AdapterContext& context, google::protobuf::Arena& arena, CsvBatch& batch);

}  // namespace freshet::ingest
