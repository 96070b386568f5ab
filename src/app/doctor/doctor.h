// What `freshet doctor` looks at: everything that a Freshet with this configuration needs, from outside and without
// changing any of it, so that it may be asked while one runs. Each check is a function; doctor.cc has the table of
// them, and whoever adds a check adds a line there.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/admin_client.h"
#include "app/config.h"
#include "base/names.h"
#include "env/clock.h"

namespace freshet::app {

enum class Health : uint8_t { kOk, kWarn, kFail };
[[nodiscard]] constexpr auto names_of(Health) {
  using enum Health;
  return std::to_array<Name<Health>>({{kOk, "ok"}, {kWarn, "warn"}, {kFail, "fail"}});
}

// Neither text has secrets, or values of anybody's data.
struct Finding {
  std::string_view check;
  Health health = Health::kOk;
  std::string found;
  std::string advice;  // what to do; "" with kOk
};

// Who is looked at.
struct Subject {
  Config config;
  std::string config_file;  // "": the built-in configuration
  AdminTarget admin;        // how a Freshet that runs is asked
  int server = 0;           // the process that has the data directory; 0: none, or none that can be seen from here
  env::Clock* clock = nullptr;
  env::Random* random = nullptr;
};

// What one check says.
class Findings {
 public:
  Findings(std::string_view check, std::vector<Finding>& all) : check_(check), all_(all) {}
  void ok(std::string found) { add(Health::kOk, std::move(found), {}); }
  void warn(std::string found, std::string advice) { add(Health::kWarn, std::move(found), std::move(advice)); }
  void fail(std::string found, std::string advice) { add(Health::kFail, std::move(found), std::move(advice)); }

 private:
  void add(Health health, std::string found, std::string advice) {
    all_.push_back({check_, health, std::move(found), std::move(advice)});
  }
  std::string_view check_;
  std::vector<Finding>& all_;
};

struct Check {
  std::string_view name;
  std::string_view about;  // for the document
  void (*look)(const Subject&, Findings&);
};
[[nodiscard]] std::span<const Check> all_checks();

// Runs all of them, in their order; those that ask others take seconds where nobody answers.
[[nodiscard]] std::vector<Finding> examine(const Subject& subject);
// Of the worst of them.
[[nodiscard]] Health health_of(const std::vector<Finding>& findings);

}  // namespace freshet::app
