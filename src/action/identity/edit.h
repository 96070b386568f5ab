// A change of an entity: who changes one holds an Edit meanwhile, and notes in it what was changed. When it ends, the
// change is kept, has the next version of the entity, and is said in `changes`.
#pragma once

#include <string_view>

#include "action/events/profile.h"
#include "action/identity/turn.h"
#include "freshet/v1/change.pb.h"
#include "freshet/v1/envelope.pb.h"
#include "state/partition_state.h"

namespace freshet::action {

// An entry of an entity's history. It tells of an identifier, of another entity, or of both.
struct Happening {
  v1::HistoryEntry::What what;
  const v1::Identifier* identifier = nullptr;
  const v1::EntityRef* other = nullptr;
  const v1::Use& use;  // of the record that led to it
  std::string_view reason = {};
};

// Says what becomes of the entities of a partition. It keeps the memory that one change is noted and put into words in,
// which the next one uses again.
class Editor {
 public:
  explicit Editor(Turn& turn) : turn_(turn) {}
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;

  // The entity has no document any more. REQUIRES: it was merged away or erased.
  void say_removal(state::Entity& e, int64_t received_at_us);

  // ---- for Edit: begin(), say() if it is to be said, end()
  [[nodiscard]] Touched& begin(state::Entity& e);
  void say(state::Entity& e, int64_t received_at_us);
  void end() { editing_ = false; }
  void note(state::Entity& e, const Happening& happening, int64_t received_at_us);

 private:
  void begin_change(const state::Entity& e, int64_t received_at_us);

  Turn& turn_;
  bool editing_ = false;
  Touched touched_;
  v1::Change change_;  // the last one that was said
};

// One at a time: whatever makes another entity change in the same turn comes before or afterwards.
class Edit {
 public:
  Edit(Editor& editor, state::Entity& entity, int64_t received_at_us)
      : editor_(editor), entity_(entity), received_at_us_(received_at_us), touched_(editor.begin(entity)) {}
  ~Edit() {
    if (said_) editor_.say(entity_, received_at_us_);
    editor_.end();
  }
  Edit(const Edit&) = delete;
  Edit& operator=(const Edit&) = delete;

  [[nodiscard]] state::Entity& entity() const { return entity_; }
  [[nodiscard]] v1::EntityState& state() const { return entity_.state; }
  [[nodiscard]] Touched& touched() const { return touched_; }
  [[nodiscard]] int64_t received_at_us() const { return received_at_us_; }
  void note(const Happening& happening) { editor_.note(entity_, happening, received_at_us_); }
  // The change is kept but not said by itself: something later says it.
  void leave_unsaid() { said_ = false; }

 private:
  Editor& editor_;
  state::Entity& entity_;
  const int64_t received_at_us_;  // of the record that led to it
  Touched& touched_;
  bool said_ = true;
};

}  // namespace freshet::action
