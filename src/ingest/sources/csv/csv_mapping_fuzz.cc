// Any mapping text: no crash; what parses binds or says why not, and its proposal's text parses.
#include "ingest/sources/csv/csv_mapping.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet;
  static const model::Tenant tenant = model::default_tenant("t");
  const auto mapping = ingest::parse_csv_mapping({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!mapping) return 0;
  std::vector<std::string> header;
  for (const auto& column : mapping->columns) header.push_back(column.column);
  if (!mapping->event_column.empty()) header.push_back(mapping->event_column);
  (void)ingest::bind_csv_mapping(*mapping, header, tenant);
  (void)mapping->hash();
  return 0;
}
