// Requests to the ingest listener, as its server calls the service, and whether each answer is one that
// docs/api/ingest.yaml describes: for the fuzz target, and for a test that asks for all that can be thought of.
#pragma once

#include <zlib.h>

#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "ingest/overflow/lanes.h"
#include "ingest/service.h"
#include "ingest/sources/csv/imports.h"
#include "testing/api_contract.h"
#include "testing/clock.h"
#include "testing/event_log.h"
#include "testing/fuzzed_requests.h"
#include "testing/import_store.h"
#include "testing/project_path.h"
#include "testing/random.h"

namespace freshet::ingest::contract {

class Log final : public eventlog::FakeLog {
 public:
  Log() : FakeLog(2) {}
  void append(std::vector<eventlog::Produce> batches, eventlog::AppendDone done) override {
    for (eventlog::Produce& batch : batches)
      if (keeps) appended.push_back(std::move(batch));
    done(full ? fail(Code::kRetry, "the log is full") : Status());
  }
  bool full = false;
  bool keeps = false;  // what is appended
  std::vector<eventlog::Produce> appended;
};

// The keys of tenant demo are w and s, and its data API is a:p; that of tenant other is v.
inline std::vector<model::Tenant> tenants() {
  model::Tenant demo = model::default_tenant("demo");
  demo.write_keys = {"w"};
  demo.server_keys = {"s"};
  demo.app_id = "a";
  demo.app_secret = "p";
  model::Tenant other = model::default_tenant("other");
  other.write_keys = {"v"};
  other.strict_schema = true;
  other.limits.event_names = 2;
  other.limits.user_attributes = 2;
  return {demo, other};
}

// What a process has for its ingest listener, without its threads. `crowded`: each tenant may send a record, one more
// waits, and there is no room for any other.
struct Ingest {
  explicit Ingest(bool crowded = false) {
    ServiceOptions options;
    options.tenants = tenants();
    if (crowded) {
      for (model::Tenant& tenant : options.tenants) tenant.rate = {1, 1};
      LanesOptions one;
      one.clock = &clock;
      one.partitions = 2;
      one.records_max = 1;
      options.lanes = std::make_shared<Lanes>(one);
      options.lanes->own({0});
    }
    options.log = &log;
    options.registry = registry.get();
    options.clock = &clock;
    options.random = &random;
    options.partitions = 2;
    options.logs = &logs;
    options.imports = [this](const Sender& sender, http::Request request, http::Respond respond) {
      imports->handle(sender.tenant, std::move(request), std::move(respond), sender.scope);
    };
    service.emplace(std::move(options));
    imports.emplace(store, *registry, clock,
                    [this](const model::Tenant& tenant, ImportBatch batch, eventlog::AppendDone done) {
                      service->append_import(tenant, std::move(batch), std::move(done));
                    });
  }

  Log log;
  env::FakeClock clock;
  env::CountingRandom random;
  std::unique_ptr<schema::Registry> registry = schema::make_registry();
  Logs logs{log, clock, {}};
  MemoryImportStore store;
  std::optional<Service> service;
  std::optional<Imports> imports;
};

inline std::string pack(const std::string& text) {
  uLongf size = compressBound(text.size());
  std::string out(size, '\0');
  FRESHET_ASSERT(compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(text.data()),
                          text.size()) == Z_OK);
  out.resize(size);
  return out;
}

inline const ApiContract& description() {
  static const ApiContract read = [] {
    std::ifstream file(project_path("docs/api/ingest.yaml"), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return ApiContract(text.str());
  }();
  return read;
}

// The address as the description has it; "": there is none.
inline std::string pattern_of(const http::Request& request) {
  std::string path = request.path;
  const SourceRoute* const row = find_route(request.method, path).row;
  return row == nullptr ? "" : std::string(row->path);
}

inline std::string fault_of(const http::Request& request, const http::Response& response) {
  std::string fault = description().fault_of(request.method, pattern_of(request), response);
  bool has_origin = false;
  for (const auto& [name, value] : response.headers) {
    has_origin = has_origin || name == "Access-Control-Allow-Origin";
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) fault += "; " + name + " ends early";
  }
  if (!has_origin) fault += "; no browser may read it";
  return fault;
}

// As http/connection.cc does. What is wrong with the answer, in words; "": nothing. `fuzz-pack: 1` has the body
// compressed, `fuzz-log: full` has the log refuse it; neither is part of the request.
inline std::string fault_of_answer(Ingest& ingest, http::Request request) {
  ingest.log.full = take_header(request, "fuzz-log") == "full";
  if (take_header(request, "fuzz-pack") == "1") {
    request.body = pack(request.body);
    request.headers.emplace_back("content-encoding", "gzip");
  }
  http::Request head = request;
  head.body.clear();
  http::HeaderVerdict verdict = ingest.service->judge(head);
  if (verdict.refuse) return fault_of(head, *verdict.refuse);
  if (request.body.size() > verdict.body_bytes_max) return "";
  request.judged = std::move(verdict.found);
  int answers = 0;
  std::string fault;
  ingest.service->handle(std::move(request), [&](const http::Response& response) {
    ++answers;
    if (head.method != "OPTIONS") fault = fault_of(head, response);
  });
  FRESHET_ASSERT(answers == 1);
  return fault;
}

}  // namespace freshet::ingest::contract
