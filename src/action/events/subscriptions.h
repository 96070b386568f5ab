// Whether a person wants messages, by channel (email, sms, push, whatsapp), as attributes and events say in the words
// that senders use: `email_subscribed: false`, `smsOptOut: true`, `moe_push_opted`, an event "Email Unsubscribed". Of
// each channel the last word by (event time, message id) counts, as of attributes; so order does not matter, and a
// profile that is merged late keeps an opt-out that came after the survivor's opt-in. docs/profiles.md has the words.
#pragma once

#include <optional>
#include <string_view>

#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

struct Subscription {
  std::string_view channel;
  bool opted_in = false;
};

// What a value says that an attribute is set to; nullopt: it is about no subscription, or says neither yes nor no.
// `short_words`: y, n, t and f say it, too, and 1.0 and 0.0, which many tables have for true and false.
[[nodiscard]] std::optional<Subscription> subscription_of_attribute(std::string_view name, const v1::Value& value,
                                                                    bool short_words);
[[nodiscard]] std::optional<Subscription> subscription_of_event(std::string_view name);
// Whether the event says that the app is no longer on the device.
[[nodiscard]] bool is_uninstall(std::string_view event_name);

// Writes the channel's register. True: a reader may see something else.
bool write_subscription(v1::EntityState& entity, const Subscription& subscription, const v1::Use& use);
void absorb_subscriptions(v1::EntityState& entity, const v1::EntityState& from);
// As documents have it: opted_in or opted_out; nullopt: nothing was said.
[[nodiscard]] std::optional<std::string_view> subscription_word(const v1::EntityState& entity,
                                                                std::string_view channel);

}  // namespace freshet::action
