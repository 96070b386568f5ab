// `freshet tenants`: lists, shows, puts and deletes tenants through the admin listener.

#include "app/tenants_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <iterator>
#include <memory>
#include <vector>

#include "app/admin_client.h"
#include "app/json_output.h"
#include "base/text.h"
#include "env/file.h"

namespace freshet::app {
namespace {

namespace dom = simdjson::dom;

constexpr int kTenantsPage = 1000;

struct TenantsOptions {
  AdminTarget target;  // its tenant is the command's argument
  std::string file;
};

tl::unexpected<Error> no_answer() {
  return fail(Code::kRetry, "the server's answer can't be read; is it of the same version as this command?");
}

uint64_t revision_in(const dom::object& object) {
  uint64_t revision = 0;
  return object["revision"].get_uint64().get(revision) == simdjson::SUCCESS ? revision : 0;
}

void print_tenant_row(const dom::object& tenant) {
  fmt::print("{:<50}  {:<5}  {:>9}  {}\n", text_of(tenant, "name"), text_of(tenant, "from"), revision_in(tenant),
             text_of(tenant, "at"));
}

// One page; with --json it only gathers. It returns the cursor to go on from, or "".
Result<std::string> list_tenants_page(const TenantsOptions& options, AdminClient& client, const std::string& after,
                                      std::vector<std::string>& json) {
  FRESHET_ASSIGN(const auto body,
                 client.call("GET", fmt::format("?limit={}&after={}", kTenantsPage, percent_encode(after))));
  dom::parser parser;
  dom::object answer;
  dom::array tenants;
  if (parser.parse(body).get_object().get(answer) != simdjson::SUCCESS ||
      answer["tenants"].get_array().get(tenants) != simdjson::SUCCESS)
    return no_answer();
  for (const dom::element tenant : tenants) {
    dom::object object;
    if (tenant.get_object().get(object) != simdjson::SUCCESS) return no_answer();
    if (options.target.json) {
      json.push_back(simdjson::minify(tenant));
    } else {
      print_tenant_row(object);
    }
  }
  return text_of(answer, "next");
}

int list_all_tenants(const TenantsOptions& options) {
  AdminClient client(options.target);
  std::vector<std::string> json;
  std::string after;
  if (!options.target.json) fmt::print("{:<50}  {:<5}  {:>9}  {}\n", "NAME", "FROM", "REVISION", "SINCE");
  do {
    const auto next = list_tenants_page(options, client, after, json);
    if (!next) return report(next.error());
    after = *next;
  } while (!after.empty());
  if (options.target.json)
    print_json([&](JsonWriter& out) {
      out.begin_object().key("tenants").array(json, [](JsonWriter& list, const std::string& one) { list.raw(one); });
      out.end_object();
    });
  return 0;
}

// The answer to GET and PUT, for people.
int print_tenant(const std::string& body) {
  dom::parser parser;
  dom::object answer, keys, from;
  dom::element settings;
  if (parser.parse(body).get_object().get(answer) != simdjson::SUCCESS ||
      answer["keys"].get_object().get(keys) != simdjson::SUCCESS ||
      answer["from"].get_object().get(from) != simdjson::SUCCESS ||
      answer["settings"].get(settings) != simdjson::SUCCESS)
    return report(no_answer().value());
  fmt::print("{:<16}  {}\n", "tenant", text_of(answer, "tenant"));
  for (const auto part : from) {
    dom::object origin;
    if (part.value.get_object().get(origin) != simdjson::SUCCESS) continue;
    fmt::print("{:<16}  from {}, revision {}, {}\n", printable(part.key), text_of(origin, "from"), revision_in(origin),
               text_of(origin, "at"));
  }
  for (const auto key : keys)
    fmt::print("{:<16}  {}\n", printable(key.key), printable(std::string(simdjson::minify(key.value))));
  fmt::print("{}\n", printable(std::string(simdjson::minify(settings))));
  return 0;
}

int show_one_tenant(const TenantsOptions& options) {
  AdminClient client(options.target);
  const auto body = client.call("GET", "");
  if (!body) return report(body.error());
  if (!options.target.json) return print_tenant(*body);
  fmt::print("{}", *body);
  return 0;
}

Result<std::string> read_tenant_file(const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  auto text = env::read_file(path);
  if (!text) return fail(Code::kInvalid, path + ": can't be read: it must be a tenant as YAML or JSON");
  return *std::move(text);
}

int put_one_tenant(const TenantsOptions& options) {
  const auto text = read_tenant_file(options.file);
  if (!text) return report(text.error());
  AdminClient client(options.target);
  const auto body = client.call("PUT", "", *text);
  if (!body) return report(body.error());
  if (!options.target.json) return print_tenant(*body);
  fmt::print("{}", *body);
  return 0;
}

int delete_one_tenant(const TenantsOptions& options) {
  AdminClient client(options.target);
  const auto body = client.call("DELETE", "");
  if (!body) return report(body.error());
  if (options.target.json) {
    fmt::print("{}", *body);
  } else {
    fmt::print("{}: removed: its keys are refused; its data stays until it expires or is erased\n",
               options.target.tenant);
  }
  return 0;
}

}  // namespace

void add_tenants_command(CLI::App& app, int& exit_code) {
  CLI::App* group = app.add_subcommand("tenants", "The tenants of a running Freshet; change them without a restart");
  group->require_subcommand(1);
  group->footer(
      "Example:\n  freshet tenants list\n  freshet tenants put acme acme.yaml\nwith, in acme.yaml:\n"
      "  write_keys: [a-new-key, the-old-key]");
  auto options = std::make_shared<TenantsOptions>();

  CLI::App* lister = group->add_subcommand("list", "All of them, and where each comes from");
  lister->footer("Example:\n  freshet tenants list --json");
  add_server_options(*lister, options->target);
  lister->callback([options, &exit_code] { exit_code = list_all_tenants(*options); });

  CLI::App* shower = group->add_subcommand("show", "One tenant, without its keys: only the begin of their hashes");
  shower->footer(
      "Example:\n  freshet tenants show acme\n  printf %s KEY | sha256sum    # begins as one of its keys does");
  add_server_options(*shower, options->target);
  shower->add_option("NAME", options->target.tenant, "Its name")->required();
  shower->callback([options, &exit_code] { exit_code = show_one_tenant(*options); });

  CLI::App* putter = group->add_subcommand("put", "Makes a tenant what a file says, or adds it");
  putter->footer(
      "Example:\n  freshet tenants put acme acme.yaml\n"
      "  echo '{\"write_keys\": [\"a-new-key\", \"the-old-key\"]}' | freshet tenants put acme -\n"
      "Exit status: 0 it is in force, 1 the server failed, 2 the file is wrong.");
  add_server_options(*putter, options->target);
  putter->add_option("NAME", options->target.tenant, "Its name")->required();
  putter->add_option("FILE", options->file, "As under `tenants` in the configuration, YAML or JSON; -: standard input")
      ->required();
  putter->callback([options, &exit_code] { exit_code = put_one_tenant(*options); });

  CLI::App* deleter = group->add_subcommand("delete", "Has a tenant's keys refused; its data stays");
  deleter->footer("Example:\n  freshet tenants delete acme");
  add_server_options(*deleter, options->target);
  deleter->add_option("NAME", options->target.tenant, "Its name")->required();
  deleter->callback([options, &exit_code] { exit_code = delete_one_tenant(*options); });
}

}  // namespace freshet::app
