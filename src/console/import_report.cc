// The rejected rows of an import as a file: header and rows as they were sent, in the order of the file, so that they
// can be corrected and imported again. The good rows are not in it, so nothing counts twice. They are dead letters: of
// an erased person there is none, and those that are too many or too old are not there, either.

#include <simdjson.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "console/call.h"
#include "console/letter_keeper.h"
#include "console/letter_routes.h"
#include "console/people.h"

namespace freshet::console {
namespace {

constexpr size_t kImportsListedDefault = 50;
constexpr size_t kImportsListedMax = 1000;
constexpr size_t kReportBytesMax = 64u << 20;
constexpr std::string_view kTooLargeRow = "row_too_large";  // of csv_reader: only its begin was kept

// One row is gathered after another, page by page, so that other requests about letters get their turn.
struct RowReport {
  Admin::Call call;
  std::shared_ptr<LetterKeeper> letters;
  std::string endpoint;                       // of the letters that are wanted
  std::string after = {};                     // where the next page goes on
  std::string header = {};                    // JSON
  std::map<uint64_t, std::string> rows = {};  // by line
  size_t bytes = 0;
  size_t left_out = 0;  // rows of which only the begin was kept
};

void append_csv_cell(std::string& out, std::string_view cell) {
  if (cell.find_first_of(",\"\r\n") == std::string_view::npos) return void(out.append(cell));
  out += '"';
  for (const char c : cell) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

// The header row of {"columns":["id","city"]}; "" if that is not what it says.
std::string header_row(const std::string& context) {
  simdjson::dom::parser parser;
  simdjson::dom::array columns;
  std::string out;
  if (parser.parse(context)["columns"].get_array().get(columns) != simdjson::SUCCESS) return out;
  for (const auto column : columns) {
    std::string_view name;
    if (column.get_string().get(name) != simdjson::SUCCESS) return {};
    if (!out.empty()) out += ',';
    append_csv_cell(out, name);
  }
  return out.empty() ? out : out + "\n";
}

void take_row(v1::DeadLetter& letter, RowReport& report) {
  if (letter.body_type() != v1::DeadLetter::CSV_ROW || letter.endpoint() != report.endpoint) return;
  if (report.header.empty()) report.header = header_row(letter.context());
  if (letter.cut_bytes() != 0 || letter.code() == kTooLargeRow) {
    ++report.left_out;
    return;
  }
  report.bytes += letter.body().size();
  report.rows[letter.line()] = std::move(*letter.mutable_body());
}

void answer_report(const RowReport& report) {
  const Admin::Call& call = report.call;
  if (report.rows.empty() && report.left_out == 0)
    return call.fail(404, "not_found",
                     "no rejected row of this import is kept: it has none, or they are too old, or too many, by now");
  if (report.header.empty())
    return call.fail(409, "conflict",
                     "the header of this file is too long to be kept with its rows; they are among "
                     "the dead letters");
  http::Response response;
  response.content_type = "text/csv; charset=utf-8";
  response.headers = {{"Content-Disposition", "attachment; filename=\"rejected.csv\""},
                      {"Rows", std::to_string(report.rows.size())},
                      {"Rows-Left-Out", std::to_string(report.left_out)}};
  response.body = report.header;
  for (const auto& [line, row] : report.rows) response.body.append(row).append("\n");
  call.respond(std::move(response));
}

void gather_rows(const std::shared_ptr<RowReport>& report) {
  const Status posted = report->letters->post([report](LetterKeeper::Kept kept) {
    auto page = kept.letters.page({report->call.tenant->name, {}}, report->after, {.limit = 5000});
    if (!page) return report->call.fail(page.error());
    for (v1::DeadLetter& letter : page->letters) take_row(letter, *report);
    if (!page->next || report->bytes > kReportBytesMax) return answer_report(*report);
    report->after = std::move(*page->next);
    gather_rows(report);
  });
  if (!posted && posted.error().code == Code::kRetry) report->call.fail(posted.error());
}

}  // namespace

void show_rejected_rows(Admin& admin, Admin::Call& call) {
  FRESHET_ASSERT(admin.options().letters != nullptr && call.tenant != nullptr);
  if (!is_hash_hex(call.arguments[1]))
    return call.fail(400, "bad_request", "the id of an import has 32 hexadecimal digits");
  gather_rows(std::make_shared<RowReport>(
      RowReport{.call = call, .letters = admin.options().letters, .endpoint = "/v1/imports/" + call.arguments[1]}));
}

// Imports are ingest's, and known to processes that play that role. On Kafka each of them knows all.
void list_imports(Admin& admin, Admin::Call& call) {
  const auto limit = call.limit(kImportsListedDefault, kImportsListedMax);
  if (!limit) return;
  const std::string after(call.parameter("after"));
  if (!after.empty() && !is_hash_hex(after))
    return call.fail(400, "bad_request", "after must be `next` of the page before");
  if (!admin.options().imports_json)
    return call.fail(409, "conflict", "imports are known to processes that ingest; this one does not");
  FRESHET_ASSERT(admin.options().people != nullptr);
  admin.options().people->answer(
      call, [imports = admin.options().imports_json, after, limit = *limit](const Admin::Call& asked) {
        auto listed = imports(asked.tenant->name, after, limit);
        listed ? asked.ok(std::move(*listed)) : asked.fail(listed.error());
      });
}

}  // namespace freshet::console
