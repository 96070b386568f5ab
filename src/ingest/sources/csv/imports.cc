// The protocol of imports over HTTP. An import is found by what it is (tenant, content, mapping),
// so a client that lost its place only has to ask again. Each PATCH appends its whole rows to the
// log and then moves the stored offset; that order is what makes a crash harmless.

#include "ingest/sources/csv/imports.h"

#include <simdjson.h>

#include <algorithm>

#include "base/assert.h"
#include "base/number.h"
#include "base/text.h"
#include "http/routes.h"
#include "http/text.h"
#include "ingest/body.h"
#include "ingest/items/item.h"
#include "ingest/sources/csv/import_json.h"
#include "ingest/sources/csv/source.h"
#include "model/time.h"
#include "telemetry/metrics.h"

namespace freshet::ingest {
namespace {

constexpr size_t kListedDefault = 100;
constexpr size_t kNameCharactersMax = 300;
constexpr size_t kRequestBytes = 4096;  // about what one takes that waits, without its body

// What a POST asks for, from its query and its body together.
struct Start {
  std::string mapping;
  std::string content_hash;
  std::string name;
  std::string compression = "none";
  std::string tenant;  // as the client believes; may be empty
  uint64_t size = 0;
};

Status set_field(Start& start, std::string_view key, std::string value) {
  if (key == "mapping") {
    start.mapping = std::move(value);
  } else if (key == "content_hash" || key == "content_sha256") {
    start.content_hash = std::move(value);
  } else if (key == "name") {
    start.name = std::move(value);
  } else if (key == "compression") {
    start.compression = std::move(value);
  } else if (key == "tenant") {
    start.tenant = std::move(value);
  } else if (key == "size") {
    const auto size = to_number<uint64_t>(value);
    if (!size) return fail(Code::kInvalid, "size: must be a number of bytes");
    start.size = *size;
  } else {
    return fail(Code::kInvalid,
                "unknown field; known are mapping, content_hash, content_sha256, size, name, tenant and compression");
  }
  return {};
}

Status read_json(std::string_view body, Start& start) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  body = without_mark(body);
  if (parser.parse(body.data(), body.size()).get(object) != simdjson::SUCCESS) {
    return fail(Code::kInvalid,
                "the body must be a JSON object, or with Content-Type: application/yaml the mapping itself");
  }
  for (const auto& [key, value] : object) {
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) {
      FRESHET_TRY(set_field(start, key, std::string(text)));
    } else if (key != "size" || value.get(start.size) != simdjson::SUCCESS) {
      return fail(Code::kInvalid, "every field must be text, and size may be a number");
    }
  }
  return {};
}

// Checks what a POST must have, and brings the hash to one spelling, since it is a part of the
// import's id.
Status check_start(Start& start) {
  if (start.mapping.empty()) return fail(Code::kInvalid, "mapping: is missing: YAML that says what each column is");
  if (start.compression != "none") {
    return fail(Code::kInvalid,
                "compression: must be none: send the decompressed content, as in gzip -dc FILE or zstd -dc FILE (one "
                "PATCH may have Content-Encoding: gzip)");
  }
  const std::string hash = from_hex(start.content_hash);
  if (hash.size() < 16 || hash.size() > 64) {
    return fail(Code::kInvalid,
                "content_hash: must be a hash of the whole decompressed content in hex, as sha256sum prints it");
  }
  // Upper and lower case hex name the same content, so they must find the same import.
  start.content_hash = to_hex(hash);
  if (!simdjson::validate_utf8(start.name)) start.name.clear();
  start.name.resize(prefix_of(start.name, kNameCharactersMax));
  if (!simdjson::validate_utf8(start.tenant)) return fail(Code::kInvalid, "tenant: must be UTF-8");
  return {};
}

Result<Start> read_start(const http::Request& request) {
  Start start;
  FRESHET_ASSIGN(auto query, http::parse_query(request.query));
  for (auto& [key, value] : query) {
    // A write key may stand in the query; auth.h has read it, and it is no field of an import.
    if (key != "writeKey" && key != "write_key") FRESHET_TRY(set_field(start, key, std::move(value)));
  }
  // The words of HTTP have no case.
  if (lower_case(request.header("content-type")).find("yaml") != std::string::npos) {
    start.mapping = request.body;
  } else if (!request.body.empty()) {
    FRESHET_TRY(read_json(request.body, start));
  }
  FRESHET_TRY(check_start(start));
  return start;
}

http::Response failure(int status, std::string_view code, std::string_view message) {
  http::Response response;
  response.status = status;
  response.body = import_error_json({code, message});
  return response;
}

// Only what the sender can mend is told in words; anything else is ours, and the request can be
// sent again as it is.
http::Response failure(const Error& error) {
  switch (error.code) {
    case Code::kInvalid: return failure(400, "invalid", error.message);
    case Code::kNotFound: return failure(404, "not_found", error.message);
    case Code::kConflict: return failure(409, "conflict", error.message);
    default: break;
  }
  http::Response response = failure(503, "unavailable", "nothing of this request was taken; send it again later");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

http::Response unknown_import() {
  return failure(404, "unknown_import", "there is no such import of this tenant: start it with POST /v1/imports");
}

http::Response busy() {
  http::Response response =
      failure(409, "busy", "another request of this import is under way; ask for its offset later");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

http::Response progress_response(int status, const v1::ImportProgress& progress,
                                 const google::protobuf::RepeatedPtrField<v1::RejectedRow>& rows,
                                 const std::optional<ImportError>& error = {}) {
  http::Response response;
  response.status = status;
  response.body = import_json(progress, rows, error);
  response.headers.emplace_back("Upload-Offset", std::to_string(progress.offset()));
  return response;
}

telemetry::Counter& rows_counter(const std::string& tenant, const char* result) {
  return telemetry::counter("freshet_ingest_import_rows_total", "Rows of CSV imports, by result.",
                            {{"tenant", tenant}, {"result", result}});
}

telemetry::Counter& refused_counter(const std::string& tenant) {
  return telemetry::counter("freshet_ingest_imports_refused_total",
                            "Imports that were not started, because the tenant has as many as it may.",
                            {{"tenant", tenant}});
}

// Keeps the newest rejected rows: a file with a million bad rows must not make a progress of a
// million rows.
void remember(const v1::RejectedRow& row, google::protobuf::RepeatedPtrField<v1::RejectedRow>& rows) {
  if (rows.size() >= kImportRejectedShownMax) rows.DeleteSubrange(0, rows.size() - kImportRejectedShownMax + 1);
  *rows.Add() = row;
}

}  // namespace

// Two PATCHes of one import at once would read the same rows twice and store the lower offset last; two POSTs would
// count it twice. So the second one is sent away.
class Imports::Hold {
 public:
  Hold(Imports& imports, const std::string& tenant, const std::string& id)
      : imports_(imports), key_(tenant + '\0' + id) {
    const std::lock_guard lock(imports_.mutex_);
    holds_ = imports_.busy_.insert(key_).second;
  }
  ~Hold() { release(); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

  [[nodiscard]] bool holds() const { return holds_; }
  void release() {
    if (!std::exchange(holds_, false)) return;
    const std::lock_guard lock(imports_.mutex_);
    const size_t freed = imports_.busy_.erase(key_);
    FRESHET_ASSERT(freed == 1);
  }

 private:
  Imports& imports_;
  const std::string key_;
  bool holds_ = false;
};

// One PATCH on its way. It is shared with the publication, which ends on a thread of the log.
struct Imports::Work {
  Hold hold;
  http::Request request;
  http::Respond respond;
  const std::string id;
  model::KeyScope scope = model::KeyScope::kWrite;
  uint64_t offset = 0;
  bool last = false;
  v1::ImportProgress progress;  // as it will be when the rows are durable; stored only then
  google::protobuf::RepeatedPtrField<v1::RejectedRow> rejected;
  size_t accepted_count = 0;
  size_t rejected_count = 0;
  google::protobuf::Arena arena;
  ImportBatch batch;

  Work(Imports& imports, const std::string& tenant, const std::string& id_in)
      : hold(imports, tenant, id_in), id(id_in) {}
};

Imports::Imports(ImportStore& store, schema::Registry& schema, env::Clock& clock, PublishImport publish, Lane* lane)
    : store_(store), schema_(schema), clock_(clock), publish_(std::move(publish)), lane_(lane) {}

void Imports::handle(std::shared_ptr<const model::Tenant> tenant, http::Request request, http::Respond respond,
                     model::KeyScope scope) {
  if (lane_ == nullptr) return dispatch(*tenant, std::move(request), std::move(respond), scope);
  const size_t bytes = request.body.size() + kRequestBytes;
  // Who does not get on the lane is answered here, so both have to reach it.
  const auto answer = std::make_shared<http::Respond>(std::move(respond));
  const std::string name = tenant->name;
  auto work = [this, tenant = std::move(tenant), request = std::move(request), answer, scope] {
    dispatch(*tenant, request, std::move(*answer), scope);
  };
  if (!lane_->run({name}, bytes, std::move(work)))
    (*answer)(failure(Error{Code::kRetry, "too many imports of this tenant wait already"}));
}

void Imports::dispatch(const model::Tenant& tenant, http::Request request, http::Respond respond,
                       model::KeyScope scope) {
  const http::Match<Route> match = http::find_route(csv_source().routes(), request.method, request.path);
  if (match.row == nullptr) return respond(failure(404, "not_found", "there is nothing at this address"));
  if (!match.allowed.empty()) return respond(failure(405, "method_not_allowed", "use " + match.allowed));
  if (const Status fresh = refresh(); !fresh) return respond(failure(fresh.error()));
  if (match.row->call == "start") return respond(start(tenant, std::move(request)));
  if (match.row->call == "list") return respond(list(tenant, request));
  const std::string id(match.arguments[0]);
  if (!is_hash_hex(id)) return respond(unknown_import());
  if (match.row->call == "show") return respond(show(tenant, id));
  if (match.row->call == "delete") return respond(remove(tenant, id));
  FRESHET_ASSERT(match.row->call == "take");
  auto work = std::make_shared<Work>(*this, tenant.name, id);
  work->request = std::move(request);
  work->respond = std::move(respond);
  work->scope = scope;
  take(tenant, std::move(work));
}

// What was counted holds no longer where other nodes have changed something.
Status Imports::refresh() {
  FRESHET_ASSIGN(const bool changed, store_.refresh());
  const std::lock_guard lock(mutex_);
  if (changed) counts_.clear();
  return {};
}

http::Response Imports::start(const model::Tenant& tenant, http::Request request) {
  if (const auto refusal = decode_body(request, kImportBodyBytesMax))
    return failure(refusal->status, refusal->code, refusal->message);
  auto wanted = read_start(request);
  if (!wanted) return failure(wanted.error());
  if (!wanted->tenant.empty() && wanted->tenant != tenant.name) {
    return failure(403, "other_tenant",
                   "the write key is not one of the tenant " +
                       wanted->tenant.substr(0, prefix_of(wanted->tenant, kNameCharactersMax)));
  }
  const auto mapping = parse_csv_mapping(wanted->mapping, "mapping");
  if (!mapping) return failure(422, "bad_mapping", mapping.error().message);
  // The id is a hash of what the import is, so a repeated POST finds it, and another mapping of the
  // same file is another import.
  std::string seed = tenant.name;
  seed.append(1, '\0').append(wanted->content_hash).append(1, '\0').append(mapping->hash().view());
  const std::string id = hash128(seed).hex();

  const Hold hold(*this, tenant.name, id);
  if (!hold.holds()) return busy();
  auto known = store_.get(tenant.name, id);
  if (!known) return failure(known.error());
  if (*known) return progress_response(200, **known, (*known)->recent());
  v1::ImportProgress progress;
  progress.set_id(id);
  progress.set_tenant(tenant.name);
  progress.set_name(wanted->name);
  progress.set_content_hash(wanted->content_hash);
  progress.set_mapping(wanted->mapping);
  progress.set_size(wanted->size);
  progress.set_line(1);
  progress.set_created_at_us(clock_.now_us());
  progress.set_updated_at_us(progress.created_at_us());
  return create(tenant, std::move(progress));
}

// REQUIRES: it is held and not there yet.
http::Response Imports::create(const model::Tenant& tenant, v1::ImportProgress progress) {
  const Status room = count(tenant.name, [](ImportCounts& counts) -> Status {
    if (counts.open >= kImportsOpenMax)
      return fail(Code::kConflict, std::to_string(counts.open) +
                                       " imports of this tenant are open: complete some, or DELETE /v1/imports/{id}");
    if (counts.all >= kImportsMax)
      return fail(Code::kConflict,
                  std::to_string(counts.all) + " imports of this tenant are kept: DELETE /v1/imports/{id} forgets one");
    ++counts.open, ++counts.all;
    return {};
  });
  if (!room && room.error().code == Code::kConflict) {
    refused_counter(tenant.name).add();
    http::Response response = failure(409, "too_many_imports", room.error().message);
    response.body = import_error_json({"too_many_imports", room.error().message}, stalest(tenant.name));
    return response;
  }
  if (!room) return failure(room.error());
  // The new import is synced before its id is told: a client must not resume an import that a crash
  // has forgotten.
  if (const Status stored = store_.put(progress, true); !stored) {
    forget_one(tenant.name, true, true);
    return failure(stored.error());
  }
  return progress_response(201, progress, progress.recent());
}

// Of the first that are listed, the import that nothing has happened to for longest, an open one if there is one: what
// whoever has too many of them would delete first. "" if there is none, or if the store says nothing.
std::string Imports::stalest(const std::string& tenant) {
  const auto some = store_.list(tenant, "", kImportsListedMax);
  if (!some || some->empty()) return "";
  const auto found = std::min_element(some->begin(), some->end(), [](const auto& a, const auto& b) {
    return std::pair(a.complete(), a.updated_at_us()) < std::pair(b.complete(), b.updated_at_us());
  });
  return found->id();
}

http::Response Imports::list(const model::Tenant& tenant, const http::Request& request) {
  const auto query = http::parse_query(request.query);
  if (!query) return failure(query.error());
  uint64_t limit = kListedDefault;
  std::string after;
  for (const auto& [key, value] : *query) {
    if (key == "limit") limit = to_number<uint64_t>(value).value_or(0);
    if (limit < 1 || limit > kImportsListedMax)
      return failure(400, "invalid", "limit: must be a number from 1 to " + std::to_string(kImportsListedMax));
    if (key == "after" && !is_hash_hex(value))
      return failure(400, "invalid", "after: must be `next` of the page before");
    if (key == "after") after = value;
  }
  // One more than is shown says whether there is a next page.
  auto all = store_.list(tenant.name, after, limit + 1);
  if (!all) return failure(all.error());
  const bool goes_on = all->size() > limit;
  if (goes_on) all->pop_back();
  http::Response response;
  response.body = import_list_json(*all, goes_on);
  return response;
}

http::Response Imports::show(const model::Tenant& tenant, const std::string& id) {
  const auto progress = store_.get(tenant.name, id);
  if (!progress) return failure(progress.error());
  return *progress ? progress_response(200, **progress, (*progress)->recent()) : unknown_import();
}

// What was taken stays taken: action keeps the message ids of its rows. So whoever imports the same again sends all
// rows again, and they change nothing.
http::Response Imports::remove(const model::Tenant& tenant, const std::string& id) {
  const Hold hold(*this, tenant.name, id);
  if (!hold.holds()) return busy();
  const auto progress = store_.get(tenant.name, id);
  if (!progress) return failure(progress.error());
  if (!*progress) return unknown_import();
  if (const Status counted = count(tenant.name); !counted) return failure(counted.error());
  if (const Status removed = store_.remove(tenant.name, id); !removed) return failure(removed.error());
  forget_one(tenant.name, !(*progress)->complete(), true);
  http::Response response;
  response.body = R"({"deleted":true})";
  return response;
}

void Imports::take(const model::Tenant& tenant, std::shared_ptr<Work> work) {
  if (!work->hold.holds()) return answer(*work, busy());
  if (const Status counted = count(tenant.name); !counted) return answer(*work, failure(counted.error()));
  auto progress = store_.get(tenant.name, work->id);
  if (!progress) return answer(*work, failure(progress.error()));
  if (!*progress) return answer(*work, unknown_import());
  work->progress = std::move(**progress);
  if (auto response = prepare(*work)) return answer(*work, std::move(*response));
  if (auto response = read_rows(tenant, *work)) return answer(*work, std::move(*response));
  mark_verified(work->batch.envelopes, work->scope);
  // Nothing to append (no whole row yet, or blank lines only): the offset may have moved all the
  // same.
  if (work->batch.envelopes.empty() && work->batch.dead_letters.empty() && work->batch.schema_changes.empty())
    return finish(work, {});
  ImportBatch batch = std::move(work->batch);
  publish_(tenant, std::move(batch), [this, work](const Status& published) { finish(work, published); });
}

// Looks at the headers and the size before a row is read. A PATCH at the wrong offset is refused
// with the right one, so that no byte is skipped or read twice.
std::optional<http::Response> Imports::prepare(Work& work) {
  v1::ImportProgress& progress = work.progress;
  const auto offset = to_number<uint64_t>(work.request.header("upload-offset"));
  if (!offset)
    return failure(400, "missing_offset", "the header Upload-Offset must say where in the content the body begins");
  work.offset = *offset;
  const std::string complete = lower_case(trim(work.request.header("upload-complete")));
  // Structured Fields write true as ?1 (RFC 9651, section 3.3.6), which is what resumable uploads
  // use; clients by hand write other words. Taken as absent, one that can't be read would leave the import open.
  const auto last = flag_of(complete.starts_with('?') ? std::string_view(complete).substr(1) : complete);
  if (!last && !complete.empty())
    return failure(400, "bad_field", "the header Upload-Complete must be ?1, if nothing follows, or ?0");
  work.last = last.value_or(false);
  if (const auto refusal = decode_body(work.request, kImportBodyBytesMax))
    return failure(refusal->status, refusal->code, refusal->message);
  // The last PATCH was done, but its answer was lost: the client asks again with the same offset
  // and nothing more.
  if (progress.complete() && work.offset == progress.offset() && work.request.body.empty())
    return progress_response(200, progress, {});
  if (progress.complete() || work.offset != progress.offset()) {
    const std::string_view message = progress.complete() ? "the import is complete" : "go on from `offset`";
    return progress_response(409, progress, {}, ImportError{"wrong_offset", message});
  }
  if (progress.size() != 0 && work.offset + work.request.body.size() > progress.size()) {
    return failure(422, "wrong_size",
                   "the content goes on past the announced size of " + std::to_string(progress.size()) + " bytes");
  }
  return std::nullopt;
}

// The first row. nullopt: it is in the progress now.
std::optional<http::Response> Imports::read_header(std::string_view& data, CsvCursor& cursor, Work& work) {
  v1::ImportProgress& progress = work.progress;
  CsvRow header;
  if (!next_csv_header(data, work.last, cursor, header)) {
    if (work.last) return failure(422, "bad_header", "the content has no header row");
    // Too few bytes for a header are no error while more may follow: nothing is taken, and the
    // offset stays.
    return progress_response(200, progress, {});
  }
  if (!header.code.empty())
    return failure(422, "bad_header", "line " + std::to_string(header.line) + ": " + std::string(header.message));
  for (const std::string_view name : header.fields) progress.add_header(std::string(name));
  return std::nullopt;
}

// The mapping is read again for every PATCH: the stored text is what the import was started with, whoever sends.
Result<CsvPlan> Imports::plan_of(const model::Tenant& tenant, const v1::ImportProgress& progress) {
  const auto text = store_.mapping(tenant.name, progress.id());
  if (!text) return fail(Code::kRetry, text.error().message);
  FRESHET_ASSIGN(const CsvMapping mapping, parse_csv_mapping(*text, "mapping"));
  const std::vector<std::string> header(progress.header().begin(), progress.header().end());
  return bind_csv_mapping(mapping, header, tenant);
}

// Reads the header first, if it is not known yet, then rows. It fills batch and progress.
std::optional<http::Response> Imports::read_rows(const model::Tenant& tenant, Work& work) {
  v1::ImportProgress& progress = work.progress;
  CsvCursor cursor{progress.offset(), progress.line(), progress.row(), progress.skipping()};
  std::string_view data = work.request.body;
  if (progress.header().empty())
    if (auto response = read_header(data, cursor, work)) return response;
  const auto plan = plan_of(tenant, progress);
  if (!plan && plan.error().code == Code::kRetry) return failure(plan.error());
  if (!plan) return failure(422, "bad_mapping", plan.error().message);

  const CsvSource source{from_hex(progress.content_hash()), "import:" + progress.id()};
  const int64_t now_us = clock_.now_us();
  const auto session = schema_.begin(tenant, now_us);
  const AdapterContext context{
      .tenant = tenant, .schema = *session, .received_at_us = now_us, .endpoint = "/v1/imports", .random_id = {}};
  CsvBatch batch;
  const size_t body_bytes = data.size();
  const uint64_t begin = cursor.offset;
  read_csv_rows(*plan, source, data, work.last, kImportRowsMax, cursor, context, work.arena, batch);
  FRESHET_ASSERT(cursor.offset - begin == body_bytes - data.size());  // no byte is skipped and none is read twice
  FRESHET_ASSERT(batch.lines.size() == batch.parsed.item_count);
  check_every_item_has_one_end(batch.parsed);
  const bool done = work.last && data.empty();
  if (done && progress.size() != 0 && cursor.offset != progress.size()) {
    schema_.forget(session->take_discoveries());
    return failure(422, "wrong_size",
                   "the content ends at " + std::to_string(cursor.offset) + " bytes, " +
                       std::to_string(progress.size()) + " were announced");
  }
  work.batch.schema_changes = session->take_discoveries();
  take_in(std::move(batch), now_us, work);
  progress.set_offset(cursor.offset);
  progress.set_line(cursor.line);
  progress.set_row(cursor.row);
  progress.set_skipping(cursor.skipping);
  progress.set_complete(done);
  progress.set_updated_at_us(now_us);
  return std::nullopt;
}

// What was read of rows becomes what is appended, counted and shown of them.
void Imports::take_in(CsvBatch rows, int64_t now_us, Work& work) {
  v1::ImportProgress& progress = work.progress;
  work.accepted_count = rows.parsed.envelopes.size();
  work.rejected_count = rows.parsed.rejected.size();
  for (Rejection& rejection : rows.parsed.rejected) {
    const uint64_t line = rows.lines[rejection.index];
    v1::RejectedRow row;
    row.set_line(line);
    row.set_code(rejection.code);
    row.set_message(rejection.message);
    remember(row, work.rejected);
    remember(row, *progress.mutable_recent());
    work.batch.dead_letters.push_back(import_dead_letter(progress, std::move(rejection), line, now_us));
  }
  work.batch.envelopes = std::move(rows.parsed.envelopes);
  work.batch.plan_misses = std::move(rows.parsed.plan_misses);
  progress.set_accepted(progress.accepted() + work.accepted_count);
  progress.set_rejected(progress.rejected() + work.rejected_count);
}

// The rows are durable: only now the progress may say so. Stored before, a crash between would lose
// them for good.
void Imports::finish(std::shared_ptr<Work> work, const Status& published) {
  if (!published) return answer(*work, failure(Error{Code::kRetry, published.error().message}));
  // It is synced only at the end: what a crash loses of it is sent again and dropped by the ledger.
  const v1::ImportProgress& progress = work->progress;
  store_.put_then(progress, progress.complete(), [this, work](const Status& stored) {
    if (!stored) return answer(*work, failure(Error{Code::kRetry, stored.error().message}));
    const v1::ImportProgress& now = work->progress;
    if (now.complete()) forget_one(now.tenant(), true, false);
    rows_counter(now.tenant(), "accepted").add(work->accepted_count);
    rows_counter(now.tenant(), "rejected").add(work->rejected_count);
    answer(*work, progress_response(200, now, work->rejected));
  });
}

// The one way out of a PATCH: it frees the import for the next one, then answers.
void Imports::answer(Work& work, http::Response response) {
  work.hold.release();
  FRESHET_ASSERT(work.respond != nullptr);  // answered once
  std::exchange(work.respond, nullptr)(std::move(response));
}

// A tenant's imports are counted before this process changes the first of them; from then on by what it does.
Status Imports::count(const std::string& tenant, const std::function<Status(ImportCounts&)>& change) {
  const std::lock_guard lock(mutex_);
  auto found = counts_.find(tenant);
  if (found == counts_.end()) {
    FRESHET_ASSIGN(const ImportCounts counts, store_.count(tenant));
    found = counts_.emplace(tenant, counts).first;
  }
  return change ? change(found->second) : Status{};
}

// A store that fails may leave it open whether it took a change, so the counts may be off by that one until a restart.
void Imports::forget_one(const std::string& tenant, bool open, bool all) {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(tenant);
  if (found == counts_.end()) return;  // other nodes have changed something meanwhile: it will be counted anew
  ImportCounts& counts = found->second;
  if (open) counts.open -= std::min<size_t>(counts.open, 1);
  if (all) counts.all -= std::min<size_t>(counts.all, 1);
}

}  // namespace freshet::ingest
