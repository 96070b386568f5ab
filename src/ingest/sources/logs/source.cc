#include "ingest/sources/logs/source.h"

#include "ingest/sources/logs/logs.h"
#include "ingest/sources/logs/otlp_logs.h"

namespace freshet::ingest {
namespace {

class LogsSource final : public Source {
 public:
  std::string_view name() const override { return "logs"; }
  std::span<const Route> routes() const override {
    static constexpr Route kRoutes[] = {
        {"POST", "/v1/logs", "otlp", "/v1/logs", Way::kLogs},
        {"POST", "/v1/logs/lines", "lines", "/v1/logs/lines", Way::kLogs},
    };
    return kRoutes;
  }
  size_t body_bytes_max() const override { return kLogsBodyBytesMax; }
  // Exporters are given a host, to which they add the address.
  bool forgives_slashes() const override { return true; }

  // Clients of OTLP look for what was rejected, and why something was refused, in OTLP's own shapes.
  http::Response answer(const Exchange& exchange, const Parsed& parsed) const override {
    if (exchange.route.call != "otlp") return Source::answer(exchange, parsed);
    return otlp_logs_taken(otlp_encoding(exchange.request), parsed);
  }
  http::Response refuse(const Exchange& exchange, const Refusal& refusal) const override {
    if (exchange.route.call != "otlp") return Source::refuse(exchange, refusal);
    return otlp_logs_refused(otlp_encoding(exchange.request), refusal.status, refusal.message);
  }
};

}  // namespace

const Source& logs_source() {
  static const LogsSource source;
  return source;
}

}  // namespace freshet::ingest
