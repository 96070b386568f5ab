#include "ingest/sources/csv/source.h"

#include "ingest/sources/csv/imports.h"

namespace freshet::ingest {
namespace {

class CsvUploads final : public Source {
 public:
  std::string_view name() const override { return kCsvSource; }
  std::span<const Route> routes() const override {
    static constexpr Route kRoutes[] = {
        {"POST", "/v1/imports", "start", "/v1/imports", Way::kImport},
        {"GET", "/v1/imports", "list", "/v1/imports", Way::kImport},
        {"GET", "/v1/imports/{id}", "show", "/v1/imports", Way::kImport},
        {"PATCH", "/v1/imports/{id}", "take", "/v1/imports", Way::kImport},
        {"DELETE", "/v1/imports/{id}", "delete", "/v1/imports", Way::kImport},
    };
    return kRoutes;
  }
  size_t body_bytes_max() const override { return kImportBodyBytesMax; }

  // A file is what a backend sends, so a tenant that has a server key wants it here, too: a write key stands in every
  // page, and with it anybody could read the names and the counts of its imports.
  tl::expected<Sender, Refusal> authenticate(const Tenants& tenants, const Exchange& exchange) const override {
    auto sender = Source::authenticate(tenants, exchange);
    if (!sender || sender->scope == model::KeyScope::kServer || sender->tenant->server_keys.empty()) return sender;
    return tl::unexpected(Refusal{403, "needs_server_key",
                                  "this tenant has server keys, and imports want one of them; the key that was sent is "
                                  "a write key"});
  }
};

}  // namespace

const Source& csv_source() {
  static const CsvUploads source;
  return source;
}

}  // namespace freshet::ingest
