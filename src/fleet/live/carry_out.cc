#include "fleet/live/carry_out.h"

#include <fmt/core.h>

#include <algorithm>

namespace freshet::fleet {
namespace {

using cluster::Admin;

constexpr env::TimeUs kShownAfterUs = 60'000'000;
constexpr env::TimeUs kLookAgainUs = 100'000;

Status take_step(Admin& admin, const Step& step, Admin::Do what) {
  switch (step.kind) {
    case Step::Kind::kCreateTopic:
      return admin.create_topic({step.topic, step.partitions, step.replication, step.settings}, what);
    case Step::Kind::kAddPartitions: return admin.add_partitions(step.topic, step.partitions, what);
    case Step::Kind::kChangeSettings:
      return admin.change_configs({cluster::Resource::Kind::kTopic, step.topic}, step.settings, what);
  }
  return {};
}

}  // namespace

Result<Changes> plan_on(Admin& admin, const ClusterWanted& wanted, const ChangeOptions& options, env::Clock& clock,
                        ClusterNow& now) {
  FRESHET_ASSIGN(now, look(admin));
  if (wanted.id.empty())
    return fail(Code::kInvalid, fmt::format("the file does not say which cluster this is. If it is the one whose id is "
                                            "{0}, write connect: {{cluster_id: {0}}} into it",
                                            now.id));
  if (wanted.id != now.id)
    return fail(Code::kInvalid, fmt::format("this is another cluster: its id is {}, the file has {}. Nothing was done",
                                            now.id, wanted.id));
  FRESHET_TRY(add_ages(admin, lowered(wanted, now), clock, now));
  return plan_changes(wanted, now, options);
}

std::vector<std::string> refusals(Admin& admin, const std::vector<Step>& steps) {
  std::vector<std::string> out;
  for (const Step& step : steps) {
    if (const Status would = take_step(admin, step, Admin::Do::kCheck); !would) out.push_back(would.error().message);
  }
  return out;
}

Status carry_out(Admin& admin, const std::vector<Step>& steps, env::Clock& clock,
                 const std::function<void(const Step&)>& done) {
  for (const Step& step : steps) {
    FRESHET_TRY(take_step(admin, step, Admin::Do::kIt));
    done(step);
  }
  const env::TimeUs end = clock.monotonic_us() + kShownAfterUs;
  while (true) {
    FRESHET_ASSIGN(const ClusterNow now, look(admin));
    const auto hidden = std::ranges::find_if(steps, [&](const Step& step) { return !shows(now, step); });
    if (hidden == steps.end()) return {};
    if (clock.monotonic_us() > end)
      return fail(Code::kRetry, fmt::format("the brokers took all steps, but do not show this one after {} s: {}",
                                            kShownAfterUs / 1'000'000, text_of(*hidden)));
    clock.sleep_us(kLookAgainUs);
  }
}

}  // namespace freshet::fleet
