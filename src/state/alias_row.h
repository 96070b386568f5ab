// What an identifier leads to: as the engine has it, and as a row.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/v1/envelope.pb.h"
#include "model/entity_ref.h"

namespace freshet::state {

struct Alias {
  model::EntityRef ref;
  int64_t use_time_us = 0;  // shared identifiers: the holder's last use that the home knows of
  std::string use_message_id;
  std::vector<uint32_t> claimants;           // short hashes of those that claimed it while another had it; sorted
  std::vector<uint32_t> verified_claimants;  // those whose claim was verified; sorted
  std::vector<uint32_t> claim_days;          // since 1970, a few on which it was claimed; sorted
  uint32_t generation = 0;                   // raised whenever the identifier is freed
  bool held = false;
  bool suppressed = false;
  bool verified = false;  // the holder's use is, as far as the home knows
  bool common = false;    // too many claimed it: it is only ever linked to the profile made from it
  bool touched = false;
};

// All that most records need to know of an alias.
struct Holder {
  model::EntityRef ref;  // means nothing if nobody has the identifier
  bool held = false;
  bool suppressed = false;
};

// `row` is made anew; its memory is used again.
void encode_alias(const Alias& alias, v1::AliasRow& row, std::string& bytes);
void decode_alias(const v1::AliasRow& row, Alias& alias);
// Reads no more than that. nullopt: the row is damaged, as far as this can tell.
[[nodiscard]] std::optional<Holder> read_holder(std::string_view row);

}  // namespace freshet::state
