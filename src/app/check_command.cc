// `freshet check`: a configuration before anything is started with it. It also prints what is made of the same
// descriptions (schema, tables of keys and metrics), from which the files in docs/ come, so that these can't differ.
#include "app/check_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/config.h"
#include "app/json_output.h"
#include "app/problems.h"
#include "telemetry/catalog.h"
#include "yaml/file.h"

namespace freshet::app {
namespace {

struct CheckOptions {
  std::string file;
  bool json = false;
  bool schema = false;
  bool metrics = false;
  std::string keys;
};

int check(const CheckOptions& options) {
  if (options.schema) return fmt::print("{}", config_schema()), 0;
  if (options.metrics) return fmt::print("{}", telemetry::metrics_markdown()), 0;
  if (!options.keys.empty()) return fmt::print("{}", config_keys(options.keys)), 0;
  if (options.file.empty()) return fmt::print(stderr, "FILE is missing: the configuration to check (YAML)\n"), 2;
  yaml::Problems problems(options.file);
  const auto text = yaml::read_file(options.file, "a configuration file", problems);
  const auto config = text ? parse_config(*text, process_environment(), problems) : std::nullopt;
  if (!config) {
    print_problems(problems, options.json);
    return 2;
  }
  if (options.json) {
    print_json([&](JsonWriter& json) {
      json.begin_object().member("ok", true).member("revision", config->revision);
      json.key("tenants").array(config->tenants, [](JsonWriter& list, const model::Tenant& t) { list.value(t.name); });
      json.end_object();
    });
  } else {
    fmt::print("{}: right: revision {}, {} tenant{}\n", options.file, config->revision, config->tenants.size(),
               config->tenants.size() == 1 ? "" : "s");
  }
  return 0;
}

}  // namespace

void add_check_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command =
      app.add_subcommand("check", "Check a configuration: all that is wrong with it, with line and column");
  command->footer("Example:\n  freshet check freshet.yaml");
  command->add_option("FILE", options->file, "The configuration (YAML)");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->add_flag("--schema", options->schema, "Print the JSON Schema of freshet.yaml and do nothing else");
  command->add_flag("--metrics", options->metrics, "Print the table of all metrics (Markdown) and do nothing else");
  command->add_option("--keys", options->keys, "Print the table of the keys (Markdown) and do nothing else")
      ->check(CLI::IsMember(std::vector<std::string>(std::begin(kKeyTables), std::end(kKeyTables))));
  command->callback([options, &exit_code] { exit_code = check(*options); });
}

}  // namespace freshet::app
