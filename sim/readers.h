// Who reads profiles from action's state while it works, dies and comes back. Every answer must be what an undisturbed
// engine says of the very offset that is committed at that moment: not of an earlier one, not of a later one. At the
// end all profiles are read, which then have to be those that the checks expect.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "action/profile_reads.h"
#include "follower.h"
#include "stage.h"

namespace freshet::sim {

class Readers final : public action::ProfileSource {
 public:
  // `reads`: of the worker, null while it is down. It has a chance of its own, so that the run is the same without it.
  Readers(Stage& stage, Shadow& shadow, uint64_t seed, std::function<action::ProfileReads*()> reads)
      : stage_(stage), shadow_(shadow), dice_(seed), reads_(std::move(reads)) {}

  // Puts a question now and then: who has an identifier that was sent, or what is with a profile that was read before.
  void step();
  void ask(uint32_t partition, action::ProfileQuestion question, action::ProfileAnswered answered) override;
  // All profiles, by id; each is also looked up by each of its identifiers. `work` has the worker answer.
  [[nodiscard]] std::map<std::string, v1::Document> read_all(const std::function<void()>& work);

 private:
  void begin_one();
  void check(uint32_t partition, const action::ProfileQuestion& question, const action::ProfileAnswer& answer);
  [[nodiscard]] std::optional<action::FoundProfile> wait_for(const action::ProfileQuestion& of,
                                                             const std::function<void()>& work);

  Stage& stage_;
  Shadow& shadow_;
  Dice dice_;
  std::function<action::ProfileReads*()> reads_;
  bool busy_ = false;                           // one look-up at a time
  bool ends_merged_ = false;                    // its last answer was that the profile was merged away
  std::vector<action::ProfileQuestion> known_;  // profiles that were found
};

}  // namespace freshet::sim
