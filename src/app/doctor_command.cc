#include "app/doctor_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/config.h"
#include "app/doctor/bundle.h"
#include "app/doctor/doctor.h"
#include "app/doctor/processes.h"
#include "app/doctor/report.h"
#include "app/problems.h"
#include "base/secret.h"
#include "telemetry/log.h"

namespace freshet::app {
namespace {

struct DoctorOptions {
  std::string config, data_dir, roles, bundle;
  AdminTarget admin;
};

int doctor(const DoctorOptions& options) {
  telemetry::set_up_log("off", false);  // What libraries log is among the findings, in better words.
  Subject subject;
  subject.clock = &env::real_clock();
  subject.random = &env::real_random();
  subject.config = default_config();
  subject.config_file = options.config;
  if (!options.config.empty()) {
    yaml::Problems problems(options.config);
    auto config = parse_config(text_of_file(options.config), process_environment(), problems);
    if (!config) return print_problems(problems, options.admin.json), 2;
    subject.config = std::move(*config);
  }
  if (!options.data_dir.empty()) subject.config.data_dir = options.data_dir;
  if (!options.roles.empty()) {
    const auto roles = parse_roles(options.roles);
    if (!roles) return static_cast<void>(report(roles.error())), 2;
    subject.config.roles = *roles;
  }
  subject.admin = options.admin;
  if (subject.admin.url.empty()) subject.admin.url = admin_url_of(subject.config.admin);
  if (subject.admin.token.empty()) subject.admin.token = admin_token_of(subject.config.admin);
  subject.server = holder_of(subject.config.data_dir);
  const std::vector<Finding> findings = examine(subject);
  fmt::print("{}", options.admin.json ? doctor_json(findings) + "\n" : doctor_text(findings));
  if (!options.bundle.empty()) {
    if (const Status written = write_bundle(subject, findings, options.bundle); !written)
      return report(written.error());
    fmt::print(stderr, "{} is written; look into it before you send it\n", options.bundle);
  }
  return health_of(findings) == Health::kFail ? 1 : 0;
}

}  // namespace

void add_doctor_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<DoctorOptions>();
  options->admin.url.clear();  // that of the configuration
  CLI::App* command = app.add_subcommand(
      "doctor", "Look at all that a Freshet needs, whether one runs or not, and say what to do; changes nothing");
  command->footer(
      "Exit status: 0 nothing failed, 1 something did, 2 the configuration is wrong.\nExample:\n  freshet doctor "
      "--config freshet.yaml\n  freshet doctor --config freshet.yaml --bundle support.tar.gz");
  command->add_option("--config", options->config, "YAML file; without it: the built-in configuration")
      ->check(CLI::ExistingFile);
  command->add_option("--data-dir", options->data_dir, "In the place of the configuration's data_dir");
  command->add_option("--roles", options->roles,
                      "What the process plays whose user and machine these are, as for run (default: the "
                      "configuration's)");
  command->add_option("--bundle", options->bundle,
                      "Also write what one needs to be helped to this new file (.tar.gz), with nothing personal in it");
  command->add_option("--url", options->admin.url, "The admin listener (default: that of the configuration)");
  add_ca_option(*command, options->admin.ca);
  command
      ->add_option("--token", options->admin.token,
                   "Admin token (default: FRESHET_ADMIN_TOKEN, or one of the configuration)")
      ->envname("FRESHET_ADMIN_TOKEN");
  command->add_flag("--json", options->admin.json, "One JSON object on standard output");
  command->callback([options, &exit_code] { exit_code = doctor(*options); });
}

}  // namespace freshet::app
