// Requests to the admin listener, as its server calls it, and whether each answer is one that docs/api/admin.yaml
// describes: for the fuzz target, and for a test that asks for all that can be thought of.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "console/admin.h"
#include "console/page.h"
#include "console/people.h"
#include "console/streams.h"
#include "console/tenants.h"
#include "http/routes.h"
#include "testing/api_contract.h"
#include "testing/fake_admin.h"
#include "testing/fuzzed_requests.h"

namespace freshet::console::contract {

inline const ApiContract& description() {
  static const ApiContract read(kAdminYaml);
  return read;
}

// Two tenants, of which what is changed is shown as what it was before: answers have the shape of the real ones.
class Desk final : public TenantDesk {
 public:
  std::shared_ptr<const model::Tenant> find(const std::string& name) const override {
    if (name != "acme" && name != "other") return nullptr;
    return std::make_shared<const model::Tenant>(model::default_tenant(name));
  }
  std::vector<TenantSummary> list(std::string_view after, size_t limit) const override {
    std::vector<TenantSummary> out;
    for (const char* name : {"acme", "other"})
      if (name > after && out.size() < limit) out.push_back({name, {7, true, 0}});
    return out;
  }
  std::optional<std::string> show(const std::string& name) const override {
    if (find(name) == nullptr) return std::nullopt;
    return R"({"tenant":"acme","settings":{},"keys":{"write_keys":[],"server_keys":[],"data_api_secret":null},"from":)"
           R"({"settings":{"from":"api","revision":7,"at":"1970-01-01T00:00:00.000Z"}}})";
  }
  std::optional<std::string> show_plan(const std::string& name) const override {
    if (name != "acme") return std::nullopt;
    return R"({"tenant":"acme","plan":{"events":{}},"from":)"
           R"({"from":"api","revision":7,"at":"1970-01-01T00:00:00.000Z"}})";
  }
  void change(TenantOrder order, Done done) override {
    if (refusal) return done(tl::unexpected<Error>(*refusal));
    if (order.text == "wrong") return done(fail(Code::kInvalid, "tenant:1:1: wrong"));
    if (order.text == "taken" && order.what == TenantWhat::kSettings)
      return done(fail(Code::kConflict, "a key is another's"));
    if (order.text == "server_keys: [k]" && !order.may_entrust) return done(std::nullopt);
    if (!order.text) return done(std::optional<std::string>(R"({"removed":"acme"})"));
    done(order.what == TenantWhat::kPlan ? show_plan("acme") : show("acme"));
  }
  std::optional<Error> refusal;  // of every change
};

// A console with a person, a device and three letters. `refusal`: what the log and the profile store say to everything.
struct Console {
  explicit Console(const std::optional<Error>& refusal = {}) {
    v1::Identifier identifier;
    identifier.set_type("user_id");
    identifier.set_value("u1");
    v1::Document document;
    document.set_version(1);
    add_field(document, v1::ATTRIBUTES, "city").mutable_value()->set_text("Pune");
    store.put("acme", v1::ENTITY_KIND_USER, identifier, document);
    store.put("acme", v1::ENTITY_KIND_DEVICE, identifier, document);
    // What was learned can be removed.
    const model::Tenant acme = model::default_tenant("acme");
    const std::unique_ptr<schema::Registry::Session> learning = registry->begin(acme, 0);
    static_cast<void>(learning->check(schema::Subject::kEvent, "", "E", schema::Type::kText));
    static_cast<void>(learning->check(schema::Subject::kUserAttribute, "", "E", schema::Type::kText));
    for (const char* id : {"id1", "id2", "id3"}) log.add(0, make_letter(id, "acme", "bad_time", clock.now_us()));
    AdminOptions options;
    options.store = &store;
    options.letters = keeper.open();
    options.streams = streams;
    options.people = people;
    options.registry = registry.get();
    options.log = &log;
    options.tenants = &desk;
    options.tokens = {{"grafana", "r", Role::kRead}, {"ops", "o", Role::kOperate}, {"privacy", "e", Role::kErase}};
    options.audit = [](const AuditEntry&) {};
    options.clock = &clock;
    const Status said = refusal ? Status(tl::unexpected<Error>(*refusal)) : Status();
    store.refusal = refusal;
    desk.refusal = refusal;
    options.submit = [said](const v1::Envelope&, const std::function<void(Status)>& done) { done(said); };
    options.remove_names = [this, said](const std::vector<v1::SchemaChange>& removals,
                                        const std::function<void(Status)>& done) {
      for (const v1::SchemaChange& removal : removals)
        if (said) registry->apply(removal);
      done(said);
    };
    options.replay = [said](const v1::DeadLetter& letter, const std::function<void(Status)>& done) {
      done(letter.body() == "{}" ? fail(Code::kInvalid, "it is still rejected") : said);
    };
    options.imports_json = [said](const std::string&, const std::string& after, size_t) -> Result<std::string> {
      if (!said) return tl::unexpected<Error>(said.error());
      if (!after.empty()) return fail(Code::kInvalid, "after must be an id");
      return std::string(R"({"imports":[],"next":null})");
    };
    admin.emplace(std::move(options));
  }

  FakeStore store;
  Desk desk;
  FakeLog log{2};
  env::FakeClock clock;
  FakeKeeper keeper{log, store, clock};
  std::unique_ptr<schema::Registry> registry = schema::make_registry();
  std::shared_ptr<Streams> streams = std::make_shared<Streams>(log, clock);
  std::shared_ptr<People> people = std::make_shared<People>(log, store);
  std::optional<Admin> admin;
};

// A request and what it was answered, by then or at the end of whoever still has it.
struct Asked {
  http::Request head;
  std::mutex mutex;
  std::vector<http::Response> answers;
};

inline std::string pattern_of(const http::Request& request) {
  static const std::vector<http::Operation> operations = Admin::operations();
  const auto* const row =
      http::find_route(std::span<const http::Operation>(operations), request.method, request.path).row;
  return row == nullptr ? "" : std::string(row->path);
}

inline bool stands_open(const std::string& pattern) {
  return pattern == "/healthz" || pattern == "/readyz" || pattern == "/" || pattern == "/console/{file}";
}

// What is wrong with the answer, in words; "": nothing.
inline std::string fault_of(const Asked& asked) {
  if (asked.answers.size() != 1) return "answered " + std::to_string(asked.answers.size()) + " times";
  const http::Response& response = asked.answers.front();
  const std::string pattern = pattern_of(asked.head);
  std::string fault = description().fault_of(asked.head.method, pattern, response);
  for (const auto& [name, value] : response.headers)
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) fault += "; " + name + " ends early";
  const std::string_view token = asked.head.header("authorization");
  const bool has_token = token.ends_with("r") || token.ends_with("o") || token.ends_with("e");
  if (!has_token && !stands_open(pattern) && response.status != 401 && response.status != 403)
    fault += "without a token " + asked.head.path + " was answered " + std::to_string(response.status);
  return fault;
}

// As http/connection.cc does.
inline void ask(Admin& admin, http::Request request, Asked& asked) {
  asked.head = request;
  asked.head.body.clear();
  http::HeaderVerdict verdict = admin.judge(asked.head);
  if (verdict.refuse) return void(asked.answers.push_back(std::move(*verdict.refuse)));
  if (request.body.size() > verdict.body_bytes_max) request.body.clear();
  admin.handle(std::move(request), [&asked](http::Response response) {
    const std::lock_guard lock(asked.mutex);
    asked.answers.push_back(std::move(response));
  });
}

}  // namespace freshet::console::contract
