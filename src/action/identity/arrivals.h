// How a message reaches its entity: at once; later, if the entity holds back; or in the entity that it was merged into.
// Every role of a host looks its entities up here.
#pragma once

#include <utility>

#include "action/identity/turn.h"
#include "freshet/v1/envelope.pb.h"
#include "state/partition_state.h"

namespace freshet::action {

// A message that has to queue behind held ones releases more than it adds, so that the queue ends.
inline constexpr uint64_t kReleasedByArrival = 2;

// Where held messages go when their time has come: to the function for their type, as if they came now.
class MessageHandler {
 public:
  virtual void handle(v1::Loop& message) = 0;

 protected:
  ~MessageHandler() = default;
};

class Arrivals {
 public:
  Arrivals(Turn& turn, MessageHandler& handler) : turn_(turn), handler_(handler) {}

  // The entity that the message is to; nullptr: the state can't be read, or nobody has made it, and the message is set
  // aside.
  [[nodiscard]] state::Entity* find(const v1::Loop& m);
  // The entity that the message is for; nullptr: the same, or the message was held or forwarded.
  [[nodiscard]] state::Entity* reach(const v1::Loop& m);
  [[nodiscard]] bool holds_back(const state::Entity& e) const;
  // REQUIRES: it holds back.
  void hold(state::Entity& e, const v1::Loop& m);
  // Handles what the entity held. REQUIRES: it is winding up.
  void release(state::Entity& e, Budget& budget);

 private:
  Turn& turn_;
  MessageHandler& handler_;
  const state::Entity* releasing_ = nullptr;  // whose held messages are under way
};

template <class T>
T take_first(google::protobuf::RepeatedPtrField<T>& list) {
  T first = std::move(list[0]);  // This copies it out of the entity's arena.
  list.erase(list.begin());
  return first;
}

}  // namespace freshet::action
