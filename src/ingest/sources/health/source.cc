#include "ingest/sources/health/source.h"

#include "ingest/answers.h"

namespace freshet::ingest {
namespace {

// It says that the process answers, and nothing of the log: a node that is told to wait is not to be taken out of
// rotation with all the others. Whether a process is ready is said by the admin listener, to those who run it.
class HealthSource final : public Source {
 public:
  std::string_view name() const override { return "health"; }
  std::span<const Route> routes() const override {
    static constexpr Route kRoutes[] = {{"GET", "/healthz", "healthz", "/healthz", Way::kQuestion}};
    return kRoutes;
  }
  size_t body_bytes_max() const override { return 0; }
  tl::expected<http::Response, Refusal> answer_question(const Tenants&, const Exchange&) const override {
    return json_response(200, [](JsonWriter& json) { json.member("status", "ok"); });
  }
};

}  // namespace

const Source& health_source() {
  static const HealthSource source;
  return source;
}

}  // namespace freshet::ingest
