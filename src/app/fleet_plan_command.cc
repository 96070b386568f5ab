// `freshet fleet plan`: reads the fleet, the prices and the what-ifs, and prints the plan.

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>
#include <vector>

#include "app/fleet_command.h"
#include "app/json_output.h"
#include "app/problems.h"
#include "fleet/plan/report.h"
#include "yaml/file.h"

namespace freshet::app {
namespace {

struct PlanCommand {
  std::string file;
  std::string against;
  std::string prices;
  std::string html;
  bool json = false;
  uint32_t months = fleet::PlanOptions{}.months;
  std::vector<std::string> rates, losses, bursts;
};

constexpr int kWrong = 2;

int wrong(const Error& error, bool json) {
  print_failure("freshet fleet plan: ", error, json);
  return kWrong;
}

// nullopt: what is wrong was printed.
std::optional<fleet::Prices> load_prices(const PlanCommand& command) {
  if (command.prices.empty()) return fleet::default_prices();
  yaml::Problems problems(command.prices);
  const auto text = yaml::read_file(command.prices, "a file of prices", problems);
  auto prices = text ? fleet::parse_prices(*text, problems) : std::nullopt;
  if (!prices) print_problems(problems, command.json);
  return prices;
}

template <class T>
Status parse_all(const std::vector<std::string>& texts, Result<T> (*parse)(std::string_view), std::vector<T>& out) {
  for (const std::string& text : texts) {
    FRESHET_ASSIGN(auto value, parse(text));
    out.push_back(std::move(value));
  }
  return {};
}

Result<fleet::PlanOptions> options_of(const PlanCommand& command) {
  fleet::PlanOptions options;
  options.months = command.months;
  FRESHET_TRY(parse_all(command.rates, fleet::parse_rate_change, options.rates));
  FRESHET_TRY(parse_all(command.losses, fleet::parse_loss, options.losses));
  FRESHET_TRY(parse_all(command.bursts, fleet::parse_outage, options.outages));
  return options;
}

// Loads a fleet and checks that the prices know all of its machines. nullopt: what is wrong was
// printed.
std::optional<fleet::Topology> load_priced(const std::string& file, const fleet::Prices& prices, bool json) {
  std::optional<fleet::Topology> topology = load_fleet(file, json);
  if (!topology) return std::nullopt;
  yaml::Problems problems(file);
  if (fleet::check_priced(*topology, prices, problems)) return topology;
  print_problems(problems, json);
  return std::nullopt;
}

Status write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (file << text && file.flush()) return {};
  return fail(Code::kInvalid, path + ": can't be written");
}

int plan(const PlanCommand& command) {
  const std::optional<fleet::Prices> prices = load_prices(command);
  if (!prices) return kWrong;
  const Result<fleet::PlanOptions> options = options_of(command);
  if (!options) return wrong(options.error(), command.json);
  const std::optional<fleet::Topology> topology = load_priced(command.file, *prices, command.json);
  if (!topology) return kWrong;
  std::optional<fleet::Topology> against;
  if (!command.against.empty()) {
    against = load_priced(command.against, *prices, command.json);
    if (!against) return kWrong;
  }
  const Result<fleet::Plan> plan = fleet::plan_fleet(*topology, against ? &*against : nullptr, *options, *prices);
  if (!plan) return wrong(plan.error(), command.json);
  if (!command.html.empty()) {
    if (const Status written = write_file(command.html, fleet::html_report(*plan)); !written)
      return wrong(written.error(), command.json);
  }
  fmt::print("{}", command.json ? fleet::json_report(*plan) + "\n" : fleet::text_report(*plan));
  // A cluster that does not hold its load is a failure, so that a pipeline can stop at it.
  return fleet::holds(*plan) ? 0 : 1;
}

}  // namespace

void add_fleet_plan_command(CLI::App& fleet, int& exit_code) {
  auto command = std::make_shared<PlanCommand>();
  CLI::App* sub = fleet.add_subcommand(
      "plan", "What each cluster uses, what holds it back first, what it costs, and the cheapest that would do");
  sub->footer(
      "Exit status: 1 if a cluster does not hold its load.\nExamples:\n"
      "  freshet fleet plan fleet.yaml --months 12 --html plan.html\n"
      "  freshet fleet plan fleet.yaml --rate orders=2x --lose zone=a\n"
      "  freshet fleet plan fleet.yaml --burst billing=30");
  sub->add_option("FILE", command->file, "The fleet (YAML)")->required();
  sub->add_option("--months", command->months, "Months of growth that must fit")
      ->check(CLI::Range(0u, fleet::kMonthsMax))
      ->capture_default_str();
  sub->add_option("--rate", command->rates, "What if: TOPIC=2x, CLUSTER/TOPIC=2x, or *=2x for all")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  sub->add_option("--lose", command->losses, "What if: zone=ZONE, broker=N or broker=CLUSTER/N is away")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  sub->add_option("--burst", command->bursts,
                  "What the restart of SERVICE does: SERVICE=MINUTES away[@TIMESx its rate]")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  sub->add_option("--against", command->against,
                  "Another fleet that does the same work, to compare cost and blast radius");
  sub->add_option("--prices", command->prices, "Prices and limits (YAML) instead of those built in");
  sub->add_option("--html", command->html, "Also write a page with pictures to this file");
  sub->add_flag("--json", command->json, "One JSON object on standard output");
  sub->callback([command, &exit_code] { exit_code = plan(*command); });
}

}  // namespace freshet::app
