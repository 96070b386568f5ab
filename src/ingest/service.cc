// One request from its bytes to its answer: the address finds the adapter (routes.h), the key finds
// the tenant (auth.h), the adapter makes envelopes and rejections (adapters/), and the publisher
// appends them. The answer is made before the append and sent by its callback, so that no answer
// can overtake the sync that it stands for (invariant 1).

#include "ingest/service.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "http/text.h"
#include "ingest/adapters/data_api.h"
#include "ingest/adapters/records.h"
#include "ingest/adapters/segment.h"
#include "ingest/answers.h"
#include "ingest/replay.h"
#include "model/identifier.h"
#include "telemetry/metrics.h"
#include "telemetry/trace.h"

namespace freshet::ingest {
namespace {

using Kind = Route::Kind;

// Most requests are parsed without an allocation of the arena beyond this block.
constexpr size_t kArenaFirstBlock = 256u << 10;
constexpr std::string_view kRetryAfterSeconds = "1";

std::string_view source_of(Kind kind) {
  return kind == Kind::kSegment ? kSegmentSource : kind == Kind::kDataApi ? kDataApiSource : kRecordsSource;
}

size_t body_bytes_max(Kind kind) {
  return kind == Kind::kSegment ? kSegmentBatchBytesMax : kind == Kind::kDataApi ? kDataApiBytesMax : kRecordsBytesMax;
}

ParseResult parse(const Route& route, std::string_view body, const AdapterContext& context,
                  google::protobuf::Arena& arena) {
  switch (route.kind) {
    case Kind::kSegment: return parse_segment(body, {route.call}, context, arena);
    case Kind::kDataApi: return parse_data_api(body, route.call, context, arena);
    default: return parse_records(body, context, arena);
  }
}

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

// Counts what became durable, per tenant. Labels are known texts (tenants, sources, codes), so the
// number of series is bounded.
void count(const Parsed& parsed, const std::string& tenant, std::string_view source) {
  const auto add = [](const char* name, const char* help, const telemetry::Labels& labels, uint64_t n) {
    telemetry::counter(name, help, labels).add(n);
  };
  FRESHET_ASSERT(parsed.rejected.size() <= parsed.item_count);
  if (const size_t accepted = parsed.item_count - parsed.rejected.size(); accepted > 0)
    add("freshet_ingest_items_total", "Items accepted.", {{"tenant", tenant}, {"source", std::string(source)}},
        accepted);
  std::map<std::string_view, uint64_t> codes;
  for (const Rejection& rejection : parsed.rejected) ++codes[rejection.code];
  for (const auto& [code, n] : codes)
    add("freshet_ingest_rejected_total", "Items rejected, by reason.",
        {{"tenant", tenant}, {"code", std::string(code)}}, n);
  codes.clear();
  for (const Warning& warning : parsed.warnings) ++codes[warning.code];
  for (const auto& [code, n] : codes)
    add("freshet_ingest_warnings_total", "Parts of items left out or cut, by reason.", {{"code", std::string(code)}},
        n);
}

// The same two numbers for the span of a traced request.
void count_items(telemetry::Span& span, const Parsed& parsed) {
  span.set("freshet.items.accepted", static_cast<int64_t>(parsed.item_count - parsed.rejected.size()));
  span.set("freshet.items.rejected", static_cast<int64_t>(parsed.rejected.size()));
}

// The query parameter verdicts=1 asks for an answer that names each rejected item, whatever the
// endpoint usually says.
bool wants_verdicts(std::string_view query) {
  const auto parameters = http::parse_query(query);
  return parameters && std::any_of(parameters->begin(), parameters->end(),
                                   [](const auto& p) { return p.first == "verdicts" && p.second == "1"; });
}

// A Host header is echoed into the browser's settings, so it may hold only what a host and a port
// are made of.
bool is_host(std::string_view host) {
  return host.size() <= 255 &&
         host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") ==
             std::string_view::npos;
}

}  // namespace

// One request on its way through.
struct Service::Call {
  bool answered = false;  // `respond` is called exactly once
  http::Request request;
  http::Respond respond;
  Route route;
  std::string argument;  // app_id, key or id in the address, decoded
  const model::Tenant* tenant = nullptr;
  std::string random_id;
  env::Clock* clock = nullptr;
  env::TimeUs began_us = 0;             // only while traces are collected
  std::optional<telemetry::Span> span;  // if this one is traced

  // The one way out of a call: whatever becomes of a request, it is counted and its span ends here.
  void answer(http::Response response) {
    FRESHET_ASSERT(!answered);
    answered = true;
    if (span) end_span(response.status);
    telemetry::counter("freshet_ingest_requests_total", "Requests, by endpoint and status.",
                       {{"endpoint", std::string(route.endpoint.empty() ? "other" : route.endpoint)},
                        {"status", std::to_string(response.status)}})
        .add();
    allow_all_origins(response);
    respond(std::move(response));
  }
  // The data API's clients expect their own shape of errors, all others the common one.
  [[nodiscard]] http::Response failure(int status, std::string_view code, std::string_view message,
                                       std::string_view attribute = {}) const {
    http::Response response = route.kind == Kind::kDataApi
                                  ? data_api_refusal(status, code, message, attribute, to_hex(random_id))
                                  : refusal(status, code, message);
    if (status == 429 || status == 503) response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
    if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"freshet\"");
    return response;
  }
  void fail(int status, std::string_view code, std::string_view message, std::string_view attribute = {}) {
    answer(failure(status, code, message, attribute));
  }
  void not_taken(const Error& error) { fail(503, "unavailable", "nothing was accepted: " + error.message); }
  void end_span(int status) {
    FRESHET_ASSERT(span && clock != nullptr);
    span->set("http.response.status_code", int64_t{status});
    if (status >= 500) span->error = "status " + std::to_string(status);
    telemetry::tracer().end(std::move(*std::exchange(span, std::nullopt)), clock->now_us());
  }
};

Service::Service(ServiceOptions options)
    : options_(std::move(options)),
      tenants_(std::move(options_.tenants)),
      letter_budget_(options_.letters_max, options_.letter_bytes_max),
      publisher_(*options_.log, *options_.registry, options_.partitions, options_.inflight_bytes_max,
                 options_.has_room, &letter_budget_) {
  FRESHET_ASSERT(options_.log != nullptr && options_.registry != nullptr);
  FRESHET_ASSERT(options_.clock != nullptr && options_.random != nullptr);
}

void Service::handle(http::Request request, http::Respond respond) {
  FRESHET_ASSERT(respond != nullptr);
  const auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->respond = std::move(respond);
  call->random_id = options_.random->bytes(16);
  if (telemetry::tracer().on()) call->began_us = options_.clock->now_us();
  static telemetry::Counter& bytes =
      telemetry::counter("freshet_ingest_bytes_total", "Bytes of request bodies, as sent.");
  bytes.add(call->request.body.size());
  // Browsers ask before they send with a key or a content type of their own (CORS preflight, Fetch
  // standard). Anybody may ask, so it needs no tenant and is not counted.
  if (call->request.method == "OPTIONS") return call->respond(preflight());
  route(call);
}

void Service::route(const std::shared_ptr<Call>& call) {
  const http::Match<Route> match = find_route(call->request.method, call->request.path);
  if (match.row != nullptr) call->route = *match.row;
  if (!match.allowed.empty()) {
    http::Response response = call->failure(405, "method_not_allowed", "use " + match.allowed);
    response.headers.emplace_back("Allow", match.allowed);
    return call->answer(std::move(response));
  }
  auto arguments = http::decode_arguments(match.arguments);
  if (!arguments) return call->fail(400, "bad_request", arguments.error().message);
  if (!arguments->empty()) call->argument = std::move(arguments->front());
  switch (call->route.kind) {
    case Kind::kNone:
      return call->fail(404, "not_found", "there is nothing at this address; there is: " + std::string(known_routes()));
    case Kind::kSettings: return answer_settings(*call);
    case Kind::kSourceConfig: return answer_source_config(*call);
    case Kind::kImports:
      if (!options_.imports) return call->fail(404, "not_found", "this node takes no imports");
      if (!authenticate(*call)) return;
      return options_.imports(*call->tenant, std::move(call->request),
                              [call](http::Response response) { call->answer(std::move(response)); });
    default:
      // A Segment body may hold the key, so it is decompressed before.
      if (!decompress(*call) || !authenticate(*call)) return;
      begin_span(*call);
      return ingest(call);
  }
}

// analytics.js loads its settings before it sends anything; without this answer a page never sends.
void Service::answer_settings(Call& call) {
  if (tenants_.by_write_key(call.argument) == nullptr)
    return call.fail(404, "unknown_write_key", "no tenant has this write key; check the key that the page was given");
  const std::string_view host = call.request.header("host");
  const bool https =
      // Behind a proxy that ends TLS this listener sees plain HTTP, so the scheme comes from what
      // the proxy or the browser says. A page that is loaded by https may not send to http (mixed
      // content).
      call.request.header("x-forwarded-proto") == "https" || call.request.header("origin").starts_with("https://");
  call.answer(settings(call.argument, is_host(host) ? host : std::string_view(), https));
}

// RudderStack's browser library asks here before it sends. Its key comes as Basic user or in the
// query.
void Service::answer_source_config(Call& call) {
  std::string key = parse_authorization(call.request.header("authorization")).user;
  if (const auto parameters = http::parse_query(call.request.query); parameters && key.empty())
    for (const auto& [name, value] : *parameters)
      if (name == "writeKey") key = value;
  const model::Tenant* const tenant = tenants_.by_write_key(key);
  if (tenant == nullptr)
    return call.fail(401, "unauthorized", "no tenant has this write key; check the key that the page was given");
  call.answer(source_config(*tenant, key));
}

bool Service::authenticate(Call& call) {
  if (call.route.kind == Kind::kDataApi) return authenticate_data_api(call);
  const Credentials credentials = parse_authorization(call.request.header("authorization"));
  if (!credentials.user.empty()) call.tenant = tenants_.by_write_key(credentials.user);
  // A Segment body may carry the key itself, as `writeKey` beside the batch or in its first
  // message: browsers send so, because an Authorization header would cost them a preflight.
  if (call.tenant == nullptr && call.route.kind == Kind::kSegment)
    call.tenant = tenants_.by_write_key(segment_write_key(call.request.body));
  if (call.tenant != nullptr) return true;
  call.fail(401, "unauthorized",
            call.route.kind == Kind::kSegment ? "no valid write key; send it as the user name of Basic authorization, "
                                                "as Bearer, or as \"writeKey\" in the body"
                                              : "no valid write key; send it as \"Authorization: Bearer KEY\"");
  return false;
}

bool Service::authenticate_data_api(Call& call) {
  const Credentials credentials = parse_authorization(call.request.header("authorization"));
  call.tenant = tenants_.by_secret(credentials.user, credentials.password);
  if (call.tenant == nullptr) {
    call.fail(401, "unauthorized", "app id or secret is wrong; send Basic authorization of app_id:secret");
    return false;
  }
  // Some endpoints (merge, delete) have no app id in their address; if one is there it must be the
  // key's own, or a sender with two workspaces would fill the wrong one without noticing.
  if (call.argument.empty() || call.argument == call.tenant->app_id) return true;
  call.fail(403, "forbidden", "the app id in the address is not the one of the authorization", "app_id");
  return false;
}

bool Service::decompress(Call& call) {
  const size_t most = body_bytes_max(call.route.kind);
  const std::string too_large = "the body has more than " + std::to_string(most) + " bytes; send less at a time";
  const std::string_view encoding = call.request.header("content-encoding");
  if (encoding == "gzip" || encoding == "deflate") {
    // The Content-Type does not count: real libraries send compressed JSON as a form.
    Result<std::string> plain = http::gunzip(call.request.body, most);
    if (!plain) {
      // gunzip() stops as soon as the output would pass the bound, so a small body can't unpack to
      // gigabytes.
      const bool is_large = plain.error().message.starts_with("body is over");
      call.fail(is_large ? 413 : 400, is_large ? "too_large" : "bad_encoding",
                is_large ? too_large : plain.error().message);
      return false;
    }
    call.request.body = std::move(*plain);
  } else if (!encoding.empty() && encoding != "identity") {
    call.fail(415, "unsupported_encoding", "Content-Encoding must be gzip or absent");
    return false;
  }
  if (call.request.body.size() <= most) return true;
  call.fail(413, "too_large", too_large);
  return false;
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
  FRESHET_ASSERT(call.tenant != nullptr && !call.span);
  call.span = telemetry::tracer().begin_request(call.request.header("traceparent"), call.random_id,
                                                "POST " + std::string(call.route.endpoint), call.began_us);
  if (!call.span) return;
  call.clock = options_.clock;
  call.span->set("freshet.tenant", call.tenant->name);
  call.span->set("http.request.method", "POST");
  call.span->set("http.route", std::string(call.route.endpoint));
}

void Service::ingest(const std::shared_ptr<Call>& call) {
  FRESHET_ASSERT(call->tenant != nullptr);
  if (const Status room = publisher_.room(); !room) return call->not_taken(room.error());
  const int64_t now_us = options_.clock->now_us();
  const std::string_view source = source_of(call->route.kind);
  const std::string trace_parent = trace_parent_of(*call);
  RequestArena arena;
  const std::unique_ptr<schema::Registry::Session> session = options_.registry->begin(*call->tenant, now_us);
  const AdapterContext context{.tenant = *call->tenant,
                               .schema = *session,
                               .received_at_us = now_us,
                               .endpoint = call->route.endpoint,
                               .random_id = call->random_id,
                               .trace_parent = trace_parent};
  ParseResult parsed = parse(call->route, call->request.body, context, arena.get());
  if (parsed) check_every_item_has_one_end(*parsed);
  Outgoing out;
  out.schema_changes = session->take_discoveries();
  if (!parsed) {
    // What this body seemed to teach the schema is unlearned: it never reaches the log, so other
    // nodes would not know it.
    options_.registry->forget(out.schema_changes);
    return call->fail(400, "bad_request", parsed.error().message);
  }
  if (options_.admit && !options_.admit(*call->tenant, parsed->item_count)) {
    options_.registry->forget(out.schema_changes);
    return call->fail(429, "too_many_requests",
                      "the tenant sends more than its rate and its overflow is full; send it again later");
  }
  out.envelopes = std::move(parsed->envelopes);
  out.dead_letters =
      dead_letters_of(parsed->rejected, call->tenant->name, source, call->route.endpoint, now_us, *options_.random);
  // The answer is made now, because the items lie on the arena, which is gone when the log is done.
  auto answer = std::make_shared<http::Response>(answer_of(*call, *parsed));
  call->request.body = std::string();
  auto verdict = std::make_shared<Parsed>(std::move(*parsed));
  for (Rejection& rejection : verdict->rejected) rejection.item = std::string();
  publisher_.publish(std::move(out), [call, answer, verdict, source](Status status) {
    if (!status) return call->not_taken(status.error());
    count(*verdict, call->tenant->name, source);
    if (call->span) count_items(*call->span, *verdict);
    call->answer(std::move(*answer));
  });
}

http::Response Service::answer_of(const Call& call, const Parsed& parsed) const {
  if (call.route.kind == Kind::kRecords || wants_verdicts(call.request.query)) return verdicts(parsed);
  const Rejection* const first = parsed.rejected.empty() ? nullptr : &parsed.rejected.front();
  if (call.route.kind == Kind::kDataApi) {
    const size_t accepted = parsed.item_count - parsed.rejected.size();
    const bool always_succeeds = call.route.call == "transition" || call.route.call == "merge";
    if (first == nullptr || accepted > 0 || always_succeeds) return data_api_success(accepted, to_hex(call.random_id));
    return call.failure(400, first->code, first->message, first->attribute);
  }
  // A single message that is too large gets a 400, as Segment answers it; it is kept with the dead
  // letters all the same.
  if (first != nullptr && call.route.call != "batch" && first->code == "too_large")
    return call.failure(400, first->code, first->message);
  http::Response response;
  response.body = "{\"success\":true}";
  return response;
}

Status Service::submit(v1::Envelope envelope, eventlog::AppendDone done) {
  const model::Tenant* const tenant = tenants_.by_name(envelope.tenant());
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
  publisher_.publish(std::move(out), std::move(done));
  return {};
}

Status Service::replay(const v1::DeadLetter& letter, eventlog::AppendDone done) {
  FRESHET_ASSERT(done != nullptr);
  const model::Tenant* const tenant = tenants_.by_name(letter.tenant());
  if (tenant == nullptr) return fail(Code::kInvalid, "there is no tenant " + letter.tenant());
  const int64_t now_us = options_.clock->now_us();
  RequestArena arena;
  const std::unique_ptr<schema::Registry::Session> session = options_.registry->begin(*tenant, now_us);
  const ParseResult parsed = reparse(letter, *tenant, *session, now_us, arena.get());
  if (parsed) check_every_item_has_one_end(*parsed);
  Outgoing out;
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
  publisher_.publish(std::move(out), std::move(done));
  return {};
}

}  // namespace freshet::ingest
