#include "fleet/plan/report.h"

namespace freshet::fleet {

std::string html_report(const Plan& plan) { return plan.fleet; }

}  // namespace freshet::fleet
