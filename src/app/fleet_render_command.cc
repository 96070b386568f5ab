// `freshet fleet render`: writes the files of a fleet, and never over what somebody has changed by
// hand, unless told to.

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/fleet_command.h"
#include "app/json_output.h"
#include "app/problems.h"
#include "env/file.h"
#include "fleet/render/publish.h"
#include "fleet/render/targets.h"

namespace freshet::app {
namespace {

struct RenderOptions {
  std::string file;
  std::string to;
  std::vector<std::string> only;
  bool force = false;
  bool json = false;
};

int failed(const Error& error, bool json) { return print_failure("", error, json); }

void print_done(const fleet::Published& done, const fleet::Rendering& rendering, bool ok) {
  print_json([&](JsonWriter& json) {
    json.begin_object().member("ok", ok).member("written", ok ? done.written : 0);
    json.member("unchanged", done.unchanged).member("removed", ok ? done.removed : 0);
    json.key("losses")
        .array(done.losses)
        .key("by_hand")
        .array(done.by_hand)
        .key("notes")
        .array(rendering.notes)
        .end_object();
  });
}

void print_text(const fleet::Published& done, const fleet::Rendering& rendering, const RenderOptions& options,
                bool ok) {
  for (const std::string& note : rendering.notes) fmt::print(stderr, "note: {}\n", note);
  for (const std::string& loss : done.losses) fmt::print(stderr, "loss: {}\n", loss);
  for (const std::string& path : done.by_hand) {
    fmt::print(stderr, "{}: {}\n", ok ? "overwritten" : "changed by hand", path);
  }
  if (ok) {
    fmt::print("{}: {} files written, {} unchanged, {} removed\n", options.to, done.written, done.unchanged,
               done.removed);
  } else {
    fmt::print(stderr, "{}: nothing was written. Put these changes into {}, or give --force to lose them\n", options.to,
               options.file);
  }
}

int render(const RenderOptions& options) {
  const auto topology = load_fleet(options.file, options.json);
  if (!topology) return 2;
  const fleet::Source source = fleet::source_of(options.file, env::read_file(options.file).value_or(""));
  const auto rendering = fleet::render(*topology, source, options.only);
  if (!rendering) return failed(rendering.error(), options.json);
  const auto done =
      fleet::publish(options.to, rendering->files, source, {.only = options.only, .force = options.force});
  if (!done) return failed(done.error(), options.json);
  const bool ok = done->by_hand.empty() || options.force;
  if (options.json) {
    print_done(*done, *rendering, ok);
  } else {
    print_text(*done, *rendering, options, ok);
  }
  return ok ? 0 : 1;
}

}  // namespace

void add_fleet_render_command(CLI::App& fleet, int& exit_code) {
  auto options = std::make_shared<RenderOptions>();
  CLI::App* command = fleet.add_subcommand(
      "render", "Infrastructure, monitoring and alerts of a fleet, as files; changes made to them by hand are kept");
  command->footer(
      "Example:\n  freshet fleet render fleet.yaml --to rendered\n  freshet fleet render fleet.yaml --to rendered "
      "--only prometheus,grafana");
  command->add_option("FILE", options->file, "The fleet (YAML)")->required();
  command->add_option("--to", options->to, "The folder to write: whole, or not at all")->required();
  std::string names;
  for (const fleet::Target& target : fleet::targets()) names += (names.empty() ? "" : ", ") + std::string(target.name);
  command->add_option("--only", options->only, "Only these, with commas between them: " + names)->delimiter(',');
  command->add_flag("--force", options->force, "Overwrite what was changed by hand");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &exit_code] { exit_code = render(*options); });
}

}  // namespace freshet::app
