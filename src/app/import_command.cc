// `freshet import`: the terminal's side of an import. importer.h knows the protocol.

#include "app/import_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "app/admin_client.h"
#include "app/importer.h"
#include "app/json_output.h"
#include "app/progress_bar.h"
#include "env/file.h"
#include "ingest/sources/csv/csv_mapping.h"
#include "ingest/sources/csv/csv_reader.h"

namespace freshet::app {
namespace {

// A file of which every row is wrong should not fill the terminal.
constexpr uint64_t kRowsPrintedMax = 100;
constexpr size_t kSampleRows = 20;

struct ImportOptions {
  std::string file, tenant, mapping, key;
  std::string url = "http://127.0.0.1:8080";
  std::string ca;
  uint32_t timeout_s = 300;
  bool json = false;
};

Result<std::string> read_mapping(const std::string& path) {
  auto text = env::read_file(path);
  if (!text || text->empty()) return fail(Code::kInvalid, path + ": can't be read, or is empty");
  return *std::move(text);
}

// Guesses a mapping from the file's first rows, for the error that asks for one.
Result<std::string> propose(const std::string& path) {
  FRESHET_ASSIGN(auto content, Content::open(path));
  std::string start(ingest::kCsvRowBytesMax, '\0');
  FRESHET_ASSIGN(const auto count, content->read(start));
  std::string_view data = std::string_view(start).substr(0, count);
  ingest::CsvCursor cursor;
  ingest::CsvRow row;
  const bool last = count < start.size();
  if (!next_csv_header(data, last, cursor, row) || !row.code.empty()) {
    return fail(Code::kInvalid, path + ": the first row must be a header: " +
                                    (row.code.empty() ? "there is none" : std::string(row.message)));
  }
  const std::vector<std::string> header(row.fields.begin(), row.fields.end());
  if (const Status status = ingest::check_csv_header(header); !status)
    return fail(Code::kInvalid, path + ": " + status.error().message);
  std::vector<std::vector<std::string>> rows;
  while (rows.size() < kSampleRows && next_csv_row(data, last, cursor, row)) {
    if (row.code.empty()) rows.emplace_back(row.fields.begin(), row.fields.end());
  }
  return ingest::propose_csv_mapping(header, rows);
}

// Takes --mapping, else FILE.mapping.yaml, else fails with a proposal.
Result<std::string> find_mapping(const ImportOptions& options) {
  const std::string beside = options.file + ".mapping.yaml";
  const std::string path = !options.mapping.empty() ? options.mapping : beside;
  if (options.mapping.empty() && !std::ifstream(beside)) {
    const auto proposal = propose(options.file);
    if (!proposal) return proposal;
    return fail(Code::kInvalid, "no mapping says what the columns are. Save this as " + beside +
                                    ", correct it, and run the command again:\n\n" + *proposal);
  }
  auto text = read_mapping(path);
  if (!text) return text;
  // A wrong mapping is told before anything is sent.
  if (const auto mapping = ingest::parse_csv_mapping(*text, path); !mapping)
    return tl::unexpected<Error>(mapping.error());
  return text;
}

Result<std::string> find_key(const ImportOptions& options) {
  if (!options.key.empty()) return options.key;
  const char* key = std::getenv("FRESHET_WRITE_KEY");  // NOLINT: before any thread
  if (key != nullptr && *key != '\0') return std::string(key);
  return fail(
      Code::kInvalid,
      "no key: give one of the tenant's server keys (if it has none, a write key) with --key or in FRESHET_WRITE_KEY");
}

void print_outcome(const ImportOptions& options, const ImportOutcome& outcome, uint64_t printed) {
  if (outcome.rejected > printed) {
    fmt::print(stderr, "{}: {} more rejected rows are not shown; all are in the dead letters\n", options.file,
               outcome.rejected - printed);
  }
  if (options.json) {
    print_json([&](JsonWriter& json) {
      json.begin_object().member("id", outcome.id).member("file", options.file).member("tenant", options.tenant);
      json.member("accepted", outcome.accepted).member("rejected", outcome.rejected).member("bytes", outcome.bytes);
      json.member("resumed_at", outcome.resumed_at).member("was_complete", outcome.was_complete).end_object();
    });
    return;
  }
  fmt::print("{}: {} row{} accepted, {} rejected{}\n", options.file, outcome.accepted, outcome.accepted == 1 ? "" : "s",
             outcome.rejected, outcome.was_complete ? " (by an earlier import: nothing was left to do)" : "");
}

int failed(const Error& error) {
  fmt::print(stderr, "{}\n", error.message);
  return error.code == Code::kInvalid ? 2 : 1;
}

int import_file(const ImportOptions& options) {
  ImportJob job{.file = options.file,
                .tenant = options.tenant,
                .mapping = {},
                .key = {},
                .timeout_us = int64_t{options.timeout_s} * 1'000'000};
  // Whether the file can be opened at all comes first: the other mistakes matter less.
  if (const auto content = Content::open(options.file); !content) return failed(content.error());
  auto mapping = find_mapping(options);
  if (!mapping) return failed(mapping.error());
  job.mapping = std::move(*mapping);
  auto key = find_key(options);
  if (!key) return failed(key.error());
  job.key = std::move(*key);

  env::Clock& clock = env::real_clock();
  ProgressBar bar(clock, is_terminal());
  uint64_t printed = 0;
  ImportHooks hooks;
  hooks.open = [&] { return Content::open(options.file); };
  hooks.connect = [&] { return http::Client::connect(options.url, {.timeout_s = 30, .ca_file = options.ca}); };
  hooks.progress = [&](std::string_view what, uint64_t done, uint64_t total) { bar.show(what, done, total); };
  hooks.say = [&](const std::string& text) {
    bar.clear();
    fmt::print(stderr, "{}: {}\n", options.file, text);
  };
  hooks.rejected = [&](uint64_t line, const std::string& reason) {
    if (printed == kRowsPrintedMax) return;
    ++printed;
    bar.clear();
    fmt::print(stderr, "{}:{}: {}\n", options.file, line, reason);
  };
  const auto outcome = run_import(job, hooks, clock);
  bar.clear();
  if (!outcome) return failed(outcome.error());
  print_outcome(options, *outcome, printed);
  return 0;
}

}  // namespace

void add_import_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App* command =
      app.add_subcommand("import", "Import a CSV file (plain, gzip or zstd); a repeated import changes nothing");
  command->footer(
      "Example:\n  FRESHET_WRITE_KEY=demo-server-key freshet import orders.csv --tenant demo --mapping orders.yaml\n"
      "Without --mapping, FILE.mapping.yaml is used; without that, a mapping is proposed.\n"
      "Exit status: 0 every row was handled (rejected rows are printed and counted), 1 failed, 2 wrong usage or "
      "mapping.");
  command->add_option("FILE", options->file, "The CSV file")->required();
  command->add_option("--tenant", options->tenant, "Whose customers these are")->required();
  command->add_option("--mapping", options->mapping, "YAML file that says what each column is (docs/sources/csv.md)");
  command->add_option("--url", options->url, "The ingest listener")->capture_default_str();
  add_ca_option(*command, options->ca);
  command->add_option("--key", options->key,
                      "A server key, or a write key if the tenant has none of those (better: the environment variable "
                      "FRESHET_WRITE_KEY)");
  command->add_option("--timeout", options->timeout_s, "Seconds without progress before giving up")
      ->capture_default_str();
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &exit_code] { exit_code = import_file(*options); });
}

}  // namespace freshet::app
