// Kafka's error codes as they are answered, in words, and who recovers from them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace freshet::cluster::protocol {

inline constexpr int16_t kNoError = 0;
inline constexpr int16_t kNotLeaderOrFollower = 6;
inline constexpr int16_t kReplicaNotAvailable = 9;
inline constexpr int16_t kTopicAuthorizationFailed = 29;
inline constexpr int16_t kUnsupportedMechanism = 33;
inline constexpr int16_t kTopicAlreadyExists = 36;
inline constexpr int16_t kInvalidRequest = 42;
inline constexpr int16_t kSecurityDisabled = 54;  // brokers without an authorizer
inline constexpr int16_t kPreferredLeaderNotAvailable = 80;
inline constexpr int16_t kElectionNotNeeded = 84;
inline constexpr int16_t kNoReassignmentInProgress = 85;

// "NOT_CONTROLLER (41)"
[[nodiscard]] std::string error_name(int16_t error);

// An error of a broker for `what` ("127.0.0.1:9092: AlterPartitionReassignments of orders[3]") with its own words or
// Kafka's usual ones. kRetry: it passes by itself; kInvalid: what was asked, or who asks, is not right.
[[nodiscard]] Error error_of(int16_t error, const std::string& what, const std::optional<std::string>& words = {});

// "AlterReplicaLogDirs (34)", as Kafka's documentation calls the key.
[[nodiscard]] std::string key_name(int16_t key);

}  // namespace freshet::cluster::protocol
