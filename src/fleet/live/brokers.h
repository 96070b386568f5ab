// What living brokers are set to against what the file says of them, and what of it can be changed while they run.
// The comparing and planning are pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "env/clock.h"
#include "fleet/topology.h"

namespace freshet::fleet {

// Where a broker has a setting from: its file or Kafka itself; set on it alone while it ran; set on all of them.
enum class SetOn : uint8_t { kFile, kOne, kAll };

// One setting of one broker.
struct BrokerSettingNow {
  std::optional<std::string> value;  // nullopt: none, or it is a secret
  SetOn set_on = SetOn::kFile;
  bool restart_only = false;
  bool is_secret = false;  // then brokers don't tell its value, nor whether it has one
};
using BrokersNow = std::map<int32_t, std::map<std::string, BrokerSettingNow>>;  // by broker and name

struct BrokerSettingWanted {
  std::string value;
  bool in_file = false;  // else it is what `fleet render` writes for every cluster
};
using BrokersWanted = std::map<std::string, BrokerSettingWanted>;
[[nodiscard]] BrokersWanted brokers_wanted(const Cluster& cluster);

// What some brokers have in another way than the file, all of them alike.
struct BrokerDifference {
  enum class Kind : uint8_t {
    kSetting,
    kRendered,
    kExtra
  };  // of the file; of what is rendered beside it; not in either
  Kind kind = Kind::kSetting;
  std::vector<int32_t> brokers;  // by id
  std::string setting;
  std::string wanted;  // "": the file does not say it
  std::string living;  // "": none, or the brokers don't know it
  bool restart_only = false;
  bool operator==(const BrokerDifference&) const = default;
};
[[nodiscard]] std::vector<BrokerDifference> compare(const BrokersWanted& wanted, const BrokersNow& now);
// "brokers 1, 2: num.io.threads is 8, the file has 16: apply changes it while they run"
[[nodiscard]] std::string text_of(const BrokerDifference& difference);

// A setting to be changed while brokers run: of all that are and will be, or of one that has its own.
struct BrokerChange {
  std::optional<int32_t> broker;
  std::string setting;
  std::string value;
  std::string living;  // for people
  std::vector<std::string> losses;
  bool operator==(const BrokerChange&) const = default;
};
struct BrokerChanges {
  std::vector<BrokerChange> steps;
  std::vector<std::string> left;
};
// Of what the file says itself. Left, with why: what needs a restart; what would delete records of topics that have no
// setting of their own. Numbers of threads go at most to twice or half of what they are, which is as far as brokers
// take them.
[[nodiscard]] BrokerChanges plan_broker_changes(const BrokersWanted& wanted, const BrokersNow& now);
[[nodiscard]] std::string text_of(const BrokerChange& change);
// Whether all brokers have it by now.
[[nodiscard]] bool shows(const BrokersNow& now, const BrokerChange& change);

// The living brokers; tests have their own.
class Brokers {
 public:
  virtual ~Brokers() = default;
  // kInvalid: we may not ask (DESCRIBE_CONFIGS of the cluster); kRetry: a broker is away.
  [[nodiscard]] virtual Result<BrokersNow> look() = 0;
  // With `check` brokers only say whether they would.
  [[nodiscard]] virtual Status change(const BrokerChange& change, bool check) = 0;
};

// Looks again until the brokers show what was changed. kRetry: they don't within a minute.
[[nodiscard]] Status change_and_see(Brokers& brokers, const BrokerChange& change, env::Clock& clock);

}  // namespace freshet::fleet
