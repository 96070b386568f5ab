// `freshet erase`: erases a person, says whether one is erased, or lets one come back.

#include "app/erase_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/admin_client.h"
#include "app/json_output.h"
#include "base/text.h"

namespace freshet::app {
namespace {

struct EraseOptions {
  AdminTarget target;
  std::string user;
  bool status = false;
  bool lift = false;
};

void print_erasure(const simdjson::dom::object& erasure) {
  fmt::print("erasure {}: {}\n", text_of(erasure, "id"), text_of(erasure, "state"));
  for (const char* step : {"requested", "applied", "written", "verified"}) {
    const std::string at = text_of(erasure, std::string(step) + "_at");
    fmt::print("  {:<10}  {}\n", step, at.empty() ? "not yet" : at);
  }
  uint64_t records = 0, letters = 0;
  const bool counted = erasure["late_records"].get(records) == simdjson::SUCCESS;
  if (counted && erasure["late_letters"].get(letters) == simdjson::SUCCESS && records + letters > 0)
    fmt::print("  refused     {} records and {} dead letters that came later\n", records, letters);
  if (const std::string waits = text_of(erasure, "waits_for"); !waits.empty()) fmt::print("  waits for   {}\n", waits);
}

// Asks whether there is a profile, and how far the latest erasure of the identifier is. The value goes in the body, so
// that it is in no address and in no log of addresses.
int print_status(AdminClient& client, const EraseOptions& options, std::string_view type, std::string_view value) {
  const std::string body = json_text([&](JsonWriter& json) { json.begin_object().member(type, value).end_object(); });
  const auto found = client.call("POST", "users/lookup", body);
  if (!found && found.error().code != Code::kNotFound) return report(found.error());
  const auto erasure = client.call("POST", "erasures/lookup", body);
  if (!erasure && erasure.error().code != Code::kNotFound) return report(erasure.error());
  simdjson::dom::parser parser;
  simdjson::dom::object asked;
  const bool was_asked = erasure && parser.parse(*erasure).get_object().get(asked) == simdjson::SUCCESS;
  if (options.target.json) {
    print_json([&](JsonWriter& json) {
      json.begin_object().member("profile", found.has_value()).key("erasure");
      (was_asked ? json.raw(simdjson::minify(asked)) : json.null()).end_object();
    });
    return found ? 1 : 0;
  }
  fmt::print("{}\n", found ? "there is a profile: not erased, not erased yet, or seen again"
                     : was_asked
                         ? "no profile"
                         : "no profile, and nobody asked to erase it: never seen, or erased before this was kept");
  if (was_asked) print_erasure(asked);
  return found ? 1 : 0;
}

int erase(const EraseOptions& options) {
  const size_t equals = options.user.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == options.user.size())
    return report({Code::kInvalid, "--user must be TYPE=VALUE, such as email=a@b.c"});
  const std::string_view type = std::string_view(options.user).substr(0, equals);
  const std::string_view value = std::string_view(options.user).substr(equals + 1);
  if (!simdjson::validate_utf8(options.user)) return report({Code::kInvalid, "--user must be UTF-8"});
  AdminClient client(options.target);
  if (options.status) return print_status(client, options, type, value);

  // Orders have the identifier in their address, as a DELETE must; the server logs no addresses.
  const std::string address = "users/" + percent_encode(type) + "/" + percent_encode(value);
  const auto answer = options.lift ? client.call("POST", address + "/unsuppress") : client.call("DELETE", address);
  if (!answer) return report(answer.error());
  if (options.target.json) {
    fmt::print("{}", *answer);
  } else {
    fmt::print("{}\n", options.lift
                           ? "accepted: this person may be seen again within a second"
                           : "accepted: the profile disappears within a second (--status says when), and stays away");
  }
  return 0;
}

}  // namespace

void add_erase_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<EraseOptions>();
  CLI::App* command =
      app.add_subcommand("erase", "Erase a person; or --status, or --lift to let an erased person come back");
  command->footer(
      "Example:\n  freshet erase --tenant demo --user email=a@b.c\n  freshet erase --tenant demo --user email=a@b.c "
      "--status");
  add_admin_options(*command, options->target);
  command->add_option("--user", options->user, "Who: TYPE=VALUE of any identifier")->required();
  CLI::Option* status =
      command->add_flag("--status", options->status, "Only say whether there is a profile, and how far its erasure is");
  command->add_flag("--lift", options->lift, "The identifiers of an erased person may be used again")->excludes(status);
  command->callback([options, &exit_code] { exit_code = erase(*options); });
}

}  // namespace freshet::app
