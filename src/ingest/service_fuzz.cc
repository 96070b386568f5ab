// Requests to the ingest listener, from their head to their answer, as its server calls the service: whatever comes,
// each is answered once, and as docs/api/ingest.yaml says. `fuzz-pack: 1` has the body compressed, `fuzz-log: full` has
// the log refuse it; neither is part of the request.
#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/assert.h"
#include "base/hash.h"
#include "ingest/service.h"
#include "ingest/sources/csv/imports.h"
#include "telemetry/log.h"
#include "testing/api_contract.h"
#include "testing/clock.h"
#include "testing/event_log.h"
#include "testing/fuzzed_requests.h"
#include "testing/import_store.h"
#include "testing/project_path.h"

namespace freshet::ingest {
namespace {

class Log final : public eventlog::FakeLog {
 public:
  Log() : FakeLog(2) {}
  void append(std::vector<eventlog::Produce>, eventlog::AppendDone done) override {
    done(full ? fail(Code::kRetry, "the log is full") : Status());
  }
  bool full = false;
};

class Counting final : public env::Random {
 public:
  std::string bytes(size_t n) override {
    std::string out;
    while (out.size() < n) out += hash128(std::to_string(next_++)).view();
    return out.substr(0, n);
  }

 private:
  int next_ = 0;
};

std::vector<model::Tenant> tenants() {
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

// What a process has for its ingest listener, without its threads.
struct Ingest {
  Ingest() {
    ServiceOptions options;
    options.tenants = tenants();
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
                      service->appender().append({std::move(batch.envelopes), std::move(batch.dead_letters),
                                                  std::move(batch.schema_changes), &tenant, true},
                                                 std::move(done));
                    });
  }

  Log log;
  env::FakeClock clock;
  Counting random;
  std::unique_ptr<schema::Registry> registry = schema::make_registry();
  Logs logs{log, clock, {}};
  MemoryImportStore store;
  std::optional<Service> service;
  std::optional<Imports> imports;
};

std::string pack(const std::string& text) {
  uLongf size = compressBound(text.size());
  std::string out(size, '\0');
  FRESHET_ASSERT(compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(text.data()),
                          text.size()) == Z_OK);
  out.resize(size);
  return out;
}

const ApiContract& contract() {
  static const ApiContract read = [] {
    std::ifstream file(project_path("docs/api/ingest.yaml"), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return ApiContract(text.str());
  }();
  return read;
}

// The address as the description has it; "": there is none.
std::string pattern_of(const http::Request& request) {
  std::string path = request.path;
  path.erase(std::unique(path.begin(), path.end(), [](char a, char b) { return a == '/' && b == '/'; }), path.end());
  const SourceRoute* const row = find_route(request.method, path).row;
  return row == nullptr ? "" : std::string(row->path);
}

void check(const http::Request& request, const http::Response& response) {
  std::string fault = contract().fault_of(request.method, pattern_of(request), response);
  bool has_origin = false;
  for (const auto& [name, value] : response.headers) {
    has_origin = has_origin || name == "Access-Control-Allow-Origin";
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) fault += "; " + name + " ends early";
  }
  if (!has_origin) fault += "; no browser may read it";
  if (fault.empty()) return;
  std::fprintf(stderr, "%s\n", fault.c_str());
  std::abort();
}

// As http/connection.cc does.
void send(Ingest& ingest, http::Request request) {
  ingest.log.full = take_header(request, "fuzz-log") == "full";
  if (take_header(request, "fuzz-pack") == "1") {
    request.body = pack(request.body);
    request.headers.emplace_back("content-encoding", "gzip");
  }
  http::Request head = request;
  head.body.clear();
  http::HeaderVerdict verdict = ingest.service->judge(head);
  if (verdict.refuse) return check(head, *verdict.refuse);
  if (request.body.size() > verdict.body_bytes_max) return;
  request.judged = std::move(verdict.found);
  int answers = 0;
  ingest.service->handle(std::move(request), [&](const http::Response& response) {
    ++answers;
    if (head.method != "OPTIONS") check(head, response);
  });
  FRESHET_ASSERT(answers == 1);
}

}  // namespace
}  // namespace freshet::ingest

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  telemetry::silence_log();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  freshet::ingest::Ingest ingest;
  for (freshet::http::Request& request : freshet::fuzzed_requests({reinterpret_cast<const char*>(data), size}))
    freshet::ingest::send(ingest, std::move(request));
  return 0;
}
