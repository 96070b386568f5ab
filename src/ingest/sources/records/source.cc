#include "ingest/sources/records/source.h"

#include "ingest/sources/records/records.h"

namespace freshet::ingest {
namespace {

class RecordsSource final : public Source {
 public:
  std::string_view name() const override { return kRecordsSource; }
  std::span<const Route> routes() const override {
    static constexpr Route kRoutes[] = {{"POST", "/v1/records", "records", "/v1/records"}};
    return kRoutes;
  }
  size_t body_bytes_max() const override { return kRecordsBytesMax; }

  ParseResult parse(const Route&, std::string_view body, const AdapterContext& context,
                    google::protobuf::Arena& arena) const override {
    return parse_records(body, context, arena);
  }
  ParseResult parse_again(const Route&, const v1::DeadLetter& letter, const AdapterContext& context,
                          google::protobuf::Arena& arena) const override {
    return parse_records(letter.body(), context, arena);
  }
};

}  // namespace

const Source& records_source() {
  static const RecordsSource source;
  return source;
}

}  // namespace freshet::ingest
