// The bodies of import answers and the dead letters of their rows.

#include "ingest/sources/csv/import_json.h"

#include "base/assert.h"
#include "base/big_endian.h"
#include "base/hash.h"
#include "base/json_writer.h"
#include "ingest/sources/csv/csv.h"
#include "model/time.h"

namespace freshet::ingest {
namespace {

// The members of an import but for its rows.
void write_progress(JsonWriter& json, const v1::ImportProgress& progress) {
  json.member("id", progress.id())
      .member("name", progress.name())
      .member("state", progress.complete() ? "complete" : "active")
      .member("offset", progress.offset())
      .member("line", progress.line())
      .member("size", progress.size())
      .member("accepted", progress.accepted())
      .member("rejected", progress.rejected())
      .member("content_hash", progress.content_hash())
      .member("created_at", model::format_time(progress.created_at_us()))
      .member("updated_at", model::format_time(progress.updated_at_us()));
}

void write_error(JsonWriter& json, const ImportError& error) {
  json.key("error").begin_object().member("code", error.code).member("message", error.message).end_object();
}

}  // namespace

std::string import_json(const v1::ImportProgress& progress,
                        const google::protobuf::RepeatedPtrField<v1::RejectedRow>& rows,
                        const std::optional<ImportError>& error) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  write_progress(json, progress);
  json.key("rejected_rows").begin_array();
  for (const v1::RejectedRow& row : rows) {
    json.begin_object().member("line", row.line()).member("code", row.code()).member("message", row.message());
    json.end_object();
  }
  json.end_array();
  if (error) write_error(json, *error);
  json.end_object();
  return out;
}

std::string import_list_json(const std::vector<v1::ImportProgress>& all, bool goes_on) {
  FRESHET_ASSERT(!goes_on || !all.empty());
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("imports").begin_array();
  for (const v1::ImportProgress& progress : all) {
    json.begin_object();
    write_progress(json, progress);
    json.end_object();
  }
  json.end_array().key("next");
  if (goes_on) {
    json.value(all.back().id());
  } else {
    json.null();
  }
  json.end_object();
  return out;
}

std::string import_error_json(const ImportError& error, std::string_view id) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  if (!id.empty()) json.member("id", id);
  write_error(json, error);
  json.end_object();
  return out;
}

// The id begins with the start of the import, so letters sort by import, and ends with the row's
// message id, so a row that is sent again after a crash names the letter that is there already.
namespace {

// A header that is longer is not kept with each of its rejected rows.
constexpr size_t kHeaderKeptBytesMax = 4096;

std::string columns_json(const v1::ImportProgress& progress) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("columns").array(progress.header()).end_object();
  return out.size() <= kHeaderKeptBytesMax ? out : std::string();
}

}  // namespace

v1::DeadLetter import_dead_letter(const v1::ImportProgress& progress, Rejection rejection, uint64_t line,
                                  int64_t received_at_us) {
  std::string time;
  append_big_endian(time, static_cast<uint64_t>(progress.created_at_us()));
  v1::DeadLetter letter;
  letter.set_id(to_hex(time) + "-" + rejection.message_id);
  letter.set_tenant(progress.tenant());
  letter.set_source(std::string(kCsvSource));
  letter.set_code(std::move(rejection.code));
  letter.set_reason(std::move(rejection.message));
  letter.set_body(std::move(rejection.item));
  letter.set_body_type(v1::DeadLetter::CSV_ROW);
  letter.set_endpoint("/v1/imports/" + progress.id());
  letter.set_received_at_us(received_at_us);
  letter.set_line(line);
  letter.set_context(columns_json(progress));
  letter.set_message_id(std::move(rejection.message_id));
  return letter;
}

}  // namespace freshet::ingest
