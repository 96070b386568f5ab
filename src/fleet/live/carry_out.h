// Doing what changes.h has planned.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cluster/admin/admin.h"
#include "fleet/live/changes.h"

namespace freshet::fleet {

// Looks again, and plans: what a run that was killed has done is not done again, since nothing is remembered but by the
// cluster itself. kInvalid: it is another cluster than the file says, or the file does not say which it is.
[[nodiscard]] Result<Changes> plan_on(cluster::Admin& admin, const ClusterWanted& wanted, const ChangeOptions& options,
                                      env::Clock& clock, ClusterNow& now);

// What the brokers would refuse of these steps, asked without doing any of them.
[[nodiscard]] std::vector<std::string> refusals(cluster::Admin& admin, const std::vector<Step>& steps);

// Does the steps one after the other, and tells of each that is done; the first that fails is the last. Then waits
// until the brokers show all of them.
[[nodiscard]] Status carry_out(cluster::Admin& admin, const std::vector<Step>& steps, env::Clock& clock,
                               const std::function<void(const Step&)>& done);

}  // namespace freshet::fleet
