// Two ordered sets beside the parties: who waits, by clock, whose first is next; and who rests with a clock that is
// still ahead, so that a short pause is no way to a turn before others. A party is in one of them at most.
#include "ingest/turns.h"

#include <algorithm>

#include "base/assert.h"

namespace freshet::ingest {

void Turns::add(const std::string& name) {
  const auto [at, is_new] = parties_.try_emplace(name);
  Party& party = at->second;
  if (party.waiting == 0 && party.under_way == 0) {
    if (!is_new) resting_.erase({party.clock_us, name});
    party.clock_us = std::max(party.clock_us, now_us_);
  }
  if (party.waiting++ == 0) waiting_.emplace(party.clock_us, name);
}

std::string Turns::take() {
  FRESHET_ASSERT(!waiting_.empty());
  const std::string name = waiting_.begin()->second;
  Party& party = parties_.at(name);
  // A piece that cost less than it seemed turns its party's clock back, but time goes on.
  now_us_ = std::max(now_us_, party.clock_us);
  FRESHET_ASSERT(party.waiting > 0);
  ++party.under_way;
  party.ahead_us += party.last_us;
  if (--party.waiting == 0) waiting_.erase({party.clock_us, name});
  move(name, party, party.last_us);
  return name;
}

void Turns::done(const std::string& name, env::TimeUs cost_us) {
  Party& party = parties_.at(name);
  FRESHET_ASSERT(party.under_way > 0);
  const env::TimeUs counted = party.ahead_us / static_cast<env::TimeUs>(party.under_way);
  const env::TimeUs cost = std::max(cost_us, kTurnUs);
  party.ahead_us -= counted;
  party.last_us = cost;
  --party.under_way;
  move(name, party, cost - counted);
  if (party.waiting == 0 && party.under_way == 0) resting_.emplace(party.clock_us, name);
  forget();
}

void Turns::move(const std::string& name, Party& party, env::TimeUs by_us) {
  if (party.waiting > 0) waiting_.erase({party.clock_us, name});
  party.clock_us += by_us;
  if (party.waiting > 0) waiting_.emplace(party.clock_us, name);
}

void Turns::forget() {
  // Where everybody rests nobody is ahead of anybody.
  const bool all_rest = resting_.size() == parties_.size();
  while (!resting_.empty() && (all_rest || resting_.begin()->first <= now_us_)) {
    parties_.erase(resting_.begin()->second);
    resting_.erase(resting_.begin());
  }
  if (parties_.empty()) now_us_ = 0;
}

}  // namespace freshet::ingest
