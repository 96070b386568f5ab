// The admin listener: profiles, erase, schema, dead letters, freshness, metrics, health; and the console at "/".
// docs/operations/admin.md and docs/api/admin.yaml describe its addresses. Values of identifiers are neither logged nor
// repeated in errors.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "console/access.h"
#include "console/audit.h"
#include "console/freshness.h"
#include "docstore/doc_store.h"
#include "env/clock.h"
#include "eventlog/event_log.h"
#include "freshet/v1/event.pb.h"
#include "http/message.h"
#include "http/routes.h"
#include "http/server_options.h"
#include "model/tenant.h"
#include "schema/registry.h"

namespace freshet::console {

class LetterKeeper;
class Lookout;
class People;
class Streams;
class TenantDesk;

// A record of this id that names one of these first.
struct SoughtMessage {
  std::string tenant;
  v1::EntityKind kind = v1::ENTITY_KIND_USER;
  std::vector<v1::Identifier> senders;
  std::string message_id;
};

struct AdminOptions {
  docstore::DocStore* store = nullptr;     // null: this process is no console, it has health, metrics and status only
  std::shared_ptr<LetterKeeper> letters;   // of a console: keeps dead letters and erasures
  std::shared_ptr<Streams> streams;        // of a console
  std::shared_ptr<People> people;          // of a console
  std::shared_ptr<const Lookout> lookout;  // of a console that looks at other processes; null: it looks at none
  bool events_as_protobuf = false;         // what topic `events` has
  // Whether topic `changes` is written. Empty: it always is.
  std::function<bool()> changes_written;
  bool events_if_read = false;  // of tenants that nobody reads events of it has none
  schema::Registry* registry = nullptr;
  eventlog::EventLog* log = nullptr;
  TenantDesk* tenants = nullptr;  // of a console
  std::vector<Token> tokens;      // without one only requests to this machine's own names are served
  Audit audit;                    // absent: nobody keeps what was done
  env::Clock* clock = nullptr;
  env::Random* random = &env::real_random();
  // Appends an envelope (erase, unsuppress) to the log by its routing identifier; the callback says when it is durable.
  std::function<void(v1::Envelope, std::function<void(Status)>)> submit;
  // Appends removals to topic `schema`; the callback says when they are durable.
  std::function<void(std::vector<v1::SchemaChange>, std::function<void(Status)>)> remove_names;
  // Sends what a dead letter holds again; the callback says how it went.
  std::function<void(const v1::DeadLetter&, std::function<void(Status)>)> replay;
  std::function<bool()> ready;
  // While profiles are made anew one that is not found may still come. Empty: they never are.
  std::function<bool()> rebuilding;
  // Whether it came within the last day, as far as action's state knows. Empty: that state is not in this process.
  std::function<void(const SoughtMessage&, std::function<void(Result<bool>)>)> find_message;
  // What of a tenant waits before action. Empty: this process does not know.
  std::function<Waiting(const std::string& tenant)> waiting;
  // A JSON array of the stages in the order of the flow: [{"name":"ingest","done":<records since the start>,
  // "waiting":<records that are not done yet, or null>}, …]. The page shows the rates of `done` and the lag.
  std::function<std::string()> stages_json;
  std::function<uint64_t()> disk_bytes;  // of the log; absent: what it says itself
  // How far checkpoints are that were asked for, and asks for them if it is true: docs/api/admin.yaml has its shape.
  // Empty: this process makes none.
  std::function<std::string(bool ask)> checkpoints_json;
  // Where records wait, by partition: docs/api/admin.yaml has its shape. Empty: this process does not know.
  std::function<std::string()> flow_json;
  // A page of a tenant's imports, behind the one of this id. Empty: this process has none.
  std::function<Result<std::string>(const std::string& tenant, const std::string& after, size_t limit)> imports_json;
  model::Objective objective = model::kUsualObjective;  // of tenants that say nothing else
};

// Thread-safe. Everything that `options` names must outlive it.
class Admin {
 public:
  struct Call;  // one request and its address, taken apart
  struct Route;
  struct Table;

  explicit Admin(AdminOptions options);

  // Refuses by the header whoever may not have what is asked for, before a body is read; for http::ServerOptions.
  [[nodiscard]] http::HeaderVerdict judge(const http::Request& head) const;
  void handle(http::Request request, http::Respond respond);
  // What it answers: one for each operation of docs/api/admin.yaml.
  [[nodiscard]] static std::vector<http::Operation> operations();
  [[nodiscard]] const AdminOptions& options() const { return options_; }
  // To be called every few seconds: freshness of the last minute.
  void sample();
  // Has `then` answer a call about a profile of call.tenant and call.kind, on whatever thread the store has; if there
  // is none, that is answered.
  void with_profile(const Call& call, const std::string& type, const std::string& value,
                    const std::function<void(const docstore::StoredDocument&)>& then);

 private:
  [[nodiscard]] static std::span<const Route> routes();
  // False: whoever sent this may not have it, and was told so. `route`: null if there is nothing at the address.
  [[nodiscard]] bool admit(Call& call, const Route* route) const;
  // Has the answer noted, if the route changes something.
  void keep_audit(Call& call, const Route& route) const;

  void readiness(Call& call);
  void metrics(Call& call);
  void freshness(Call& call);
  [[nodiscard]] std::string freshness_of(const std::string& tenant);
  // document_json or identity_json.
  using Render = std::string (*)(std::string_view, v1::EntityKind, std::string_view, const v1::Document&);
  void profile_lookup(Call& call, Render render);
  void profile_show(Call& call, Render render);
  void answer_profile(Call& call, const std::string& type, const std::string& value, Render render);
  void submit_order(Call& call, const model::Tenant& tenant, v1::EntityKind kind, v1::Envelope::Kind order);
  void send_orders(const Call& call, std::vector<v1::Envelope> orders, std::string_view name);

  void schema(Call& call) const;
  // Removes the name that ends the address: of one of these subjects each.
  void schema_forget(Call& call, std::initializer_list<schema::Subject> subjects);
  [[nodiscard]] http::Response status();
  [[nodiscard]] std::vector<std::string> status_tenants() const;

  AdminOptions options_;
  const Access access_;
  Freshness freshness_;
};

}  // namespace freshet::console
