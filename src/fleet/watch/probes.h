// What probes from end to end have told of one cluster (live_probe.h), over the last minutes. Pure, and bounded.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/names.h"
#include "fleet/watch/look.h"

namespace freshet::fleet {

// In the order of concern. kOff: the file gives no leave. kUnknown: no probe has been sent yet.
enum class ProbeVerdict : uint8_t { kOff, kOk, kUnknown, kSlow, kFails };
[[nodiscard]] constexpr auto names_of(ProbeVerdict) {
  using enum ProbeVerdict;
  return std::to_array<Name<ProbeVerdict>>({{kOff, "off"},
                                            {kOk, "ok"},
                                            {kUnknown, "unknown"},
                                            {kSlow, "slow"},      // one in a hundred takes kProbeSlowS or more
                                            {kFails, "fails"}});  // the last kProbeFailsMany of a broker failed
}
inline constexpr double kProbeSlowS = 1;
inline constexpr uint32_t kProbeFailsMany = 3;
inline constexpr size_t kProbesKept = 256;  // of a broker

struct BrokerProbe {
  int32_t broker = 0;
  uint64_t probes = 0;  // since it was first probed
  uint64_t failures = 0;
  uint32_t failing = 0;                // in a row, at last
  std::string error;                   // of the last one that failed; "" if none did within the window
  std::optional<double> p50_s, p99_s;  // there and back, of those that came back within the window; nullopt: none did
  std::optional<double> written_p99_s;
};

struct ProbeStanding {
  ProbeVerdict verdict = ProbeVerdict::kOff;
  std::vector<BrokerProbe> brokers;    // by id
  std::optional<double> p50_s, p99_s;  // of all brokers' together
  uint32_t window_probes = 0, window_failures = 0;
  size_t not_probed = 0;  // brokers that lead no partition of the probe's topic
};

class ProbeMemory {
 public:
  explicit ProbeMemory(env::TimeUs window_us) : window_us_(window_us) {}

  [[nodiscard]] ProbeStanding take(const Look& look);
  // A cluster that can't be looked at can't be written to either: a failure of each broker that was probed before.
  [[nodiscard]] ProbeStanding away(env::TimeUs at_us, const std::string& error);

 private:
  struct Outcome {
    env::TimeUs at_us = 0, written_us = 0, back_us = 0;
    bool failed = false;
  };
  struct Broker {
    uint64_t probes = 0, failures = 0;
    uint32_t failing = 0;
    std::string error;
    std::deque<Outcome> outcomes;
  };
  void note(int32_t id, const ProbeSeen& seen, env::TimeUs at_us);
  [[nodiscard]] ProbeStanding standing(size_t brokers_there) const;
  void forget_old(env::TimeUs at_us);

  const env::TimeUs window_us_;
  bool on_ = false;
  size_t brokers_there_ = 0;
  std::map<int32_t, Broker> brokers_;
};

// The value that the share `of` of them does not exceed (nearest rank). nullopt: there are none.
[[nodiscard]] std::optional<double> quantile(std::vector<double> values, double of);

}  // namespace freshet::fleet
