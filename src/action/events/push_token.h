// The push token that reaches a device: of those that the device lists, the one that was used last. A token that
// another device uses later is that one's (identity moves it); this device then has the one before, or none. It reaches
// nobody after the app was uninstalled, or while push messages are not wanted, until the device uses a token again, or
// somebody wants them. All of it follows from times, so order does not matter.
#pragma once

#include <optional>
#include <string_view>

#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

inline constexpr std::string_view kPushToken = "push_token";  // the type of identifier

struct PushToken {
  std::string_view value;    // in the entity
  std::string_view invalid;  // why: uninstalled, opted_out; empty: it is valid
};

// nullopt: the device has none.
[[nodiscard]] std::optional<PushToken> push_token_of(const v1::EntityState& device);
// Notes that the app was uninstalled. True: that is news.
bool note_uninstall(v1::EntityState& device, const v1::Use& use);

}  // namespace freshet::action
