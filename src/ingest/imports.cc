#include "ingest/imports.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>

#include "http/text.h"
#include "ingest/import_json.h"
#include "model/time.h"
#include "telemetry/metrics.h"

namespace freshet::ingest {
namespace {

constexpr std::string_view kPath = "/v1/imports";
constexpr size_t kListMax = 1000;
constexpr size_t kNameBytesMax = 300;

// What a POST asks for.
struct Start {
  std::string mapping;
  std::string content_hash;
  std::string name;
  std::string compression = "none";
  std::string tenant;  // as the client believes; may be empty
  uint64_t size = 0;
};

bool parse_uint(std::string_view text, uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

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
    if (!parse_uint(value, start.size)) return fail(Code::kInvalid, "size: must be a number of bytes");
  } else {
    return fail(Code::kInvalid,
                "unknown field; known are mapping, content_hash, content_sha256, size, name, tenant and compression");
  }
  return {};
}

Status read_json(std::string_view body, Start& start) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
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
  start.content_hash = to_hex(hash);
  if (start.name.size() > kNameBytesMax) start.name.resize(kNameBytesMax);
  if (!simdjson::validate_utf8(start.name)) start.name.clear();
  return {};
}

Result<Start> read_start(const http::Request& request) {
  Start start;
  auto query = http::parse_query(request.query);
  if (!query) return tl::unexpected<Error>(std::move(query).error());
  for (auto& [key, value] : *query) {
    if (key != "writeKey" && key != "write_key") FRESHET_TRY(set_field(start, key, std::move(value)));
  }
  const std::string_view type = request.header("content-type");
  if (type.find("yaml") != std::string_view::npos) {
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

void remember(const v1::RejectedRow& row, google::protobuf::RepeatedPtrField<v1::RejectedRow>& rows) {
  if (rows.size() >= kImportRejectedShownMax) rows.DeleteSubrange(0, rows.size() - kImportRejectedShownMax + 1);
  *rows.Add() = row;
}

}  // namespace

// One PATCH.
struct Imports::Work {
  std::string busy_key;
  http::Request request;
  http::Respond respond;
  uint64_t offset = 0;
  bool last = false;
  v1::ImportProgress progress;  // as it will be
  google::protobuf::RepeatedPtrField<v1::RejectedRow> rejected;
  size_t accepted_count = 0;
  size_t rejected_count = 0;
  google::protobuf::Arena arena;
  ImportBatch batch;
};

Imports::Imports(ImportStore& store, schema::Registry& schema, env::Clock& clock, PublishImport publish)
    : store_(store), schema_(schema), clock_(clock), publish_(std::move(publish)) {}

void Imports::handle(const model::Tenant& tenant, http::Request request, http::Respond respond) {
  std::string_view path = request.path;
  if (!path.starts_with(kPath)) return respond(failure(404, "not_found", "no such path"));
  path.remove_prefix(kPath.size());
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) {
    if (request.method == "POST") return start(tenant, request, respond);
    if (request.method == "GET") return list(tenant, respond);
    return respond(failure(405, "method", "use POST to start an import, GET to list them"));
  }
  const std::string id(path.substr(1));
  if (path.front() != '/' || from_hex(id).size() != 16) return respond(unknown_import());
  if (request.method == "GET") return show(tenant, id, respond);
  if (request.method == "PATCH") return take(tenant, id, std::move(request), std::move(respond));
  respond(failure(405, "method", "use PATCH to send content, GET to see the progress"));
}

void Imports::start(const model::Tenant& tenant, const http::Request& request, const http::Respond& respond) {
  auto wanted = read_start(request);
  if (!wanted) return respond(failure(wanted.error()));
  if (!wanted->tenant.empty() && wanted->tenant != tenant.name) {
    return respond(failure(403, "other_tenant",
                           "the write key is not one of the tenant " + wanted->tenant.substr(0, kNameBytesMax)));
  }
  const auto mapping = parse_csv_mapping(wanted->mapping, "mapping");
  if (!mapping) return respond(failure(422, "bad_mapping", mapping.error().message));
  std::string seed = tenant.name;
  seed.append(1, '\0').append(wanted->content_hash).append(1, '\0').append(mapping->hash().view());
  const std::string id = hash128(seed).hex();

  auto known = store_.get(tenant.name, id);
  if (!known) return respond(failure(known.error()));
  if (*known) return respond(progress_response(200, **known, (*known)->recent()));
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
  if (const Status stored = store_.put(progress, true); !stored) return respond(failure(stored.error()));
  respond(progress_response(201, progress, progress.recent()));
}

void Imports::list(const model::Tenant& tenant, const http::Respond& respond) {
  const auto all = store_.list(tenant.name, kListMax);
  if (!all) return respond(failure(all.error()));
  http::Response response;
  response.body = import_list_json(*all);
  respond(std::move(response));
}

void Imports::show(const model::Tenant& tenant, const std::string& id, const http::Respond& respond) {
  const auto progress = store_.get(tenant.name, id);
  if (!progress) return respond(failure(progress.error()));
  respond(*progress ? progress_response(200, **progress, (*progress)->recent()) : unknown_import());
}

void Imports::take(const model::Tenant& tenant, const std::string& id, http::Request request, http::Respond respond) {
  auto work = std::make_shared<Work>();
  work->request = std::move(request);
  work->respond = std::move(respond);
  const std::string key = tenant.name + '\0' + id;
  {
    const std::lock_guard lock(mutex_);
    if (busy_.insert(key).second) work->busy_key = key;
  }
  if (work->busy_key.empty()) {
    http::Response response =
        failure(409, "busy", "another request of this import is under way; ask for its offset later");
    response.headers.emplace_back("Retry-After", "1");
    return answer(*work, std::move(response));
  }
  auto progress = store_.get(tenant.name, id);
  if (!progress) return answer(*work, failure(progress.error()));
  if (!*progress) return answer(*work, unknown_import());
  work->progress = std::move(**progress);
  if (auto response = prepare(tenant, *work)) return answer(*work, std::move(*response));
  if (auto response = read_rows(tenant, *work)) return answer(*work, std::move(*response));
  if (work->batch.envelopes.empty() && work->batch.dead_letters.empty() && work->batch.schema_changes.empty())
    return finish(*work, {});
  ImportBatch batch = std::move(work->batch);
  publish_(tenant, std::move(batch), [this, work](const Status& published) { finish(*work, published); });
}

std::optional<http::Response> Imports::prepare(const model::Tenant&, Work& work) {
  v1::ImportProgress& progress = work.progress;
  if (!parse_uint(work.request.header("upload-offset"), work.offset)) {
    return failure(400, "missing_offset", "the header Upload-Offset must say where in the content the body begins");
  }
  const std::string_view complete = work.request.header("upload-complete");
  work.last = complete == "?1" || complete == "1" || complete == "true";
  const std::string_view encoding = work.request.header("content-encoding");
  if (!encoding.empty() && encoding != "identity" && encoding != "gzip") {
    return failure(415, "unsupported_encoding", "Content-Encoding must be gzip or absent");
  }
  if (encoding == "gzip") {
    auto plain = http::gunzip(work.request.body, kImportBodyBytesMax);
    if (!plain) return failure(plain.error());
    work.request.body = std::move(*plain);
  }
  if (work.request.body.size() > kImportBodyBytesMax) return failure(413, "too_large", "at most 8 MiB a request");
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

// Header first, if it is not known yet; then rows. Fills batch and progress.
std::optional<http::Response> Imports::read_rows(const model::Tenant& tenant, Work& work) {
  v1::ImportProgress& progress = work.progress;
  CsvCursor cursor{progress.offset(), progress.line(), progress.row(), progress.skipping()};
  std::string_view data = work.request.body;
  if (progress.header().empty()) {
    CsvRow header;
    if (!next_csv_row(data, work.last, cursor, header)) {
      if (work.last) return failure(422, "bad_header", "the content has no header row");
      return progress_response(200, progress, {});
    }
    if (!header.code.empty())
      return failure(422, "bad_header", "line " + std::to_string(header.line) + ": " + std::string(header.message));
    for (const std::string_view name : header.fields) progress.add_header(std::string(name));
  }
  const auto mapping = parse_csv_mapping(progress.mapping(), "mapping");
  if (!mapping) return failure(422, "bad_mapping", mapping.error().message);
  const std::vector<std::string> header(progress.header().begin(), progress.header().end());
  const auto plan = bind_csv_mapping(*mapping, header, tenant);
  if (!plan) return failure(422, "bad_mapping", plan.error().message);

  const CsvSource source{from_hex(progress.content_hash()), "import:" + progress.id()};
  const int64_t now_us = clock_.now_us();
  const auto session = schema_.begin(tenant, now_us);
  const AdapterContext context{
      .tenant = tenant, .schema = *session, .received_at_us = now_us, .endpoint = kPath, .random_id = {}};
  CsvBatch batch;
  read_csv_rows(*plan, source, data, work.last, kImportRowsMax, cursor, context, work.arena, batch);
  const bool done = work.last && data.empty();
  if (done && progress.size() != 0 && cursor.offset != progress.size()) {
    schema_.forget(session->take_discoveries());
    return failure(422, "wrong_size",
                   "the content ends at " + std::to_string(cursor.offset) + " bytes, " +
                       std::to_string(progress.size()) + " were announced");
  }
  for (Rejection& rejection : batch.parsed.rejected) {
    const uint64_t line = batch.lines[rejection.index];
    v1::RejectedRow row;
    row.set_line(line);
    row.set_code(rejection.code);
    row.set_message(rejection.message);
    remember(row, work.rejected);
    remember(row, *progress.mutable_recent());
    work.batch.dead_letters.push_back(import_dead_letter(progress, std::move(rejection), line, now_us));
  }
  work.accepted_count = batch.parsed.envelopes.size();
  work.rejected_count = batch.parsed.rejected.size();
  work.batch.envelopes = std::move(batch.parsed.envelopes);
  work.batch.schema_changes = session->take_discoveries();
  progress.set_offset(cursor.offset);
  progress.set_line(cursor.line);
  progress.set_row(cursor.row);
  progress.set_skipping(cursor.skipping);
  progress.set_accepted(progress.accepted() + work.accepted_count);
  progress.set_rejected(progress.rejected() + work.rejected_count);
  progress.set_complete(done);
  progress.set_updated_at_us(now_us);
  return std::nullopt;
}

void Imports::finish(Work& work, const Status& published) {
  if (!published) return answer(work, failure(Error{Code::kRetry, published.error().message}));
  // Not synced but at the end: what a crash loses of it is sent again and dropped by the ledger.
  const Status stored = store_.put(work.progress, work.progress.complete());
  if (!stored) return answer(work, failure(Error{Code::kRetry, stored.error().message}));
  rows_counter(work.progress.tenant(), "accepted").add(work.accepted_count);
  rows_counter(work.progress.tenant(), "rejected").add(work.rejected_count);
  answer(work, progress_response(200, work.progress, work.rejected));
}

void Imports::answer(Work& work, http::Response response) {
  if (!work.busy_key.empty()) {
    const std::lock_guard lock(mutex_);
    busy_.erase(work.busy_key);
  }
  work.respond(std::move(response));
}

}  // namespace freshet::ingest
