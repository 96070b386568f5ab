// The bodies of import answers and the dead letters of their rows.

#include "ingest/import_json.h"

#include "base/hash.h"
#include "model/json.h"
#include "model/time.h"

namespace freshet::ingest {
namespace {

void append_text(std::string& out, std::string_view key, std::string_view value) {
  model::append_json_string(out, key);
  out += ':';
  model::append_json_string(out, value);
  out += ',';
}

void append_count(std::string& out, std::string_view key, uint64_t value) {
  model::append_json_string(out, key);
  out += ':';
  out += std::to_string(value);
  out += ',';
}

void append_progress(std::string& out, const v1::ImportProgress& progress) {
  append_text(out, "id", progress.id());
  append_text(out, "name", progress.name());
  append_text(out, "state", progress.complete() ? "complete" : "active");
  append_count(out, "offset", progress.offset());
  append_count(out, "line", progress.line());
  append_count(out, "size", progress.size());
  append_count(out, "accepted", progress.accepted());
  append_count(out, "rejected", progress.rejected());
  append_text(out, "content_hash", progress.content_hash());
  append_text(out, "created_at", model::format_time(progress.created_at_us()));
  append_text(out, "updated_at", model::format_time(progress.updated_at_us()));
}

}  // namespace

std::string import_json(const v1::ImportProgress& progress,
                        const google::protobuf::RepeatedPtrField<v1::RejectedRow>& rows) {
  std::string out = "{";
  append_progress(out, progress);
  out += "\"rejected_rows\":[";
  for (const v1::RejectedRow& row : rows) {
    out += '{';
    append_count(out, "line", row.line());
    append_text(out, "code", row.code());
    append_text(out, "message", row.message());
    out.back() = '}';
    out += ',';
  }
  if (out.back() == ',') out.pop_back();
  return out + "]}";
}

std::string import_list_json(const std::vector<v1::ImportProgress>& all) {
  std::string out = "{\"imports\":[";
  for (const v1::ImportProgress& progress : all) {
    out += '{';
    append_progress(out, progress);
    out.back() = '}';
    out += ',';
  }
  if (out.back() == ',') out.pop_back();
  return out + "]}";
}

std::string import_error_json(std::string_view code, std::string_view message) {
  std::string out = "{\"error\":{";
  append_text(out, "code", code);
  append_text(out, "message", message);
  out.back() = '}';
  return out + '}';
}

// The id begins with the start of the import, so letters sort by import, and ends with the row's
// message id, so a row that is sent again after a crash names the letter that is there already.
v1::DeadLetter import_dead_letter(const v1::ImportProgress& progress, Rejection rejection, uint64_t line,
                                  int64_t received_at_us) {
  std::string time;
  for (int shift = 56; shift >= 0; shift -= 8) time += static_cast<char>(progress.created_at_us() >> shift & 0xff);
  v1::DeadLetter letter;
  letter.set_id(to_hex(time) + "-" + rejection.message_id);
  letter.set_tenant(progress.tenant());
  letter.set_source("csv");
  letter.set_code(std::move(rejection.code));
  letter.set_reason(std::move(rejection.message));
  letter.set_body(std::move(rejection.item));
  letter.set_body_type(v1::DeadLetter::CSV_ROW);
  letter.set_endpoint("/v1/imports/" + progress.id());
  letter.set_received_at_us(received_at_us);
  letter.set_line(line);
  letter.set_message_id(std::move(rejection.message_id));
  return letter;
}

}  // namespace freshet::ingest
