// What goes wrong in a run, how often, and the moment at which a process dies.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "dice.h"
#include "probes.h"

namespace freshet::sim {

// The chances of faults in 1000, each of its own occasion; with 0 a fault never occurs in this run.
// A seed takes about half of them, so that each is also seen without the others.
struct Faults {
  // of a step of a process
  uint32_t crash_ingest = 0, crash_worker = 0, crash_reactor = 0;
  // of a scheduler's step
  uint32_t crash_store = 0, rebalance = 0, zombie = 0, standby = 0, clock_jump = 0;
  // of a restart
  uint32_t lose_state = 0, older_state = 0, keep_unsynced = 0;
  // of a commit
  uint32_t abort = 0, unknown_outcome = 0, rebalance_in_batch = 0;
  // of a request or an append
  uint32_t request_lost = 0, answer_lost = 0, duplicate_request = 0, append_refused = 0;
  // of a bulk or a write
  uint32_t store_slow = 0, store_fails = 0, store_poison = 0;

  // Worker processes have disks of their own: what one has is not what the next owner has, and the
  // log keeps everything.
  bool own_disks = false;
  // A worker reads along with the owner of each partition, to take over. This is only with disks of
  // their own.
  bool standbys = false;

  // Records of a partition in one poll: small batches let others come in between.
  size_t batch_max = 24;

  [[nodiscard]] static Faults roll(Dice& dice);
};

// A process dies here. It is thrown out of whatever was called; the world catches it and throws the
// process away.
struct Crash {};

// Something that must hold does not.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};
// The text may be a function, so that it costs nothing where all is well.
inline void require(bool condition, const std::string& what) {
  if (!condition) throw Violation(what);
}
template <class Text>
void require(bool condition, const Text& text)
  requires requires { text(); }
{
  if (!condition) throw Violation(text());
}

// Decides at which of its calls to the world a process dies: each interface that is simulated calls
// point().
class CrashPoint {
 public:
  // From now on the `calls`-th point is deadly; with 0 none is.
  void arm(uint32_t calls) { left_ = calls; }
  void point() {
    if (left_ > 0 && --left_ == 0) throw Crash{};
  }
  [[nodiscard]] bool armed() const { return left_ > 0; }

  // Within a call, by chance, others have their turns before it goes on; not within theirs again. What is armed is the
  // one's that called, so none of the others dies of it.
  template <class Others>
  void aside(Dice& dice, uint32_t permille, const Others& others) {
    if (aside_ || !dice.permille(permille)) return;
    aside_ = true;
    const uint32_t outer = std::exchange(left_, 0);
    others();
    left_ = outer;
    aside_ = false;
  }

 private:
  uint32_t left_ = 0;
  bool aside_ = false;
};

}  // namespace freshet::sim
