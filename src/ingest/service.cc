// One request from its bytes to its answer: the address finds the source (sources.h), the key finds the tenant
// (auth.h), the source's parser makes envelopes and rejections, and the appender writes them to the log. The answer is
// made before the append and sent by its callback, so that no answer can overtake the sync that it stands for
// (invariant 1).

#include "ingest/service.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "base/number.h"
#include "env/cpu_time.h"
#include "http/network.h"
#include "http/text.h"
#include "ingest/answers.h"
#include "ingest/body.h"
#include "ingest/dead_letters.h"
#include "ingest/items/order.h"
#include "ingest/replay.h"
#include "ingest/sources/csv/imports.h"
#include "model/identifier.h"
#include "telemetry/exemplar.h"
#include "telemetry/log.h"
#include "telemetry/log_trace.h"
#include "telemetry/metrics.h"
#include "telemetry/trace.h"

namespace freshet::ingest {
namespace {

// Most requests are parsed without an allocation of the arena beyond this block.
constexpr size_t kArenaFirstBlock = 256u << 10;
// What a server thread does itself takes a few milliseconds at most: a larger body goes to the lane, and so does a
// compressed one that is large, or unpacks to more.
constexpr size_t kInlineBytesMax = 64u << 10;
constexpr size_t kInlineCompressedBytesMax = 16u << 10;
// Of a body that nobody reads: no library sends one, and whoever does has none of the memory that bodies share.
constexpr size_t kUnreadBodyBytesMax = 4096;

// An arena whose first block is the thread's own, so that a request usually allocates none. A call
// inside a call (an answer that leads to the next request at once) gets an ordinary arena, because
// the block is in use then.
class RequestArena {
 public:
  RequestArena() : owns_block_(!std::exchange(block_in_use(), true)), arena_(options(owns_block_)) {}
  ~RequestArena() {
    if (!owns_block_) return;
    FRESHET_ASSERT(block_in_use());
    block_in_use() = false;
  }
  RequestArena(const RequestArena&) = delete;
  RequestArena& operator=(const RequestArena&) = delete;
  google::protobuf::Arena& get() { return arena_; }

 private:
  static bool& block_in_use() {
    thread_local bool in_use = false;
    return in_use;
  }
  static google::protobuf::ArenaOptions options(bool with_block) {
    thread_local const std::unique_ptr<char[]> block(new char[kArenaFirstBlock]);
    google::protobuf::ArenaOptions options;
    if (with_block) {
      options.initial_block = block.get();
      options.initial_block_size = kArenaFirstBlock;
    }
    return options;
  }

  const bool owns_block_;
  google::protobuf::Arena arena_;
};

// What is counted of a request once it is durable. It is made before the append: there may be ten thousands of
// rejections, and if the log's thread counted them and gave back their memory, everybody who appends would wait for it.
struct Tally {
  uint64_t accepted = 0;
  uint64_t rejected = 0;
  std::map<std::string, uint64_t, std::less<>> rejected_by_code;
  std::map<std::string_view, uint64_t> warnings_by_code;
};

Tally tally_of(const Parsed& parsed) {
  FRESHET_ASSERT(parsed.rejected.size() <= parsed.item_count);
  Tally out{parsed.item_count - parsed.rejected.size(), parsed.rejected.size(), {}, {}};
  for (const Rejection& rejection : parsed.rejected) ++out.rejected_by_code[rejection.code];
  for (const Warning& warning : parsed.warnings) out.warnings_by_code[warning.code] += warning.count;
  return out;
}

// Per tenant. Labels are known texts (tenants, sources, codes), so the number of series is bounded.
void count(const Tally& tally, const std::string& tenant, std::string_view source) {
  const auto add = [](const char* name, const char* help, const telemetry::Labels& labels, uint64_t n) {
    telemetry::counter(name, help, labels).add(n);
  };
  // None is counted, too: whoever compares what was rejected with what was accepted finds both from the first request.
  add("freshet_ingest_items_total", "Items accepted.", {{"tenant", tenant}, {"source", std::string(source)}},
      tally.accepted);
  for (const auto& [code, n] : tally.rejected_by_code)
    add("freshet_ingest_rejected_total", "Items rejected, by reason.", {{"tenant", tenant}, {"code", code}}, n);
  for (const auto& [code, n] : tally.warnings_by_code)
    add("freshet_ingest_warnings_total", "Parts of items left out or cut, by reason.", {{"code", std::string(code)}},
        n);
}

// The same two numbers for the span of a traced request.
void count_items(telemetry::Span& span, const Tally& tally) {
  span.set("freshet.items.accepted", static_cast<int64_t>(tally.accepted));
  span.set("freshet.items.rejected", static_cast<int64_t>(tally.rejected));
}

// What is left of a request while its records go into the log.
struct UnderWay {
  http::Response answer;
  Tally tally;
  std::vector<PlanMiss> misses;
};

// The query parameter verdicts=1 asks for an answer that names each rejected item, whatever the
// endpoint usually says.
bool wants_verdicts(std::string_view query) {
  const auto parameters = http::parse_query(query);
  return parameters && std::any_of(parameters->begin(), parameters->end(),
                                   [](const auto& p) { return p.first == "verdicts" && p.second == "1"; });
}

// What a request keeps in memory while it waits for the lane.
size_t weight_of(const http::Request& request) { return request.body.size() + 1024; }

// By its head: a body that is announced as larger than its source takes. The listener would refuse it in words that no
// library of that source understands. What is no number is the listener's business.
std::optional<Refusal> check_length(const http::Request& head, size_t bytes_max) {
  if (to_number<uint64_t>(head.header("content-length")).value_or(0) <= bytes_max) return std::nullopt;
  return Refusal{413, "too_large", "a body may have " + std::to_string(bytes_max) + " bytes here; send less at a time"};
}

// Of everything else the head says all.
bool reads_body(const http::Request& request, Way way) {
  return way != Way::kQuestion && request.method != "GET" && request.method != "HEAD" && request.method != "DELETE";
}

bool takes_long(const http::Request& request) {
  return request.body.size() > (is_compressed(request) ? kInlineCompressedBytesMax : kInlineBytesMax);
}

}  // namespace

// What is known of a request by its head. It is found once: judge() hands it on to handle().
struct Service::Head {
  const SourceRoute* route = nullptr;  // null: there is nothing at this address
  std::string argument;                // app_id, key or id in the address, decoded
  std::optional<Sender> sender;
  std::string random_id;

  [[nodiscard]] const Source& source() const { return *route->source; }
  [[nodiscard]] const model::Tenant& tenant() const { return *sender->tenant; }
  void count_answer(int status) const {
    telemetry::counter(
        "freshet_ingest_requests_total", "Requests, by endpoint and status.",
        {{"endpoint", std::string(route == nullptr ? "other" : route->endpoint)}, {"status", std::to_string(status)}})
        .add();
  }
  // Each source has its own shape of errors.
  [[nodiscard]] http::Response failure(const http::Request& request, const Refusal& refusal) const {
    http::Response response = route == nullptr ? common_refusal(refusal.status, refusal.code, refusal.message)
                                               : source().refuse({request, *route, argument, random_id}, refusal);
    if (response.status == 429 || response.status == 503)
      response.headers.emplace_back("Retry-After", std::to_string(refusal.retry_after_s));
    if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"freshet\"");
    return response;
  }
};

// One request on its way through.
struct Service::Call : Service::Head {
  bool answered = false;  // `respond` is called exactly once
  http::Request request;
  http::Respond respond;
  env::Clock* clock = nullptr;
  const char* scheme = "http";
  env::TimeUs began_us = 0;
  env::TimeUs received_at_us = 0;       // of its records; 0: it came to none
  std::optional<telemetry::Span> span;  // if this one is traced
  std::string why;                      // of an answer that failed, behind a colon, for the log

  // REQUIRES: there is a route.
  [[nodiscard]] Exchange exchange() const { return {request, *route, argument, random_id}; }

  // In whose account its work goes; "": nobody's who is known. What may cost much and is to delay no customer's data,
  // logs and imports, has accounts of its own, apart from the tenant's other requests.
  [[nodiscard]] std::string party() const {
    if (!sender) return {};
    switch (route->way) {
      case Way::kLogs: return tenant().name + "\nlogs";
      case Way::kImport: return tenant().name + "\nimports";
      default: return tenant().name;
    }
  }

  // The one way out of a call: whatever becomes of a request, it is counted and its span ends here.
  void answer(http::Response response) {
    FRESHET_ASSERT(!answered);
    answered = true;
    note_end(response.status);
    count_answer(response.status);
    allow_origin(request, response);
    respond(std::move(response));
  }
  void fail(const Refusal& refusal) {
    if (refusal.status >= 500) why = ": " + refusal.message;
    answer(failure(request, refusal));
  }
  void not_taken(const Error& error) { fail({503, "unavailable", "nothing was accepted: " + error.message}); }
  // How long it took, for those who have a key: in a histogram, in a span if it has one or deserves one, and in a line
  // of the log, which is one for operators to see only if it failed.
  void note_end(int status) {
    if (route == nullptr || !sender) return;
    FRESHET_ASSERT(clock != nullptr);
    const env::TimeUs now_us = clock->now_us();
    const env::TimeUs took_us = std::max<env::TimeUs>(now_us - began_us, 0);
    telemetry::Histogram& times = telemetry::histogram("freshet_ingest_request_us", "From a request to its answer.",
                                                       {{"endpoint", std::string(route->endpoint)},
                                                        {"method", std::string(route->method)},
                                                        {"status", std::to_string(status)}});
    times.record(took_us);
    if (!span) span = late_span(status, took_us);
    std::optional<telemetry::LogTrace> lines;
    if (span) {
      lines.emplace(span->context.trace_id);
      telemetry::exemplify(times, took_us, span->context.trace_id, now_us);
    }
    log::line(status >= 500 ? log::Level::kWarn : log::Level::kDebug,
              "{} {} of tenant {} was answered {} after {} ms{}", route->method, route->endpoint, tenant().name, status,
              took_us / 1000, why);
    if (!span) return;
    span->set("http.response.status_code", int64_t{status});
    if (status >= 500) {
      span->error = "status " + std::to_string(status);
      span->set("error.type", std::to_string(status));
    }
    telemetry::tracer().end(std::move(*std::exchange(span, std::nullopt)), now_us);
  }
  // Of a request that no sampler took, and that failed or was slow. Whose sender wants no trace has none.
  [[nodiscard]] std::optional<telemetry::Span> late_span(int status, env::TimeUs took_us) const {
    telemetry::Tracer& tracer = telemetry::tracer();
    if (!tracer.on() || route->way != Way::kItems || !(status >= 500 || tracer.is_slow(took_us))) return std::nullopt;
    if (telemetry::parse_trace_parent(request.header("traceparent"))) return std::nullopt;
    const std::string name = request.method + " " + std::string(route->endpoint);
    auto late = tracer.begin_late(name, telemetry::SpanKind::kServer, tenant().name,
                                  received_at_us > 0 ? received_at_us : began_us, began_us);
    if (!late) return std::nullopt;
    describe(*late);
    late->set("freshet.sampled_by", status >= 500 ? telemetry::kByError : telemetry::kBySlow);
    return late;
  }
  // The path is that of the route: in its place stand keys.
  void describe(telemetry::Span& of) const {
    of.set("http.request.method", request.method);
    of.set("http.route", std::string(route->endpoint));
    of.set("url.path", std::string(route->endpoint));
    of.set("url.scheme", scheme);
  }
};

Service::Service(ServiceOptions options)
    : options_(std::move(options)),
      tenants_(std::exchange(options_.tenants, {})),
      shares_(options_.cores),
      letter_budget_(options_.letters_max, options_.letter_bytes_max),
      log_limit_(std::make_shared<LogLimit>(*options_.log, *options_.clock)),
      appender_(*options_.log, *options_.registry, options_.partitions, options_.inflight_bytes_max, options_.has_room,
                &letter_budget_, options_.lanes) {
  FRESHET_ASSERT(options_.log != nullptr && options_.registry != nullptr);
  FRESHET_ASSERT(options_.clock != nullptr && options_.random != nullptr);
}

void Service::use_tenants(Tenants tenants) {
  const std::lock_guard lock(tenants_mutex_);
  std::swap(tenants_, tenants);
}

Tenants Service::tenants() const {
  const std::lock_guard lock(tenants_mutex_);
  return tenants_;
}

std::shared_ptr<Service::Call> Service::make_call(http::Request request, http::Respond respond) {
  const auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->respond = std::move(respond);
  call->clock = options_.clock;
  call->scheme = options_.tls ? "https" : "http";
  call->began_us = options_.clock->now_us();
  return call;
}

// A stranger's request ends here: without a key in the head, only a source that takes one in the body goes on.
std::optional<http::Response> Service::admit_head(const http::Request& request, Head& head) const {
  head.random_id = options_.random->bytes(16);  // a refusal of the data API names its request
  const auto refused = [&](const Refusal& refusal) { return head.failure(request, refusal); };
  std::string path = request.path;
  const http::Match<SourceRoute> match = find_route(request.method, path);
  head.route = match.row;
  if (!match.allowed.empty()) {
    http::Response response = refused({405, "method_not_allowed", "use " + match.allowed});
    response.headers.emplace_back("Allow", match.allowed);
    return response;
  }
  auto arguments = http::decode_arguments(match.arguments);
  if (!arguments) return refused({400, "bad_request", arguments.error().message});
  if (!arguments->empty()) head.argument = std::move(arguments->front());
  if (head.route == nullptr)
    return refused({404, "not_found", "there is nothing at this address; there is: " + std::string(known_routes())});
  if (head.route->way == Way::kQuestion) return std::nullopt;
  if (head.route->way == Way::kImport && !options_.imports)
    return refused({404, "not_found", "this node takes no imports"});
  if (head.route->way == Way::kLogs && options_.logs == nullptr)
    return refused({404, "not_found", "this node takes no logs"});
  auto sender = head.source().authenticate(tenants(), {request, *head.route, head.argument, head.random_id});
  if (sender) {
    head.sender = *sender;
  } else if (!head.source().takes_key_in_body()) {
    return refused(sender.error());
  }
  if (head.route->way == Way::kLogs && head.sender && !options_.logs->has_room(head.tenant().name))
    return refused(logs_are_full());
  if (!reads_body(request, head.route->way)) return std::nullopt;
  if (auto refusal = check_encoding(request)) return refused(*refusal);
  if (auto refusal = check_length(request, head.source().body_bytes_max())) return refused(*refusal);
  return std::nullopt;
}

http::HeaderVerdict Service::judge(const http::Request& request) {
  http::HeaderVerdict verdict;
  verdict.body_bytes_max = kUnreadBodyBytesMax;
  if (request.method == "OPTIONS") return verdict;
  const auto head = std::make_shared<Head>();
  if (auto response = admit_head(request, *head)) {
    head->count_answer(response->status);
    allow_origin(request, *response);
    verdict.refuse = std::move(response);
    verdict.body_bytes_max = SIZE_MAX;  // how much of a refused body is passed over is the listener's business
    return verdict;
  }
  if (reads_body(request, head->route->way)) verdict.body_bytes_max = head->source().body_bytes_max();
  // What takes nothing has nothing to wait for: a probe least of all.
  verdict.never_held = head->route->way == Way::kQuestion;
  verdict.trusted = head->sender.has_value();
  if (head->route->way == Way::kLogs) {
    verdict.never_held = true;
    verdict.bodies = options_.logs->bodies();
  }
  verdict.found = head;
  return verdict;
}

void Service::handle(http::Request request, http::Respond respond) {
  FRESHET_ASSERT(respond != nullptr);
  static telemetry::Counter& bytes =
      telemetry::counter("freshet_ingest_bytes_total", "Bytes of request bodies, as sent.");
  bytes.add(request.body.size());
  // Browsers ask before they send with a key or a content type of their own (CORS preflight, Fetch
  // standard). Anybody may ask, so it needs no tenant and is not counted.
  if (request.method == "OPTIONS") return respond(preflight(request));
  const std::shared_ptr<Call> call = make_call(std::move(request), std::move(respond));
  if (const auto judged = std::static_pointer_cast<const Head>(std::exchange(call->request.judged, nullptr))) {
    static_cast<Head&>(*call) = *judged;
  } else if (auto refusal = admit_head(call->request, *call)) {
    return call->answer(std::move(*refusal));
  }
  if (!reads_body(call->request, call->route->way)) call->request.body.clear();
  // HEAD asks what a GET would say, and may change nothing.
  if (call->request.method == "HEAD" && call->route->way == Way::kItems) return call->answer({});
  switch (call->route->way) {
    case Way::kQuestion: {
      auto answer = call->source().answer_question(tenants(), call->exchange());
      return answer ? call->answer(std::move(*answer)) : call->fail(answer.error());
    }
    case Way::kImport: return run(call, &Service::take_import);
    case Way::kLogs: return run(call, &Service::take_logs);
    case Way::kItems: return run(call, &Service::take_items);
  }
}

void Service::run(const std::shared_ptr<Call>& call, Work work) {
  const bool logs = call->route->way == Way::kLogs;
  Lane* const lane = logs ? options_.logs_lane : options_.lane;
  if (lane != nullptr) find_sender_early(*call);
  const char* const why = lane == nullptr ? nullptr : set_back(*call);
  if (why == nullptr) return run_measured(call, work);
  telemetry::counter("freshet_ingest_set_back_total", "Requests that did not run on a server thread, by why.",
                     {{"reason", why}})
      .add();
  // Who has not said yet who it is may turn out to be anybody, so strangers take turns by where they send from.
  const LaneParty party =
      call->sender ? LaneParty{call->party()} : LaneParty{"\n" + http::network_of(call->request.remote), false};
  const bool taken = lane->run(party, weight_of(call->request), [this, call, work] { run_measured(call, work); });
  if (!taken && logs) return call->fail(logs_are_full());
  if (!taken)
    call->not_taken({Code::kRetry, "too many large requests of this tenant wait already; send it again in a moment"});
}

// It costs less than reading the body did. Who has a key would else be taken for one of the strangers, and wait behind
// what they have sent.
void Service::find_sender_early(Call& call) const {
  if (call.sender || takes_long(call.request) || is_compressed(call.request)) return;
  call.sender = call.source().sender_of_body(tenants(), call.request.body);
}

const char* Service::set_back(Call& call) {
  if (takes_long(call.request)) return "size";
  switch (shares_.judge(call.party(), options_.clock->monotonic_us())) {
    case CpuShares::Verdict::kHere: break;
    case CpuShares::Verdict::kShare: return "share";
    case CpuShares::Verdict::kLong: return "long";
  }
  // Last, because it costs most.
  return unpack_small(call.request, std::min(kInlineBytesMax, call.source().body_bytes_max())) ? nullptr : "size";
}

void Service::run_measured(const std::shared_ptr<Call>& call, Work work) {
  const env::TimeUs before = env::thread_cpu_us();
  (this->*work)(call);
  const env::TimeUs cost = env::thread_cpu_us() - before;
  // Whose key was in the body is known by now.
  shares_.used(call->party(), cost, options_.clock->monotonic_us());
  telemetry::counter("freshet_ingest_cpu_microseconds_total",
                     "What requests took of the processor, by whose they were.",
                     {{"tenant", call->sender ? call->tenant().name : "(none)"}})
      .add(static_cast<uint64_t>(cost));
}

void Service::take_import(const std::shared_ptr<Call>& call) {
  FRESHET_ASSERT(call->sender);
  options_.imports(*call->sender, std::move(call->request),
                   [call](http::Response response) { call->answer(std::move(response)); });
}

void Service::take_logs(const std::shared_ptr<Call>& call) {
  FRESHET_ASSERT(call->sender && options_.logs != nullptr);
  if (auto refusal = decode_body(call->request, call->source().body_bytes_max())) return call->fail(*refusal);
  options_.logs->append(call->tenant().name, call->route->call, call->request,
                        [call](const tl::expected<Parsed, Refusal>& taken) {
                          if (!taken) return call->fail(taken.error());
                          call->answer(call->source().answer(call->exchange(), *taken));
                        });
}

void Service::take_items(const std::shared_ptr<Call>& call) {
  const Source& source = call->source();
  if (auto refusal = decode_body(call->request, source.body_bytes_max())) return call->fail(*refusal);
  if (source.takes_items_in_query(*call->route) && (call->request.method == "GET" || call->request.body.empty()))
    call->request.body = call->request.query;
  if (!call->sender) call->sender = source.sender_of_body(tenants(), call->request.body);
  if (!call->sender) {
    // It was refused before, and is known why only now; or it has become one since.
    auto sender = source.authenticate(tenants(), call->exchange());
    if (!sender) return call->fail(sender.error());
    call->sender = std::move(*sender);
  }
  begin_span(*call);
  std::optional<telemetry::LogTrace> lines;
  if (call->span) lines.emplace(call->span->context.trace_id);
  ingest(call);
}

// The trace context that this request's records carry: that of its span here, or else the header as
// it came. A header that is not valid counts as none, as W3C Trace Context demands.
std::string Service::trace_parent_of(const Call& call) {
  if (call.span) return telemetry::format_trace_parent(call.span->context);
  const std::string_view header = call.request.header("traceparent");
  return std::string(telemetry::parse_trace_parent(header) ? header : std::string_view());
}

// Begins a span only for a request with a valid key: nobody else can make this process keep
// anything.
void Service::begin_span(Call& call) {
  if (!telemetry::tracer().on()) return;
  FRESHET_ASSERT(call.sender && !call.span);
  const std::string endpoint(call.route->endpoint);
  call.span = telemetry::tracer().begin_request(call.request.header("traceparent"), call.random_id,
                                                call.request.method + " " + endpoint, call.began_us);
  if (!call.span) return;
  call.span->set("freshet.tenant", call.tenant().name);
  call.describe(*call.span);
}

void Service::refuse_full(Call& call, uint32_t retry_after_s) {
  call.fail({429,
             "too_many_requests",
             "the tenant sends more than its rate, and its overflow is full; send it again later",
             {},
             retry_after_s,
             call.tenant().rate.events_per_second,
             call.clock->now_us()});
}

// What the source makes of the body, ready for the log.
ParseResult Service::parse(const Call& call, schema::Registry::Session& session, google::protobuf::Arena& arena) const {
  FRESHET_ASSERT(call.sender);
  const std::string trace_parent = trace_parent_of(call);
  const AdapterContext context{.tenant = call.tenant(),
                               .schema = session,
                               .received_at_us = call.received_at_us,
                               .endpoint = call.route->endpoint,
                               .random_id = call.random_id,
                               .trace_parent = trace_parent,
                               .scope = call.sender->scope,
                               .record_bytes_max = log_limit_->record_bytes_max()};
  ParseResult parsed = call.source().parse(*call.route, call.request.body, context, arena);
  if (!parsed) return parsed;
  check_every_item_has_one_end(*parsed);
  set_apart(parsed->envelopes);
  mark_verified(parsed->envelopes, context.scope);
  mark_verified(parsed->respelled, context.scope);
  return parsed;
}

void Service::ingest(const std::shared_ptr<Call>& call) {
  FRESHET_ASSERT(call->sender);
  if (const Status room = appender_.room(); !room) return call->not_taken(room.error());
  const int64_t now_us = options_.clock->now_us();
  call->received_at_us = now_us;
  const model::Tenant& tenant = call->tenant();
  if (const uint32_t full_s = appender_.full_for_s(tenant, {}, false); full_s > 0) return refuse_full(*call, full_s);
  RequestArena arena;
  const std::unique_ptr<schema::Registry::Session> session = options_.registry->begin(tenant, now_us);
  ParseResult parsed = parse(*call, *session, arena.get());
  Outgoing out;
  out.schema_changes = session->take_discoveries();
  if (!parsed) {
    // What this body seemed to teach the schema is unlearned: it never reaches the log, so other
    // nodes would not know it.
    options_.registry->forget(out.schema_changes);
    return call->fail({400, "bad_request", parsed.error().message});
  }
  if (const uint32_t full_s = appender_.full_for_s(tenant, parsed->envelopes, false); full_s > 0) {
    options_.registry->forget(out.schema_changes);
    return refuse_full(*call, full_s);
  }
  const std::string_view source = call->source().name();
  out.tenant = &tenant;
  out.envelopes = std::move(parsed->envelopes);
  out.envelopes.insert(out.envelopes.end(), parsed->respelled.begin(), parsed->respelled.end());
  out.dead_letters = dead_letters_of(
      parsed->rejected, {tenant.name, source, call->route->endpoint, now_us, call->sender->scope}, *options_.random);
  // The answer is made now, because the items lie on the arena, which is gone when the log is done.
  const auto under_way = std::make_shared<UnderWay>(UnderWay{
      wants_verdicts(call->request.query) ? verdicts(*parsed) : call->source().answer(call->exchange(), *parsed),
      tally_of(*parsed), std::move(parsed->plan_misses)});
  call->request.body = std::string();
  appender_.append(std::move(out),
                   [violations = violations_, limit = log_limit_, call, under_way, source](const Status& status) {
                     if (!status && status.error().code == Code::kInvalid) limit->note_refusal();
                     if (!status) return call->not_taken(status.error());
                     count(under_way->tally, call->tenant().name, source);
                     violations->add(call->tenant().name, under_way->misses);
                     if (call->span) count_items(*call->span, under_way->tally);
                     call->answer(std::move(under_way->answer));
                   });
}

// What was not taken is sent again, so it counts against the plan only when it is in the log.
void Service::append_import(const model::Tenant& tenant, ImportBatch batch, eventlog::AppendDone done) {
  FRESHET_ASSERT(done != nullptr);
  if (appender_.full_for_s(tenant, {}, true) > 0) {
    options_.registry->forget(batch.schema_changes);
    return done(fail(Code::kRetry, "the tenant's overflow is full; go on later"));
  }
  Outgoing out{std::move(batch.envelopes), std::move(batch.dead_letters), std::move(batch.schema_changes), &tenant,
               true};
  appender_.append(std::move(out), [violations = violations_, name = tenant.name, misses = std::move(batch.plan_misses),
                                    done = std::move(done)](Status status) {
    if (status) violations->add(name, misses);
    done(std::move(status));
  });
}

void Service::report_violations() {
  Outgoing out;
  out.dead_letters = violations_->take(options_.clock->now_us(), *options_.random);
  if (out.dead_letters.empty()) return;
  std::vector<v1::DeadLetter> records = out.dead_letters;
  appender_.append(std::move(out), [violations = violations_, records = std::move(records)](const Status& status) {
    if (status) return;
    violations->put_back(records);
    log::warn("violations of plans could not be reported yet: {}", status.error().message);
  });
}

Status Service::submit(v1::Envelope envelope, eventlog::AppendDone done) {
  const auto tenant = tenants().by_name(envelope.tenant());
  FRESHET_ASSERT(done != nullptr);
  if (tenant == nullptr) return fail(Code::kInvalid, "there is no tenant " + envelope.tenant());
  if (envelope.user().empty() && envelope.device().empty())
    return fail(Code::kInvalid, "a record needs an identifier of a user or of a device");
  // A record without times counts as received and as having happened now; one without an id can't
  // be a repetition.
  if (envelope.received_at_us() == 0) envelope.set_received_at_us(options_.clock->now_us());
  if (envelope.time_us() == 0) envelope.set_time_us(envelope.received_at_us());
  if (envelope.message_id().empty()) envelope.set_message_id(to_hex(options_.random->bytes(16)));
  Outgoing out;
  out.envelopes.push_back(&envelope);
  appender_.append(std::move(out), std::move(done));
  return {};
}

Status Service::replay(const v1::DeadLetter& letter, eventlog::AppendDone done) {
  FRESHET_ASSERT(done != nullptr);
  const auto tenant = tenants().by_name(letter.tenant());
  if (tenant == nullptr) return fail(Code::kInvalid, "there is no tenant " + letter.tenant());
  const int64_t now_us = options_.clock->now_us();
  RequestArena arena;
  const std::unique_ptr<schema::Registry::Session> session = options_.registry->begin(*tenant, now_us);
  const ParseResult parsed = reparse(letter, *tenant, *session, now_us, arena.get());
  if (parsed) check_every_item_has_one_end(*parsed);
  Outgoing out;
  out.tenant = tenant.get();
  out.schema_changes = session->take_discoveries();
  // A letter goes in whole or not at all: a part of it would leave a letter that can neither be
  // replayed nor be dropped.
  if (!parsed || !parsed->rejected.empty() || parsed->envelopes.empty()) {
    options_.registry->forget(out.schema_changes);
    if (!parsed) return tl::unexpected<Error>(parsed.error());
    if (parsed->rejected.empty()) return fail(Code::kInvalid, "dead letter " + letter.id() + " holds nothing");
    const Rejection& rejection = parsed->rejected.front();
    return fail(Code::kInvalid, "it is still rejected: " + rejection.code + ": " + rejection.message);
  }
  out.envelopes = parsed->envelopes;
  out.envelopes.insert(out.envelopes.end(), parsed->respelled.begin(), parsed->respelled.end());
  appender_.append(std::move(out), std::move(done));
  return {};
}

}  // namespace freshet::ingest
