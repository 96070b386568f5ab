// `freshet tail`: reads a stream of a running Freshet page by page. The cursor is kept only after the page is written,
// so whoever goes on from it misses nothing.

#include "app/tail_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "app/admin_client.h"
#include "app/small_file.h"
#include "base/text.h"
#include "env/clock.h"

namespace freshet::app {
namespace {

constexpr env::TimeUs kAgainUs = 1'000'000;

struct TailOptions {
  AdminTarget target;
  bool changes = false;
  bool follow = false;
  std::string after;
  std::string cursor_file;
};

std::string header_of(const http::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (CLI::detail::to_lower(key) == name) return value;
  return "";
}

// Where to begin: what was said, or what the file has kept.
Result<std::string> first_cursor(const TailOptions& options) {
  if (!options.after.empty()) return options.after;
  if (!options.cursor_file.empty()) {
    FRESHET_ASSIGN(const auto kept, read_small_file(options.cursor_file));
    if (kept) return kept->text.substr(0, kept->text.find('\n'));
  }
  return std::string(options.follow ? "end" : "begin");
}

// A page on standard output, then its cursor in the file.
Status keep(const TailOptions& options, const http::Response& page, const std::string& cursor) {
  const bool written = std::fwrite(page.body.data(), 1, page.body.size(), stdout) == page.body.size();
  if (!written || std::fflush(stdout) != 0) return fail(Code::kFatal, "standard output can't be written");
  if (options.cursor_file.empty()) return {};
  return write_small_file(options.cursor_file, cursor + "\n");
}

int tail(const TailOptions& options) {
  AdminClient client(options.target);
  const auto first = first_cursor(options);
  if (!first) return report(first.error());
  std::string cursor = *first;
  while (true) {
    const std::string rest = fmt::format("{}?after={}&wait={}", options.changes ? "changes" : "events",
                                         percent_encode(cursor), options.follow ? 20 : 0);
    const auto page = client.ask("GET", rest);
    if (!page && options.follow && page.error().code == Code::kRetry) {
      fmt::print(stderr, "{}; trying again\n", page.error().message);
      env::real_clock().sleep_us(kAgainUs);
      continue;
    }
    if (!page) return report(page.error());
    cursor = header_of(*page, "freshet-cursor");
    if (cursor.empty()) return report({Code::kFatal, "the answer has no cursor: is that an older Freshet?"});
    if (const Status kept = keep(options, *page, cursor); !kept) return report(kept.error());
    if (!options.follow && header_of(*page, "freshet-at-end") == "true") return 0;
  }
}

}  // namespace

void add_tail_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<TailOptions>();
  CLI::App* command = app.add_subcommand("tail", "Print a tenant's events, or the changes of its profiles");
  command->footer(
      "Example:\n  freshet tail --tenant demo --follow\n  freshet tail --tenant demo --changes --cursor done.txt\n"
      "What nobody reads is not written: the server wants events: {keep: 7d} (or a sink) in its freshet.yaml, and for\n"
      "--changes profiles: {changes: written}.\n"
      "Exit status: 0 all was printed, 1 the server failed, 2 it writes none, or wrong usage.");
  add_admin_options(*command, options->target);
  command->add_flag("--changes", options->changes, "Changes of profiles in place of events");
  command->add_flag("-f,--follow", options->follow, "Go on with what comes, from now on if nothing else is said");
  CLI::Option* after = command->add_option("--after", options->after, "A cursor, begin or end");
  command->add_option("--cursor", options->cursor_file, "A file to go on from, and to keep the cursor in")
      ->excludes(after);
  command->callback([options, &exit_code] { exit_code = tail(*options); });
}

}  // namespace freshet::app
