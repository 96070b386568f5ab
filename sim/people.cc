// What clients of a run send, item by item. The order of the rolls is part of every seed.

#include "people.h"

#include <fmt/core.h>

#include <algorithm>

namespace freshet::sim {

uint32_t People::somebody() {
  if (dice_.permille(habits_.hot)) return 0;
  return static_cast<uint32_t>(dice_.roll(habits_.people));
}

// Somebody of the same circle.
uint32_t People::neighbour(uint32_t person, uint32_t circle) {
  const uint32_t first = person / circle * circle;
  return std::min(first + static_cast<uint32_t>(dice_.roll(circle)), habits_.people - 1);
}

// A person's identifiers: the user_id first, the rest is the circle's.
Named People::pool(uint32_t person) const {
  const uint32_t circle = person / habits_.circle;
  Named ids = {{"user_id", user_id(person)}};
  for (uint32_t i = 0; i < habits_.emails; ++i) ids.emplace_back("email", fmt::format("e{}.{}@x.io", circle, i));
  const std::string numbers = habits_.spelled > 0 ? fmt::format("+{}30", kCountry) : "+49";
  for (uint32_t i = 0; i < habits_.phones; ++i) ids.emplace_back("phone", fmt::format("{}{}{}", numbers, circle, i));
  for (uint32_t i = 0; i < habits_.anonymous; ++i) ids.emplace_back("anonymous_id", fmt::format("a{}-{}", circle, i));
  return ids;
}

// With another beginning, and what people write between digits.
std::pair<std::string, std::string> People::spelled(std::pair<std::string, std::string> identifier) {
  std::string& number = identifier.second;
  if (habits_.spelled == 0 || identifier.first != "phone" || !dice_.permille(habits_.spelled)) return identifier;
  static const std::vector<std::string> kBegins = {"+49", "+49 (0)", "0049", "0049-(0)", "0", "(0)"};
  static const std::vector<std::string> kBetween = {" ", "-", ".", "/", " - "};
  const std::string behind = number.substr(std::string(kCountry).size() + 1);
  number = dice_.pick(kBegins);
  for (const char digit : behind) {
    if (dice_.one_in(3)) number += dice_.pick(kBetween);
    number += digit;
  }
  return identifier;
}

// What the person's own device is known by.
Named People::device_pool(uint32_t person) const {
  const std::string number = std::to_string(person);
  Named ids = {{"device_id", "d" + number}, {"idfv", "v" + number}, {"gaid", "g" + number}};
  ids.resize(std::min<size_t>(ids.size(), habits_.device_identifiers_max));
  return ids;
}

Item People::blank() {
  Item item;
  item.message_id = fmt::format("m{:04}", next_message_++);
  item.time_ms = time_ms_ + 1000 * dice_.between(0, habits_.times - 1);
  if (dice_.permille(habits_.skewed)) {  // the sender's clock is wrong by up to an hour
    const int64_t skew_ms = dice_.between(-3'600'000, 3'600'000);
    item.sent_at_ms = time_ms_ + 60'000 + skew_ms;
    item.time_ms += skew_ms;
  }
  return item;
}

Item People::next() {
  if (dice_.permille(habits_.merge + habits_.erase + habits_.unlink + habits_.unsuppress)) return command();
  if (dice_.permille(habits_.blocked)) return nobody();
  if (habits_.stranger > 0 && dice_.permille(habits_.stranger)) return stranger();
  Item item = blank();
  const uint32_t person = somebody();
  Named ids = pool(person);
  const bool named = dice_.permille(habits_.has_user_id);
  if (named) item.user.push_back(ids[0]);
  dice_.shuffle(ids);
  const size_t count = 1 + dice_.roll(habits_.identifiers_max);
  for (size_t i = 0; i < ids.size() && item.user.size() < count; ++i)
    if (!named || ids[i].first != "user_id") item.user.push_back(spelled(ids[i]));
  if (dice_.permille(habits_.device)) {  // the device is one's own, or the family's
    item.device = device_pool(dice_.one_in(3) ? person / 3 * 3 : person);
    dice_.shuffle(item.device);
    item.device.resize(1 + dice_.roll(item.device.size()));
    if (habits_.token > 0) use_token(item);
  }
  do_something(item);
  return item;
}

std::vector<Item> People::ties() {
  std::vector<Item> items;
  for (uint32_t person = 0; person < habits_.people; ++person) {
    Item& item = items.emplace_back(blank());
    for (const auto& [type, value] : pool(person))
      if (type != "anonymous_id") item.user.push_back(spelled({type, value}));
    item.event = "U." + user_id(person);
    if (habits_.device > 0) item.device = device_pool(person);
    item.vouched = habits_.stranger > 0;
  }
  return items;
}

// Who names a token says which device it is by its first identifier, as apps do: a token alone would be that of whoever
// has it at the moment.
void People::use_token(Item& item) {
  std::string number = item.device[0].second.substr(1);
  if (dice_.permille(habits_.token)) {
    const std::pair<std::string, std::string> first{"device_id", "d" + number};
    if (std::find(item.device.begin(), item.device.end(), first) == item.device.end()) item.device.push_back(first);
    if (dice_.one_in(4)) number = std::to_string(somebody());
    item.device.emplace_back("push_token", fmt::format("t{}.{}", number, dice_.roll(2)));
  }
  if (dice_.permille(habits_.lone_device)) item.user.clear();
}

// What these words mean is said in wishes.cc.
void People::say_reach(Item& item) {
  static const std::vector<std::string> kUninstalls = {"Application Uninstalled", "app_uninstalled",
                                                       "Device Uninstall"};
  static const std::vector<std::string> kWishes = {"Unsubscribed", "Email Subscribed", "sms_opted_out", "SMS Opt In",
                                                   "Push Opted Out"};
  switch (dice_.roll(3)) {
    case 0: item.set.emplace_back("push_opt_out", dice_.one_in(2) ? "true" : "false"); return;
    case 1: item.event = dice_.pick(kWishes); break;
    default: item.event = dice_.pick(kUninstalls);
  }
  item.properties.clear();
}

// An event carries the user_id in its name where there is one, so that a check can see whose
// profile it ended in.
void People::do_something(Item& item) {
  const auto user =
      std::find_if(item.user.begin(), item.user.end(), [](const auto& i) { return i.first == "user_id"; });
  if (dice_.permille(habits_.event)) {
    item.event = user != item.user.end() ? "U." + user->second : fmt::format("E{}", dice_.roll(20));
    if (dice_.permille(habits_.buy)) {
      item.event = "Buy";
      const size_t total = dice_.roll(dice_.one_in(10) ? 100'000'000'000 : 1'000);  // large ones, too, for a double
      item.properties = fmt::format(R"({{"total":{}.{:02},"sku":"s{}"}})", total, dice_.roll(100), dice_.roll(9));
    }
  }
  if (dice_.permille(habits_.reach)) say_reach(item);
  if (dice_.permille(habits_.marked)) item.add.emplace_back("m", item.message_id);
  if (dice_.permille(habits_.attribute)) set_attributes(item);
  if (dice_.permille(habits_.set)) change_tags(item);
}

// Mostly elements come and go; now and then the whole set is written or unset.
void People::change_tags(Item& item) {
  const auto tag = [&] { return fmt::format("t{}", dice_.roll(6)); };
  switch (dice_.roll(8)) {
    case 0: item.unset.emplace_back("tags"); break;
    case 1: item.set.emplace_back("tags", fmt::format(R"(["{}"])", tag())); break;
    case 2:
    case 3: item.remove.emplace_back("tags", tag()); break;
    default: item.add.emplace_back("tags", tag());
  }
}

void People::set_attributes(Item& item) {
  const std::string name(1, static_cast<char>('p' + dice_.roll(4)));
  if (dice_.one_in(4)) {
    item.unset.push_back(name);
  } else {
    item.set.emplace_back(name, std::to_string(dice_.roll(5)));
  }
  if (dice_.one_in(8)) item.set.emplace_back("city", fmt::format("\"c{}\"", dice_.roll(4)));
  if (dice_.one_in(4))
    item.set.emplace_back(dice_.one_in(2) ? "email_subscribed" : "smsOptOut", dice_.one_in(2) ? "true" : "false");
}

// Merges, erases, unlinks and unsuppresses, by their shares.
Item People::command() {
  Item item = blank();
  const uint32_t person = somebody();
  const std::string user = json_object({{"user_id", user_id(person)}});
  uint32_t which =
      static_cast<uint32_t>(dice_.roll(habits_.merge + habits_.erase + habits_.unlink + habits_.unsuppress));
  if (which < habits_.merge) {
    uint32_t other = neighbour(person, habits_.merge_circle);
    if (other == person)
      other = person % habits_.merge_circle == 0 && person + 1 < habits_.people ? person + 1 : person - 1;
    item.command = fmt::format(R"("merge":{{"from":{},"into":{}}})", json_object({{"user_id", user_id(other)}}), user);
    return item;
  }
  which -= habits_.merge;
  const Named ids = pool(person);
  if (which < habits_.erase) {
    item.command = fmt::format(R"("erase":{})", dice_.one_in(3) ? json_object({dice_.pick(ids)}) : user);
  } else if (which < habits_.erase + habits_.unlink) {
    const auto& from = dice_.one_in(2) ? ids[0] : dice_.pick(ids);
    const auto& what = ids[1 + dice_.roll(ids.size() - 1)];
    item.command = fmt::format(R"("unlink":{{"from":{},"identifier":{}}})", json_object({from}), json_object({what}));
  } else {
    item.command = fmt::format(R"("unsuppress":{})", dice_.one_in(3) ? json_object({dice_.pick(ids)}) : user);
  }
  return item;
}

Item People::stranger() {
  Item item = blank();
  item.stranger = true;
  item.user.emplace_back("user_id", "x-" + item.message_id);
  const Named ids = pool(somebody());
  item.user.push_back(ids[1 + dice_.roll(habits_.emails + habits_.phones)]);
  do_something(item);
  return item;
}

// Words that many senders use for "not logged in".
Item People::nobody() {
  static const std::vector<std::string> kNobody = {"null", "undefined", "0", "anonymous", "NULL", " None ", "000-00"};
  Item item = blank();
  item.user.emplace_back("user_id", dice_.pick(kNobody));
  item.event = "E0";
  item.blocked = true;
  return item;
}

}  // namespace freshet::sim
