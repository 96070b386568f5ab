// The ingest listener. It authenticates a request, decompresses its body, has it parsed by the
// adapter of its address, appends the result to the log, and answers when what was accepted is
// durable. It is thread-safe, and nothing in it blocks.
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
  eventlog::EventLog* log = nullptr;  // the log, registry, clock and random outlive the service and its last append
  schema::Registry* registry = nullptr;
  env::Clock* clock = nullptr;
  env::Random* random = nullptr;
  uint32_t partitions = 1;                // of topic actions
  uint64_t letters_max = 100'000;         // dead letters of a tenant, and their bytes: see LetterBudget
  uint64_t letter_bytes_max = 64u << 20;
  size_t inflight_bytes_max = 64u << 20;  // of appends that are not durable yet; a request beyond it gets 503
  // It returns false while action or reaction is too far behind: requests get 503 then, because
  // what is accepted would only wait. If it is absent, they count as never behind.
  std::function<bool()> has_room;
  // It answers /v1/imports and what is below, for this tenant. If it is absent, these addresses are
  // 404.
  std::function<void(const model::Tenant&, http::Request, http::Respond)> imports;
  // It applies the tenant's rate: false refuses the request with 429. It is called after the body
  // was parsed, because only then the number of items is known, and before anything is appended. If
  // it is absent, every request may pass.
  std::function<bool(const model::Tenant&, size_t items)> admit;
};

class Service {
 public:
  explicit Service(ServiceOptions options);

  // Calls `respond` exactly once, on this thread or on one of the log.
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
  // Both return false if they have answered the request already.
  [[nodiscard]] bool authenticate(Call& call);
  [[nodiscard]] bool authenticate_data_api(Call& call);
  // Replaces the body by what was compressed in it; returns false if it has answered the request
  // already.
  [[nodiscard]] bool decompress(Call& call);
  void begin_span(Call& call);
  [[nodiscard]] static std::string trace_parent_of(const Call& call);
  void ingest(const std::shared_ptr<Call>& call);
  [[nodiscard]] http::Response answer_of(const Call& call, const Parsed& parsed) const;

  ServiceOptions options_;
  Tenants tenants_;
  LetterBudget letter_budget_;
  Publisher publisher_;
};

}  // namespace freshet::ingest
