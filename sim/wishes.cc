#include "wishes.h"

#include <algorithm>
#include <iterator>

namespace freshet::sim {
namespace {

struct Word {
  const char* name;
  const char* channel;
  bool yes;
};
constexpr Word kAttributes[] = {
    {"email_subscribed", "email", true}, {"smsOptOut", "sms", false}, {"push_opt_out", "push", false}};
constexpr Word kEvents[] = {{"Unsubscribed", "email", false},
                            {"Email Subscribed", "email", true},
                            {"sms_opted_out", "sms", false},
                            {"SMS Opt In", "sms", true},
                            {"Push Opted Out", "push", false}};
constexpr const char* kUninstalls[] = {"Application Uninstalled", "app_uninstalled", "Device Uninstall"};

}  // namespace

void Wishes::note(const char* channel, bool yes, const Use& use) {
  Wish& wish = channels_[channel];
  if (wish.use <= use) wish = {use, yes};
}

void Wishes::attribute(const std::string& name, bool value, const Use& use) {
  for (const Word& word : kAttributes)
    if (word.name == name) note(word.channel, value == word.yes, use);
}

void Wishes::event(const std::string& name, const Use& use) {
  for (const Word& word : kEvents)
    if (word.name == name) note(word.channel, word.yes, use);
}

const bool* Wishes::of(const std::string& channel) const {
  const auto at = channels_.find(channel);
  return at == channels_.end() ? nullptr : &at->second.yes;
}

void Wishes::add_to(Profile& profile) const {
  for (const auto& [channel, wish] : channels_)
    profile["subscription " + channel] = wish.yes ? "'opted_in'" : "'opted_out'";
}

bool tells_of_uninstall(const std::string& event) {
  return std::find(std::begin(kUninstalls), std::end(kUninstalls), event) != std::end(kUninstalls);
}

}  // namespace freshet::sim
