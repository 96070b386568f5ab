// Random people and what they do: the matter of which the workloads are made.
#pragma once

#include <string>
#include <vector>

#include "dice.h"
#include "items.h"

namespace freshet::sim {

// Where numbers are from that are written in several ways.
inline constexpr const char* kCountry = "49";

// How people behave. Chances are in 1000.
struct Habits {
  uint32_t people = 24;
  // So many of them share e-mail, phone and devices with one another; with 1 nobody does.
  uint32_t circle = 1;
  uint32_t emails = 2, phones = 1, anonymous = 3;  // of a person, or of a circle
  uint32_t identifiers_max = 3;                    // in one record
  uint32_t device_identifiers_max = 1;             // of the device, in one record
  uint32_t has_user_id = 500;                      // records that name the user_id for sure
  uint32_t hot = 0;                                // records of the first person
  uint32_t event = 700, buy = 250, attribute = 300, set = 150, device = 0;
  uint32_t marked = 0;  // records that leave their own mark in the set "m", so that each can be found again
  uint32_t merge = 0, erase = 0, unlink = 0, unsuppress = 0;
  // Of records with a device: those that name a push token, of its own or another one's; and those of nobody but it.
  uint32_t token = 0, lone_device = 0;
  uint32_t reach = 0;         // records that say whether messages are wanted, or that the app is gone
  uint32_t spelled = 0;       // phone numbers, of kCountry then, that are not written the usual way
  uint32_t stranger = 0;      // records of made-up persons who claim what is another's
  uint32_t merge_circle = 1;  // explicit merges are within so many people
  uint32_t blocked = 10, skewed = 50;
  uint32_t times = 40;  // different event times, so that many are equal
};

// Makes items, one after the other, from a seed's dice.
class People {
 public:
  People(const Habits& habits, Dice& dice, int64_t time_ms) : habits_(habits), dice_(dice), time_ms_(time_ms) {}

  // The next record, of anybody.
  [[nodiscard]] Item next();
  // One record of each person that names all of its unique identifiers, and those of its device: these tie together
  // what is one.
  [[nodiscard]] std::vector<Item> ties();

 private:
  // A record with an id and times, and nothing in it yet.
  [[nodiscard]] Item blank();
  // A merge, erase, unlink or unsuppress.
  [[nodiscard]] Item command();
  // A record that names nobody, as senders do for visitors who are not logged in.
  [[nodiscard]] Item nobody();
  // A made-up user_id with an e-mail or phone of somebody.
  [[nodiscard]] Item stranger();
  [[nodiscard]] Named pool(uint32_t person) const;
  [[nodiscard]] Named device_pool(uint32_t person) const;
  // The identifier as somebody may write it.
  [[nodiscard]] std::pair<std::string, std::string> spelled(std::pair<std::string, std::string> identifier);
  [[nodiscard]] std::string user_id(uint32_t person) const { return "u" + std::to_string(person); }
  [[nodiscard]] uint32_t somebody();
  [[nodiscard]] uint32_t neighbour(uint32_t person, uint32_t circle);
  void use_token(Item& item);
  void do_something(Item& item);
  void say_reach(Item& item);
  void set_attributes(Item& item);
  void change_tags(Item& item);

  const Habits& habits_;
  Dice& dice_;
  const int64_t time_ms_;
  size_t next_message_ = 0;
};

}  // namespace freshet::sim
