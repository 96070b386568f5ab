// Whether messages are wanted, by channel, for the oracle: of all that was said the last word by time. The words are
// those that people of the workloads use (people.cc), each with what it means; how others may be written is for the
// product's own tests.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "oracle.h"

namespace freshet::sim {

using Use = std::pair<int64_t, std::string>;  // when, and by which message: the order of writes

class Wishes {
 public:
  // An attribute was set to this, or an event came. Most are about something else.
  void attribute(const std::string& name, bool value, const Use& use);
  void event(const std::string& name, const Use& use);
  // The last word about the channel; nullptr: none was said.
  [[nodiscard]] const bool* of(const std::string& channel) const;
  void add_to(Profile& profile) const;

 private:
  struct Wish {
    Use use;
    bool yes = false;
  };
  void note(const char* channel, bool yes, const Use& use);

  std::map<std::string, Wish> channels_;
};

// Whether the event says that the app is gone from its device.
[[nodiscard]] bool tells_of_uninstall(const std::string& event);

}  // namespace freshet::sim
