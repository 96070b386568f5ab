// `freshet deadletters`: lists, shows and replays what was set aside, through the admin listener.

#include "app/deadletters_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "app/admin_client.h"
#include "app/json_output.h"
#include "app/progress_bar.h"
#include "base/text.h"
#include "env/file.h"

namespace freshet::app {
namespace {

namespace dom = simdjson::dom;

// The server's own bounds for one request.
constexpr uint64_t kPageMax = 1000;
constexpr size_t kIdsMax = 200;

struct DeadLetterOptions {
  AdminTarget target;
  std::string code;
  uint64_t limit = 50;
  std::vector<std::string> ids;
  bool counts = false;
  std::string edit;  // a file
};

tl::unexpected<Error> not_understood() {
  return fail(Code::kRetry, "the server's answer can't be read; is it of the same version as this command?");
}

void print_row(const dom::object& letter) {
  fmt::print("{:<24}  {:<36}  {:<10}  {:<18}  {}\n", text_of(letter, "received_at"), text_of(letter, "id"),
             text_of(letter, "source"), text_of(letter, "code"), text_of(letter, "reason"));
}

struct Listing {
  uint64_t printed = 0;
  std::string next;
  bool is_end = false;
};

void write_raw(JsonWriter& json, const std::string& text) { json.raw(text); }

// Lists one page; with --json it only gathers.
Status list_page(const DeadLetterOptions& options, AdminClient& client, Listing& listing,
                 std::vector<std::string>& json) {
  std::string rest = fmt::format("deadletters?limit={}", std::min(options.limit - listing.printed, kPageMax));
  if (!options.code.empty()) rest += "&code=" + percent_encode(options.code);
  if (!listing.next.empty()) rest += "&after=" + percent_encode(listing.next);
  FRESHET_ASSIGN(const auto body, client.call("GET", rest));
  dom::parser parser;
  dom::object answer;
  dom::array letters;
  if (parser.parse(body).get_object().get(answer) != simdjson::SUCCESS ||
      answer["deadletters"].get_array().get(letters) != simdjson::SUCCESS) {
    return not_understood();
  }
  for (const dom::element letter : letters) {
    dom::object object;
    if (letter.get_object().get(object) != simdjson::SUCCESS) return not_understood();
    ++listing.printed;
    if (options.target.json) {
      json.push_back(simdjson::minify(letter));
    } else {
      print_row(object);
    }
  }
  listing.next = text_of(answer, "next");
  listing.is_end = listing.next.empty();
  return {};
}

int list(const DeadLetterOptions& options) {
  AdminClient client(options.target);
  Listing listing;
  std::vector<std::string> letters;
  if (!options.target.json)
    fmt::print("{:<24}  {:<36}  {:<10}  {:<18}  {}\n", "RECEIVED", "ID", "SOURCE", "CODE", "REASON");
  while (listing.printed < options.limit && !listing.is_end) {
    if (const Status status = list_page(options, client, listing, letters); !status) return report(status.error());
  }
  if (options.target.json) {
    print_json([&](JsonWriter& out) {
      out.begin_object().key("deadletters").array(letters, write_raw).key("next");
      (listing.is_end ? out.null() : out.value(listing.next)).end_object();
    });
  } else if (listing.printed == 0) {
    fmt::print("none\n");
  } else if (!listing.is_end) {
    fmt::print("… and older ones: raise --limit to see them\n");
  }
  return 0;
}

// How many came of each code on each day, whether they are still kept or not.
int print_counts(const DeadLetterOptions& options) {
  AdminClient client(options.target);
  const auto body = client.call("GET", "deadletters/counts");
  if (!body) return report(body.error());
  if (options.target.json) {
    fmt::print("{}", *body);
    return 0;
  }
  dom::parser parser;
  dom::object answer;
  dom::array counts;
  if (parser.parse(*body).get_object().get(answer) != simdjson::SUCCESS ||
      answer["counts"].get_array().get(counts) != simdjson::SUCCESS)
    return report(not_understood().value());
  fmt::print("{:<10}  {:<28}  {:>12}\n", "DAY", "CODE", "COUNT");
  for (const dom::element one : counts) {
    dom::object row;
    uint64_t count = 0;
    if (one.get_object().get(row) != simdjson::SUCCESS || row["count"].get_uint64().get(count) != simdjson::SUCCESS)
      return report(not_understood().value());
    fmt::print("{:<10}  {:<28}  {:>12}\n", text_of(row, "day"), text_of(row, "code"), count);
  }
  return 0;
}

int show(const DeadLetterOptions& options) {
  AdminClient client(options.target);
  const auto body = client.call("GET", "deadletters/" + percent_encode(options.ids.at(0)));
  if (!body) return report(body.error());
  if (options.target.json) {
    fmt::print("{}", *body);
    return 0;
  }
  dom::parser parser;
  dom::object letter;
  if (parser.parse(*body).get_object().get(letter) != simdjson::SUCCESS) return report(not_understood().value());
  for (const auto field : letter) {
    const std::string value =
        field.value.is_string() ? text_of(letter, field.key) : printable(std::string(simdjson::minify(field.value)));
    fmt::print("{:<12}  {}\n", std::string_view(field.key.data(), field.key.size()), value);
  }
  return 0;
}

struct Replayed {
  uint64_t done = 0;
  uint64_t failed = 0;
  std::vector<std::string> failed_json;
};

// Sends `body` and adds up what came of it. It returns the cursor to go on from, or "".
Result<std::string> replay_part(AdminClient& client, const DeadLetterOptions& options, std::string body, Replayed& sum,
                                const std::string& address = "deadletters/replay") {
  FRESHET_ASSIGN(const auto answer, client.call("POST", address, std::move(body)));
  dom::parser parser;
  dom::object object;
  uint64_t done = 0;
  dom::array failed;
  if (parser.parse(answer).get_object().get(object) != simdjson::SUCCESS ||
      object["replayed"].get_uint64().get(done) != simdjson::SUCCESS ||
      object["failed"].get_array().get(failed) != simdjson::SUCCESS) {
    return not_understood();
  }
  sum.done += done;
  for (const dom::element one : failed) {
    dom::object letter;
    if (one.get_object().get(letter) != simdjson::SUCCESS) return not_understood();
    ++sum.failed;
    sum.failed_json.push_back(simdjson::minify(one));
    if (!options.target.json) fmt::print(stderr, "{}: {}\n", text_of(letter, "id"), text_of(letter, "message"));
  }
  return text_of(object, "next");
}

Status replay_ids(const DeadLetterOptions& options, AdminClient& client, Replayed& sum) {
  for (size_t i = 0; i < options.ids.size(); i += kIdsMax) {
    std::string body = json_text([&](JsonWriter& json) {
      const size_t count = std::min(options.ids.size() - i, kIdsMax);
      json.begin_object().key("ids").array(std::span(options.ids).subspan(i, count)).end_object();
    });
    FRESHET_TRY(replay_part(client, options, std::move(body), sum));
  }
  return {};
}

// One letter, with what the file says in the place of its body.
Status replay_edited(const DeadLetterOptions& options, AdminClient& client, Replayed& sum) {
  auto body = env::read_file(options.edit);
  if (!body || body->empty())
    return fail(Code::kInvalid, "--edit " + options.edit + ": there is no such file, or nothing in it");
  const auto next = replay_part(client, options, *std::move(body), sum,
                                "deadletters/" + percent_encode(options.ids.at(0)) + "/replay");
  return next ? Status{} : Status(tl::unexpected<Error>(next.error()));
}

// The server replays a bounded number at a time, so this goes on until there is no cursor any more.
Status replay_code(const DeadLetterOptions& options, AdminClient& client, Replayed& sum) {
  std::string after;
  do {
    std::string body = json_text([&](JsonWriter& json) {
      json.begin_object().member("code", options.code).member("after", after).end_object();
    });
    FRESHET_ASSIGN(auto next, replay_part(client, options, std::move(body), sum));
    after = std::move(next);
    if (is_terminal() && !after.empty()) fmt::print(stderr, "replayed {} so far\r", sum.done);
  } while (!after.empty());
  return {};
}

int replay(const DeadLetterOptions& options) {
  if (options.ids.empty() == options.code.empty())
    return report({Code::kInvalid,
                   "say which: either ids, or --code CODE for all of a code (freshet deadletters list shows both)"});
  if (!options.edit.empty() && options.ids.size() != 1)
    return report({Code::kInvalid, "--edit is for one letter: give its id"});
  AdminClient client(options.target);
  Replayed sum;
  const Status status = options.ids.empty()    ? replay_code(options, client, sum)
                        : options.edit.empty() ? replay_ids(options, client, sum)
                                               : replay_edited(options, client, sum);
  if (options.target.json) {
    print_json([&](JsonWriter& json) {
      json.begin_object().member("replayed", sum.done).key("failed").array(sum.failed_json, write_raw).end_object();
    });
  } else {
    fmt::print("replayed {}, refused again {}\n", sum.done, sum.failed);
  }
  if (!status) return report(status.error());
  // Letters that are refused again are still there, so the command did not do all that it was
  // asked.
  return sum.failed > 0 ? 1 : 0;
}

}  // namespace

void add_deadletters_command(CLI::App& app, int& exit_code) {
  CLI::App* group = app.add_subcommand("deadletters", "What was set aside and why; send it again");
  group->require_subcommand(1);
  group->footer(
      "Example:\n  freshet deadletters list --tenant demo --code too_long\n  freshet deadletters replay --tenant demo "
      "--code too_long");
  auto options = std::make_shared<DeadLetterOptions>();

  CLI::App* lister = group->add_subcommand("list", "Newest first");
  lister->footer("Example:\n  freshet deadletters list --tenant demo --code too_long --limit 20");
  add_admin_options(*lister, options->target);
  lister->add_option("--code", options->code, "Only of this code");
  lister->add_option("--limit", options->limit, "At most so many")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  lister->add_flag("--counts", options->counts, "Only how many came, by day and code");
  lister->callback([options, &exit_code] { exit_code = options->counts ? print_counts(*options) : list(*options); });

  CLI::App* shower = group->add_subcommand("show", "One dead letter, whole");
  shower->footer("Example:\n  freshet deadletters show 000661748facd81a447d6620ff1143da --tenant demo");
  add_admin_options(*shower, options->target);
  shower->add_option("ID", options->ids, "Its id")->required()->expected(1);
  shower->callback([options, &exit_code] { exit_code = show(*options); });

  CLI::App* replayer = group->add_subcommand("replay", "Send dead letters again; doing so twice changes nothing");
  replayer->footer(
      "Example:\n  freshet deadletters replay --tenant demo --code too_long\n"
      "  freshet deadletters replay --tenant demo 000661748facd81a447d6620ff1143da\n"
      "Exit status: 0 all were taken, 1 some were refused again or the server failed, 2 wrong usage.");
  add_admin_options(*replayer, options->target);
  replayer->add_option("ID", options->ids, "Their ids");
  replayer->add_option("--code", options->code, "All of this code");
  replayer->add_option("--edit", options->edit, "A file whose content is sent in the place of the one letter's body");
  replayer->callback([options, &exit_code] { exit_code = replay(*options); });
}

}  // namespace freshet::app
