// Versions of Apache Kafka: which there are, and what runs them. What came out later is not known here, and is told so,
// never refused.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "fleet/topology.h"

namespace freshet::fleet {

// The first two numbers of "3.9.1".
[[nodiscard]] std::pair<uint32_t, uint32_t> parse_version(std::string_view text);

inline constexpr std::string_view kKnownReleases = "3.0 to 3.9 and 4.0 to 4.3";
// Whether there is a release with these two numbers.
[[nodiscard]] bool is_released(std::string_view version);

// Operators that serve kafka.strimzi.io/v1 (0.49 and later) run Kafka 4 only; older ones, with v1beta2, Kafka 3, too.
[[nodiscard]] bool runs_with_strimzi_v1(std::string_view version);

// Whether one of Strimzi's operators up to 0.51, the newest that is known here, runs it.
[[nodiscard]] bool is_known_of_strimzi(std::string_view version);

// The releases with the first two numbers of `version` that they run, with a blank between two; "": not known which.
[[nodiscard]] std::string_view patches_of_strimzi(std::string_view version);

// What a cluster has that does not say: on Kubernetes one that Strimzi's operators of both versions of its API run.
[[nodiscard]] std::string_view default_kafka(Platform platform);

}  // namespace freshet::fleet
