// The ingest listener. It looks at a request's head and key before its body is read, decodes the body, has it parsed by
// the source of its address, appends the result to the log, and answers when what was accepted is durable. It is
// thread-safe, and nothing in it blocks.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "env/clock.h"
#include "eventlog/event_log.h"
#include "http/message.h"
#include "http/server_options.h"
#include "ingest/append.h"
#include "ingest/auth.h"
#include "ingest/cpu_shares.h"
#include "ingest/lane.h"
#include "ingest/log_limit.h"
#include "ingest/plan_violations.h"
#include "ingest/sources.h"
#include "ingest/sources/logs/logs.h"
#include "model/tenant.h"
#include "schema/registry.h"

namespace freshet::ingest {

struct ImportBatch;  // sources/csv/imports.h

struct ServiceOptions {
  std::vector<model::Tenant> tenants;
  eventlog::EventLog* log = nullptr;  // the log, registry, clock and random outlive the service and its last append
  schema::Registry* registry = nullptr;
  env::Clock* clock = nullptr;
  env::Random* random = nullptr;
  uint32_t partitions = 1;         // of topic actions
  uint64_t letters_max = 100'000;  // dead letters of a tenant, and their bytes: see LetterBudget
  uint64_t letter_bytes_max = 64u << 20;
  size_t inflight_bytes_max = 64u << 20;  // of appends that are not durable yet; a request beyond it gets 503
  // It returns false while action or reaction is too far behind: requests get 503 then, because
  // what is accepted would only wait. If it is absent, they count as never behind.
  std::function<bool()> has_room;
  // Answers the addresses of Way::kImport, for this sender. If it is absent, these addresses are 404.
  std::function<void(const Sender&, http::Request, http::Respond)> imports;
  // The tenants' rates: what is over them waits in `overflow`, and a request gets 429 only when that is full. If it is
  // absent, nothing is over any.
  std::shared_ptr<Lanes> lanes;
  // Takes what would hold a server thread for long, and requests of whoever has used too much of the processor. It
  // outlives the service. If it is absent, the caller's thread does everything.
  Lane* lane = nullptr;
  bool tls = false;  // the listener's requests come over TLS
  double cores = 1;  // of which requests share a part, before somebody has to wait for it
  // Takes the addresses of Way::kLogs, and a lane for them alone. Both outlive the service. If it is absent, these
  // addresses are 404.
  Logs* logs = nullptr;
  Lane* logs_lane = nullptr;
};

class Service {
 public:
  explicit Service(ServiceOptions options);

  // By the head of a request, before its body is read: whether to read it, and how much of it.
  [[nodiscard]] http::HeaderVerdict judge(const http::Request& head);
  // Calls `respond` exactly once, on this thread, on the lane's, or on one of the log.
  void handle(http::Request request, http::Respond respond);

  // One record made elsewhere (admin erase). kInvalid: no such tenant, or no identifier; then `done` is not called.
  [[nodiscard]] Status submit(v1::Envelope envelope, eventlog::AppendDone done);
  // A dead letter once more. kInvalid: it is still wrong, and why; then `done` is not called.
  [[nodiscard]] Status replay(const v1::DeadLetter& letter, eventlog::AppendDone done);
  // Rows of an import. kRetry: the tenant's overflow is full.
  void append_import(const model::Tenant& tenant, ImportBatch batch, eventlog::AppendDone done);
  // The way into the log, for what is made elsewhere.
  [[nodiscard]] Appender& appender() { return appender_; }

  // The tenants that requests are taken for from now on; a request under way goes on with those that it found.
  void use_tenants(Tenants tenants);
  [[nodiscard]] Tenants tenants() const;
  // Sends what was counted against plans since the last call. Call it every few seconds.
  void report_violations();

 private:
  struct Head;
  struct Call;
  [[nodiscard]] std::shared_ptr<Call> make_call(http::Request request, http::Respond respond);
  // Finds the route and the sender. It returns what refuses the request, or nullopt.
  [[nodiscard]] std::optional<http::Response> admit_head(const http::Request& request, Head& head) const;
  using Work = void (Service::*)(const std::shared_ptr<Call>&);
  // Runs the work on the lane if others would wait for it, else here.
  void run(const std::shared_ptr<Call>& call, Work work);
  // Whose key is in a small plain body, before it is decided where the request runs.
  void find_sender_early(Call& call) const;
  // Why it is not to run here; nullptr: it is.
  [[nodiscard]] const char* set_back(Call& call);
  // Runs the work, and puts it down to whoever it was for.
  void run_measured(const std::shared_ptr<Call>& call, Work work);
  void take_items(const std::shared_ptr<Call>& call);
  void take_import(const std::shared_ptr<Call>& call);
  void take_logs(const std::shared_ptr<Call>& call);
  void begin_span(Call& call);
  static void refuse_full(Call& call, uint32_t retry_after_s);
  [[nodiscard]] static std::string trace_parent_of(const Call& call);
  [[nodiscard]] ParseResult parse(const Call& call, schema::Registry::Session& session,
                                  google::protobuf::Arena& arena) const;
  void ingest(const std::shared_ptr<Call>& call);

  ServiceOptions options_;
  mutable std::mutex tenants_mutex_;  // of tenants_, for as long as a few pointers are copied
  Tenants tenants_;
  CpuShares shares_;
  LetterBudget letter_budget_;
  std::shared_ptr<ViolationCounter> violations_ = std::make_shared<ViolationCounter>();  // shared with appends
  std::shared_ptr<LogLimit> log_limit_;                                                  // shared with appends
  Appender appender_;
};

}  // namespace freshet::ingest
