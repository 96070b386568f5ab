// Rows of any bytes under a fixed mapping: no crash, each row is taken or rejected, and again the same.
#include <cstdlib>

#include "ingest/sources/csv/csv.h"

namespace freshet::ingest {
namespace {

struct AllKnown final : schema::Registry::Session {
  schema::Verdict check(schema::Subject, std::string_view, std::string_view, schema::Type) override {
    return schema::Verdict::kKnown;
  }
  std::vector<v1::SchemaChange> take_discoveries() override { return {}; }
};

std::string run(const CsvPlan& plan, const model::Tenant& tenant, std::string_view text) {
  AllKnown session;
  const AdapterContext context{.tenant = tenant,
                               .schema = session,
                               .received_at_us = 1'700'000'000'000'000,
                               .endpoint = "fuzz",
                               .random_id = {}};
  google::protobuf::Arena arena;
  CsvBatch batch;
  CsvCursor cursor{.row = 1};
  read_csv_rows(plan, {"hash", "import:x"}, text, true, 100'000, cursor, context, arena, batch);
  if (!text.empty() || batch.parsed.envelopes.size() + batch.parsed.rejected.size() != batch.parsed.item_count)
    std::abort();
  std::string out;
  for (const v1::Envelope* envelope : batch.parsed.envelopes) out += envelope->SerializeAsString();
  return out;
}

}  // namespace
}  // namespace freshet::ingest

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet;
  static const model::Tenant tenant = model::default_tenant("t");
  static const std::vector<std::string> header = {"u", "e", "at", "n", "s", "b", "t"};
  static const auto mapping = ingest::parse_csv_mapping(
      "kind: events\nevent: {column: e}\ncolumns: {u: {identifier: user_id}, at: {timestamp: iso8601}, n: {property: "
      "n, type: number}, "
      "s: {property: s}, b: {property: b, type: boolean}, t: {property: t, type: time, format: \"%Y%m%d\"}}",
      "fuzz");
  static const auto plan = ingest::bind_csv_mapping(*mapping, header, tenant);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (ingest::run(*plan, tenant, text) != ingest::run(*plan, tenant, text)) std::abort();
  return 0;
}
