// Names are compared by their letters and digits alone, in lower case: senders write email_opt_out, emailOptOut and
// "Email Opt Out" for the same thing.
#include "action/events/subscriptions.h"

#include <algorithm>
#include <array>
#include <string>

#include "action/events/attributes.h"
#include "action/events/sorted.h"
#include "base/mutant.h"
#include "base/text.h"

namespace freshet::action {
namespace {

constexpr size_t kWordBytesMax = 40;  // A longer name is about something else.

// Letters and digits of a name, in lower case. Most names of events and attributes are not about subscriptions, and
// each of them comes by here: so there is no allocation.
class Letters {
 public:
  explicit Letters(std::string_view name) {
    if (name.size() > kWordBytesMax) return;
    for (char c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) letters_[size_++] = c;
    }
  }
  [[nodiscard]] std::string_view view() const { return {letters_.data(), size_}; }

 private:
  std::array<char, kWordBytesMax> letters_{};
  size_t size_ = 0;
};

struct ChannelName {
  std::string_view letters, channel;
};
constexpr std::array<ChannelName, 5> kChannels = {
    {{"email", "email"}, {"sms", "sms"}, {"push", "push"}, {"whatsapp", "whatsapp"}, {"wa", "whatsapp"}}};

// What follows the channel, and whether it stands for messages that are wanted.
struct Verb {
  std::string_view letters;
  bool in;
  bool of_events;  // of attributes are all
};
constexpr std::array<Verb, 12> kVerbs = {{{"subscribed", true, true},
                                          {"optin", true, true},
                                          {"optedin", true, true},
                                          {"optout", false, true},
                                          {"optedout", false, true},
                                          {"unsubscribe", false, true},
                                          {"unsubscribed", false, true},
                                          {"subscription", true, false},
                                          {"subscribe", true, false},
                                          {"opted", true, false},
                                          {"enabled", true, false},
                                          {"disabled", false, false}}};

std::optional<Subscription> parse_name(std::string_view letters, bool event) {
  if (letters.starts_with("moe")) letters.remove_prefix(3);  // the data API's own names
  if (letters == "unsubscribed" || (letters == "unsubscribe" && !event)) return Subscription{"email", false};
  for (const ChannelName& channel : kChannels) {
    if (!letters.starts_with(channel.letters)) continue;
    const std::string_view verb = letters.substr(channel.letters.size());
    for (const Verb& known : kVerbs)
      if (verb == known.letters && (known.of_events || !event)) return Subscription{channel.channel, known.in};
  }
  return std::nullopt;
}

enum class Said : uint8_t { kNothing, kYes, kNo, kIn, kOut };

Said said_by(const v1::Value& value) {
  switch (value.kind_case()) {
    case v1::Value::kBoolean: return value.boolean() ? Said::kYes : Said::kNo;
    case v1::Value::kInteger:
      if (value.integer() == 0 || value.integer() == 1) return value.integer() == 1 ? Said::kYes : Said::kNo;
      return Said::kNothing;
    case v1::Value::kText: break;
    default: return Said::kNothing;
  }
  const Letters word(value.text());
  const auto is_one_of = [&](std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word.view()) != words.end();
  };
  if (is_one_of({"true", "yes", "1", "on"})) return Said::kYes;
  if (is_one_of({"false", "no", "0", "off"})) return Said::kNo;
  if (is_one_of({"subscribed", "optin", "optedin"})) return Said::kIn;
  if (is_one_of({"unsubscribed", "optout", "optedout"})) return Said::kOut;
  return Said::kNothing;
}

Said said_shortly(const v1::Value& value) {
  if (value.has_number()) return value.number() == 1 ? Said::kYes : value.number() == 0 ? Said::kNo : Said::kNothing;
  const std::string_view text = trim(value.text(), " \t\r\n");
  const Letters word(text);
  if (text == "1.0" || word.view() == "y" || word.view() == "t") return Said::kYes;
  if (text == "0.0" || word.view() == "n" || word.view() == "f") return Said::kNo;
  return Said::kNothing;
}

}  // namespace

std::optional<Subscription> subscription_of_attribute(std::string_view name, const v1::Value& value, bool short_words) {
  std::optional<Subscription> subscription = parse_name(Letters(name).view(), false);
  if (!subscription) return std::nullopt;
  Said said = said_by(value);
  if (said == Said::kNothing && short_words) said = said_shortly(value);
  switch (said) {
    case Said::kNothing: return std::nullopt;
    case Said::kYes: break;
    case Said::kNo: subscription->opted_in = !subscription->opted_in; break;
    case Said::kIn: subscription->opted_in = true; break;
    case Said::kOut: subscription->opted_in = false; break;
  }
  return subscription;
}

std::optional<Subscription> subscription_of_event(std::string_view name) {
  if (FRESHET_MUTANT(kSubscriptionEventUnheard)) return std::nullopt;
  return parse_name(Letters(name).view(), true);
}

bool is_uninstall(std::string_view event_name) {
  const Letters letters(event_name);
  std::string_view word = letters.view();
  if (word.starts_with("moe")) word.remove_prefix(3);
  return word == "applicationuninstalled" || word == "appuninstalled" || word == "appuninstall" ||
         word == "deviceuninstall" || word == "deviceuninstalled";
}

bool write_subscription(v1::EntityState& entity, const Subscription& subscription, const v1::Use& use) {
  bool made = false;
  v1::Register& target = find_or_add_named(*entity.mutable_subscriptions(), subscription.channel, &made);
  if (!made && earlier(use, target.use()) && !FRESHET_MUTANT(kSubscriptionByArrival)) return false;
  const bool changes = made || target.value().boolean() != subscription.opted_in;
  target.mutable_value()->set_boolean(subscription.opted_in);
  *target.mutable_use() = use;
  return changes;
}

void absorb_subscriptions(v1::EntityState& entity, const v1::EntityState& from) {
  for (const v1::Register& r : from.subscriptions())
    write_subscription(entity, {r.name(), r.value().boolean()}, r.use());
}

std::optional<std::string_view> subscription_word(const v1::EntityState& entity, std::string_view channel) {
  const v1::Register* r = find_named(entity.subscriptions(), channel);
  if (r == nullptr) return std::nullopt;
  return r->value().boolean() ? "opted_in" : "opted_out";
}

}  // namespace freshet::action
