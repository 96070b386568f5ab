// The ingest listener: authenticates, decompresses, parses by the adapter of the address, appends, and answers when what was
// accepted is durable. Thread-safe; nothing here blocks.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "env/clock.h"
#include "eventlog/event_log.h"
#include "http/message.h"
#include "ingest/auth.h"
#include "ingest/publisher.h"
#include "ingest/routes.h"
#include "model/tenant.h"
#include "schema/registry.h"

namespace freshet::ingest {

struct ServiceOptions {
  std::vector<model::Tenant> tenants;
  eventlog::EventLog* log = nullptr;  // these four outlive the service and its last append
  schema::Registry* registry = nullptr;
  env::Clock* clock = nullptr;
  env::Random* random = nullptr;
  uint32_t partitions = 1;                // of topic actions
  size_t inflight_bytes_max = 64u << 20;  // appended and not yet durable; more: 503
  // False while action or reaction is too far behind: 503. Absent: they never are.
  std::function<bool()> has_room;
  // /v1/imports and below, of this tenant. Absent: 404.
  std::function<void(const model::Tenant&, http::Request, http::Respond)> imports;
  // Rates: false refuses the request with 429. Called with what was parsed, before anything is appended. Absent: all may.
  std::function<bool(const model::Tenant&, size_t items)> admit;
};

class Service {
 public:
  explicit Service(ServiceOptions options);

  void handle(http::Request request, http::Respond respond);

  // One record made elsewhere (admin erase). kInvalid: no such tenant, or no identifier; then `done` is not called.
  [[nodiscard]] Status submit(v1::Envelope envelope, eventlog::AppendDone done);
  // A dead letter once more. kInvalid: it is still wrong, and why; then `done` is not called.
  [[nodiscard]] Status replay(const v1::DeadLetter& letter, eventlog::AppendDone done);
  // What was made elsewhere from many items (imports).
  void publish(Outgoing out, eventlog::AppendDone done) { publisher_.publish(std::move(out), std::move(done)); }

  [[nodiscard]] const Tenants& tenants() const { return tenants_; }

 private:
  struct Call;
  void route(const std::shared_ptr<Call>& call);
  void answer_settings(Call& call);
  void answer_source_config(Call& call);
  // False: answered already.
  [[nodiscard]] bool authenticate(Call& call);
  [[nodiscard]] bool authenticate_data_api(Call& call);
  [[nodiscard]] bool decompress(Call& call);
  void begin_span(Call& call);
  [[nodiscard]] static std::string trace_parent_of(const Call& call);
  void ingest(const std::shared_ptr<Call>& call);
  [[nodiscard]] http::Response answer_of(const Call& call, const Parsed& parsed) const;

  ServiceOptions options_;
  Tenants tenants_;
  Publisher publisher_;
};

}  // namespace freshet::ingest
